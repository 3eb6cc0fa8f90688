#!/bin/sh
# Times `bake plan`: with nothing built, and with everything built ("no changes"); 1 image, 1,000 images of 12 nodes each,
# and with BENCH_LARGE=1 also 10,000. Beside it terraform with as many resources, where it is installed.
#
#   cargo build --release --no-default-features && benches/plan.sh [path of bake]
#
# What "everything built" needs is made by benches/world.py from the plan: records as bake writes them, and empty disks.
# BENCH_APPLY=1 builds the 1,000 images instead: as root, some minutes, 5 GB.
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

# timed LABEL COMMAND...: the best of three runs in milliseconds, and the most memory
timed() {
    label=$1
    shift
    best=
    for _ in 1 2 3; do
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

# built DIRECTORY: the images of this module stand
built() {
    if [ "$(id -u)" = 0 ] && [ -n "${BENCH_APPLY:-}" ]; then
        "$bake" -chdir="$1" apply -auto-approve > /dev/null
    else
        "$bake" -chdir="$1" plan -out "$work/plan" > /dev/null 2>&1
        "$here/benches/world.py" "$work/plan" "$1/.bake/store"
        rm "$work/plan"
    fi
}

# beside COUNT: terraform plans as many resources. Up to 1,000 they stand; making more of them takes it many minutes.
beside() {
    mkdir "$work/tf$1"
    for number in $(seq "$1"); do
        printf 'resource "terraform_data" "web%d" { input = "%d" }\n' "$number" "$number"
    done > "$work/tf$1/main.tf"
    terraform -chdir="$work/tf$1" init -input=false > /dev/null
    label="terraform plan, $1 resources"
    if [ "$1" -le 1000 ]; then
        terraform -chdir="$work/tf$1" apply -input=false -auto-approve > /dev/null
        label="$label, nothing to do"
    fi
    timed "$label" terraform -chdir="$work/tf$1" plan -input=false -no-color
}

timed "bake version" "$bake" version
for count in 1 1000 ${BENCH_LARGE:+10000}; do
    module "$count" "$work/$count"
    timed "bake plan, $count images" "$bake" -chdir="$work/$count" plan
    built "$work/$count"
    timed "bake plan, $count images, nothing to do" "$bake" -chdir="$work/$count" plan
    if command -v terraform > /dev/null; then
        beside "$count" 2> /dev/null
    fi
    rm -rf "${work:?}/$count"
done
