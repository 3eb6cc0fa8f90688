#!/bin/sh
# Times `bake plan`: one image, and 1,000 images of 12 nodes each, cold and with nothing to do.
# Beside it terraform with as many resources, where it is installed.
#
#   cargo build --release --no-default-features && benches/plan.sh [path of bake]
#
# For the plan with nothing to do all 1,000 images are built first, as root: BENCH_APPLY=1, some minutes, 5 GB.
set -eu

bake=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/bake}")
here=$(cd "$(dirname "$0")/.." && pwd)
root=$here/examples/minimal/root.tar
[ -e "$root" ] || "$here/examples/minimal/make-root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# image NAME: twelve nodes without a network
image() {
    cat <<END
image "$1" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
  bootstrap "tar" {
    path = "root.tar"
  }
  provision "file" "motd" {
    content     = "this is $1\n"
    destination = "/etc/motd"
  }
  provision "shell" "setup" {
    script = "setup.sh"
    env    = { NAME = "$1" }
  }
  provision "shell" "clean" {
    inline = ["rm -rf /tmp/*"]
  }
}
END
}

# module COUNT DIRECTORY: so many images, a hundred to a file
module() {
    mkdir -p "$2"
    printf 'bake {\n  project = "bench"\n}\n' > "$2/bake.bake.hcl"
    cp "$root" "$2/root.tar"
    echo 'echo "$NAME" > /root/name' > "$2/setup.sh"
    number=0
    while [ "$number" -lt "$1" ]; do
        image "web$number" >> "$2/images$((number / 100)).bake.hcl"
        number=$((number + 1))
    done
}

# timed LABEL COMMAND...: the best of five runs in milliseconds, and the most memory
timed() {
    label=$1
    shift
    best=
    for _ in 1 2 3 4 5; do
        /usr/bin/time -f '%e %M' -o "$work/time" "$@" > "$work/out" 2> "$work/err" || {
            cat "$work/err" >&2
            exit 1
        }
        read -r seconds kib < "$work/time"
        ms=$(awk "BEGIN { printf \"%d\", $seconds * 1000 }")
        if [ -z "$best" ] || [ "$ms" -lt "$best" ]; then best=$ms; fi
    done
    printf '%-44s %6d ms %6d MiB   %s\n' "$label" "$best" "$((kib / 1024))" "$(tail -n 1 "$work/out")"
}

timed "bake version" "$bake" version
module 1 "$work/one"
module 1000 "$work/many"
timed "bake plan, 1 image" "$bake" -chdir="$work/one" plan
timed "bake plan, 1,000 images" "$bake" -chdir="$work/many" plan
if [ "$(id -u)" = 0 ] && [ -n "${BENCH_APPLY:-}" ]; then
    "$bake" -chdir="$work/many" apply -auto-approve > /dev/null
    timed "bake plan, 1,000 images, nothing to do" "$bake" -chdir="$work/many" plan
fi

if command -v terraform > /dev/null; then
    mkdir "$work/tf"
    for number in $(seq 1000); do
        printf 'resource "terraform_data" "web%d" { input = "%d" }\n' "$number" "$number"
    done > "$work/tf/main.tf"
    terraform -chdir="$work/tf" init -input=false > /dev/null
    timed "terraform plan, 1,000 resources" terraform -chdir="$work/tf" plan -input=false -no-color
fi
