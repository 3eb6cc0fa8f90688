#!/bin/sh
# Times `bake validate` of 1,000 and 10,000 image blocks of about 220 bytes, and beside each, in turn, `terraform validate` of
# as many terraform_data blocks, where it is installed. Printed are the least of five runs each (three of 10,000): time on the
# clock, time of the processor (user and system: it says more where other work shares the machine), and the most memory.
#
#   cargo build --release --no-default-features && benches/validate.sh [path of bake]
set -eu

bake=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/bake}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# modules COUNT: the same number of blocks for both, in one file each
modules() {
    mkdir -p "$work/bake$1" "$work/terraform$1"
    for number in $(seq "$1"); do
        cat <<END
image "web$number" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "setup" {
    inline = ["echo $number"]
  }
}
END
    done > "$work/bake$1/images.bake.hcl"
    for number in $(seq "$1"); do
        printf 'resource "terraform_data" "web%d" {\n  input = "%d"\n}\n' "$number" "$number"
    done > "$work/terraform$1/main.tf"
}

# once NAME COMMAND...: adds a line of milliseconds on the clock, of the processor, and MiB to the results of NAME
once() {
    name=$1
    shift
    /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$@" > "$work/out" 2>&1 || {
        cat "$work/out" >&2
        exit 1
    }
    awk '{ printf "%d %d %d\n", $1 * 1000, ($2 + $3) * 1000, $4 / 1024 }' "$work/time" >> "$work/$name.results"
}

# said LABEL NAME: the least of each
said() {
    awk -v label="$1" '
        NR == 1 || $1 < clock { clock = $1 }
        NR == 1 || $2 < cpu { cpu = $2 }
        $3 > most { most = $3 }
        END { printf "%-40s %6d ms   %6d ms of the processor   %5d MiB\n", label, clock, cpu, most }
    ' "$work/$2.results"
}

for count in 1000 10000; do
    modules "$count"
    beside=
    if command -v terraform > /dev/null; then
        beside=yes
        terraform -chdir="$work/terraform$count" init -input=false > /dev/null 2>&1
    fi
    for _ in 1 2 3 $([ "$count" -gt 1000 ] || echo 4 5); do
        once "bake$count" "$bake" -chdir="$work/bake$count" validate
        [ -z "$beside" ] || once "terraform$count" terraform -chdir="$work/terraform$count" validate
    done
    said "bake validate, $count images" "bake$count"
    [ -z "$beside" ] || said "terraform validate, $count resources" "terraform$count"
done
