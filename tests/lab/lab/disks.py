"""Disks of the preset images: small root file systems, made once and kept in the cache."""

import binascii
import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
import uuid

_GIB = 1 << 30
_MIB = 1 << 20
_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
_ROOT = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
_LVM = "E6D6D379-F507-44C2-A23C-238F2A3DF928"


def directory(cache):
    """The directory with all disks, `NAME.raw`; those that are missing are made."""
    with open(__file__, "rb") as text, open(shutil.which("busybox"), "rb") as busybox:
        name = hashlib.sha256(text.read() + busybox.read()).hexdigest()[:16]
    os.makedirs(cache, exist_ok=True)
    place = os.path.join(cache, f"disks-{name}")
    with open(os.path.join(cache, "disks.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(place):
            work = tempfile.mkdtemp(prefix="disks-", dir=cache)
            try:
                _make_all(work)
                os.rename(work, place)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return place


def _make_all(work):
    tree = os.path.join(work, "tree")
    _tree(tree)
    _gpt_ext4(os.path.join(work, "gpt-ext4.raw"), tree)
    _whole_ext4(os.path.join(work, "whole-ext4.raw"), tree)
    _gpt_xfs(os.path.join(work, "gpt-xfs.raw"), tree, work)
    _gpt_lvm(os.path.join(work, "gpt-lvm.raw"))
    shutil.rmtree(tree)


def _tree(tree):
    for name in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/lib", "var/tmp"):
        os.makedirs(os.path.join(tree, name))
    shutil.copy(shutil.which("busybox"), os.path.join(tree, "bin/busybox"))
    for name in "sh cat cp echo env grep id ls mkdir mount mv ps rm sed sleep stty test touch umount uname".split():
        os.symlink("busybox", os.path.join(tree, "bin", name))
    files = {
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/hostname": "lab\n",
        "etc/resolv.conf": "nameserver 192.0.2.53\n",
        "etc/fstab": "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n",
    }
    for name, text in files.items():
        with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
            file.write(text)


def _run(*command, text=None):
    subprocess.run(command, input=text, check=True, capture_output=True, text=True)


def _sparse(path):
    with open(path, "xb") as file:
        file.truncate(_GIB)


def _table(path, kind):
    """A GPT with a boot partition of BIOS and one of that type over the rest, as cloud images have them."""
    _sparse(path)
    script = f"label: gpt\nstart=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649\nstart=2MiB, type={kind}\n"
    _run("sfdisk", "--quiet", path, text=script)


def _gpt_ext4(path, tree):
    _table(path, _ROOT)
    _ext4(path, tree, 2 * _MIB, _GIB - 3 * _MIB)


def _whole_ext4(path, tree):
    _sparse(path)
    _ext4(path, tree, 0, _GIB)


def _ext4(path, tree, offset, size):
    options = ["-q", "-F", "-L", "cloudimg-rootfs", "-E", f"offset={offset},root_owner=0:0"]
    _run("mkfs.ext4", *options, "-d", tree, path, f"{size >> 10}k")


def _gpt_xfs(path, tree, work):
    part, proto = os.path.join(work, "xfs.part"), os.path.join(work, "xfs.proto")
    with open(part, "xb") as file:
        file.truncate(_GIB - 3 * _MIB)
    with open(proto, "w", encoding="utf-8") as file:
        file.write("/\n0 0\n" + _prototype(tree, "d--755 0 0") + "$\n")
    _run("mkfs.xfs", "-q", "-p", proto, part)
    _table(path, _LINUX)
    # dd leaves holes where the source has zeros.
    _run("dd", f"if={part}", f"of={path}", "bs=1M", "seek=2", "conv=notrunc,sparse", "status=none")
    os.unlink(part)
    os.unlink(proto)


def _prototype(directory, mode):
    """A directory in the language of mkfs.xfs."""
    lines = [mode]
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.islink(path):
            lines.append(f"{name} l--777 0 0 {os.readlink(path)}")
        elif os.path.isdir(path):
            lines.append(f"{name} " + _prototype(path, "d--755 0 0") + "$")
        else:
            lines.append(f"{name} ---{'755' if os.access(path, os.X_OK) else '644'} 0 0 {path}")
    return "\n".join(lines) + "\n"


def _gpt_lvm(path):
    _table(path, _LVM)
    with open(path, "r+b") as file:
        file.seek(2 * _MIB)
        file.write(_physical_volume(_GIB - 3 * _MIB))


def _physical_volume(size):
    """The label and the metadata of a physical volume of the group `vg0` with a volume `root`, as LVM2 writes them."""
    pv, vg, lv = (_lvm_id(name) for name in ("pv", "vg", "lv"))
    start, length = 4096, _MIB - 4096
    text = _metadata(pv, vg, lv).encode() + b"\0"
    # Label header, then the PV header: id, size, data areas, metadata areas, each list ended by zeros.
    header = pv.replace("-", "").encode() + struct.pack("<Q", size) + struct.pack("<4Q", _MIB, 0, 0, 0)
    header += struct.pack("<4Q", start, length, 0, 0)
    body = struct.pack("<I", 32) + b"LVM2 001" + header
    label = b"LABELONE" + struct.pack("<Q", 1)
    sector = body.ljust(512 - 20, b"\0")
    label += struct.pack("<I", _lvm_crc(sector)) + sector
    area = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, start, length)
    area += struct.pack("<QQII", 512, len(text), _lvm_crc(text), 0) + bytes(24)
    area = area.ljust(508, b"\0")
    area = struct.pack("<I", _lvm_crc(area)) + area
    disk = bytes(512) + label
    return disk.ljust(start, b"\0") + area + text


def _metadata(pv, vg, lv):
    return f"""vg0 {{
id = "{vg}"
seqno = 2
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = 8192
max_lv = 0
max_pv = 0
metadata_copies = 0
physical_volumes {{
pv0 {{
id = "{pv}"
device = "/dev/xvda2"
status = ["ALLOCATABLE"]
flags = []
dev_size = 2091008
pe_start = 2048
pe_count = 254
}}
}}
logical_volumes {{
root {{
id = "{lv}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
segment_count = 1
segment1 {{
start_extent = 0
extent_count = 200
type = "striped"
stripe_count = 1
stripes = ["pv0", 0]
}}
}}
}}
}}
contents = "Text Format Volume Group"
version = 1
description = ""
creation_host = "lab"
creation_time = 1700000000
"""


def _lvm_id(name):
    text = uuid.uuid5(uuid.NAMESPACE_DNS, name).hex
    return "-".join([text[:6], *(text[at : at + 4] for at in range(6, 26, 4)), text[26:32]])


def _lvm_crc(data):
    """LVM's CRC-32: the common polynomial with its own start and no final inversion."""
    return binascii.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
