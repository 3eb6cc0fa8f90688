#!/usr/bin/env bash
# overhead.sh [RUNS]: what bake costs on top of the work. Builds examples/minimal through bake, and does the same block
# work by hand in a shell script, in turn, and prints the median of each and of the differences: once as the example is, which
# is sealed (its file system is written anew from its tree), and once with reproducible = false.
# Needs root; BAKE=PATH names the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-9}
bake=$(realpath "${BAKE:-target/release/bake}")
[ -e examples/minimal/root.tar ] || examples/minimal/make-root
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp examples/minimal/root.tar "$work"
example=$(realpath examples/minimal/minimal.bake.hcl)

by_hand() {
  local disk=$work/by-hand.raw root=$work/root loop
  mkdir -p "$root"
  truncate -s 64M "$disk"
  loop=$(losetup --find --show "$disk")
  mkfs.ext4 -q "$loop"
  mount "$loop" "$root"
  tar -C "$root" --numeric-owner -xf "$work/root.tar"
  mount -t proc proc "$root/proc"
  unshare --pid --mount --ipc --uts --fork --kill-child chroot "$root" /bin/sh -ec "echo 'Hello from bake.' > /etc/motd"
  umount "$root/proc"
  sync -f "$root"
  umount "$root"
  if "$sealed"; then
    mount -o ro "$loop" "$root"
    truncate -s 64M "$work/anew.raw"
    mke2fs -q -F -t ext4 -d "$root" "$work/anew.raw"
    umount "$root"
    blkdiscard -f "$loop"
    dd if="$work/anew.raw" of="$loop" bs=1M conv=sparse,fsync status=none
    rm "$work/anew.raw"
  fi
  losetup --detach "$loop"
  sync "$disk"
  mv "$disk" "$work/image.raw"
  sync "$work"
}
through_bake() {
  rm -rf "$work/.bake"
  "$bake" -chdir="$work" apply -auto-approve >/dev/null 2>&1
}
milliseconds() {
  local before after
  before=$(date +%s%N)
  "$1"
  after=$(date +%s%N)
  echo $(((after - before) / 1000000))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

compare() {
  rm -f "$work"/{a,b,difference}
  milliseconds by_hand >/dev/null
  milliseconds through_bake >/dev/null
  for _ in $(seq "$runs"); do
    a=$(milliseconds by_hand)
    b=$(milliseconds through_bake)
    echo "$a" >>"$work/a"
    echo "$b" >>"$work/b"
    echo $((b - a)) >>"$work/difference"
  done
  printf '%s\n  by hand        %5s ms (median of %s)\n  through bake   %5s ms\n  difference     %5s ms\n' "$1" \
    "$(median <"$work/a")" "$runs" "$(median <"$work/b")" "$(median <"$work/difference")"
}

sealed=true
cp "$example" "$work"
compare "sealed"
sealed=false
sed 's/reproducible = true/reproducible = false/' "$example" >"$work/minimal.bake.hcl"
compare "reproducible = false"
