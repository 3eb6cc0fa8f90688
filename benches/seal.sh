#!/usr/bin/env bash
# seal.sh [RUNS]: what sealing an image costs beside the maker of its file system alone, on the same tree; and how long a
# sparse disk of 8 GiB with 1 GiB of data takes to hash. Prints medians. The tree is this host's own /usr/bin and /usr/share/doc
# over the image of examples/minimal. Needs root; BAKE=PATH names the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
bake=$(realpath "${BAKE:-target/release/bake}")
[ -e examples/minimal/root.tar ] || examples/minimal/make-root
work=$(mktemp -d)
cleanup() { mountpoint -q "$work/old" && umount "$work/old"; rm -rf "$work"; }
trap cleanup EXIT
cp examples/minimal/root.tar "$work"
tar -C / --append --file "$work/root.tar" usr/bin usr/share/doc

# image NAME SIZE STEPS
image() {
  cat <<IMAGE
image "$1" {
  scratch {}
  reproducible = true
  volume "root" {
    size       = "$2"
    filesystem = "ext4"
    mount      = "/"
  }
  bootstrap "tar" {
    path = "root.tar"
  }
$3
}
IMAGE
}
milliseconds() {
  local before
  before=$(date +%s%N)
  "$@" >/dev/null 2>&1
  echo $((($(date +%s%N) - before) / 1000000))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# How long the node took, from the events of an apply.
seal() {
  rm -rf "$work/.bake"
  "$bake" -chdir="$work" apply -auto-approve -json >"$work/events"
  jq -r 'select(.type == "node_done" and .address == "image.tree.seal" and .half == "open").elapsed' "$work/events" |
    awk '/ms$/ { print int($1); next } { print int($1 * 1000) }'
}
# mke2fs alone on the tree of the image that was built, mounted as the seal mounts it, and written to the disk as the seal does.
maker() {
  local file
  file=$(echo "$work"/.bake/store/snapshots/*.raw)
  mkdir -p "$work/old"
  mount -o ro,loop "$file" "$work/old"
  truncate -s 1G "$work/new.raw"
  milliseconds sh -c 'mke2fs -q -F -t ext4 -E lazy_itable_init=0,nodiscard -d "$0/old" "$0/new.raw" && sync "$0/new.raw"' "$work"
  umount "$work/old"
  rm "$work/new.raw"
}

image tree 1GiB "" >"$work/main.bake.hcl"
seal >/dev/null
for _ in $(seq "$runs"); do
  seal >>"$work/seal"
  maker >>"$work/maker"
done
printf 'seal           %5s ms (median of %s)\nmaker alone    %5s ms\n' \
  "$(median <"$work/seal")" "$runs" "$(median <"$work/maker")"

image large 8GiB '  provision "shell" "data" {
    inline = ["head -c 1073741824 /dev/urandom > /data"]
  }' >"$work/main.bake.hcl"
rm -rf "$work/.bake"
"$bake" -chdir="$work" apply -auto-approve >/dev/null 2>&1
for _ in $(seq "$runs"); do
  milliseconds "$bake" -chdir="$work" verify -blocks >>"$work/hash"
done
printf 'hash of 8 GiB  %5s ms\n' "$(median <"$work/hash")"
