"""Volumes as block devices: sparse files, loop devices, and the names under which a host sees them."""

import errno
import fcntl
import glob
import os
import struct

_FICLONE = 0x40049409
_LOOP_CLR_FD, _LOOP_CONFIGURE, _LOOP_CTL_GET_FREE = 0x4C01, 0x4C0A, 0x4C82
_AUTOCLEAR, _PARTSCAN = 4, 8
_PARTITIONS = range(1, 17)


def sparse(path, size):
    """An empty file of that many bytes."""
    with open(path, "xb") as file:
        file.truncate(size)


def copy(source, target, size):
    """Copies a file, holes left out, and makes it at least that long."""
    with open(source, "rb") as old, open(target, "xb") as new:
        try:
            fcntl.ioctl(new, _FICLONE, old.fileno())
        except OSError:
            _copy_data(old.fileno(), new.fileno())
        new.truncate(max(size, os.fstat(old.fileno()).st_size))


def _copy_data(old, new):
    end, place = os.fstat(old).st_size, 0
    while place < end:
        try:
            start = os.lseek(old, place, os.SEEK_DATA)
        except OSError:  # nothing but a hole to the end
            return
        place = os.lseek(old, start, os.SEEK_HOLE)
        while start < place:
            start += os.copy_file_range(old, new, place - start, start, start)


class Loop:
    """A loop device on a file. The lab keeps it open, and the kernel clears it when its last user is gone: also after
    a kill of the lab. With PARTSCAN, so that partitions that a client added go with it."""

    def __init__(self, path):
        self.file = path
        self.path, self.kept = _configure(path)

    def detach(self):
        """Clears it unless somebody has it or a partition of it in use: then False."""
        if self.kept is not None:
            try:
                device = os.open(self.path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
            except OSError:
                return False
            self.abandon()
            fcntl.ioctl(device, _LOOP_CLR_FD, 0)
            os.close(device)
        return not self._attached()  # whoever has it open without claiming it keeps it, too

    def abandon(self):
        """Leaves it to its users, if it has any: it is cleared when the last one is gone."""
        if self.kept is not None:
            os.close(self.kept)
            self.kept = None

    def _attached(self):
        try:
            with open(f"/sys/block/{os.path.basename(self.path)}/loop/backing_file", encoding="utf-8") as file:
                return file.read().strip() == self.file
        except OSError:
            return False


def _configure(path):
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    # struct loop_config: descriptor, block size, struct loop_info64 with its flags at byte 52, reserved.
    config = struct.pack("<II52xI176x64x", backing, 0, _AUTOCLEAR | _PARTSCAN)
    try:
        for _ in range(100):
            name = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, config)
                return name, device
            except OSError as error:  # somebody else was faster
                os.close(device)
                if error.errno != errno.EBUSY:
                    raise
    finally:
        os.close(control)
        os.close(backing)
    raise RuntimeError("no loop device is free")


class Names:
    """Names in /dev that are one lab's at a time on a host: a flocked file a name, which the kernel frees at its end."""

    def __init__(self, directory="/run/lock/bake-lab"):
        self.directory = directory
        self.held = {}
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(directory):  # what killed labs left
            if self.take(name):
                self.give(name)

    def take(self, name):
        """Reserves a name; False when another lab, or a real device, has it."""
        if name in self.held:
            return False
        lock = os.open(os.path.join(self.directory, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sweep(name)
            if os.path.lexists(f"/dev/{name}"):
                raise BlockingIOError
        except BlockingIOError:
            os.close(lock)
            return False
        self.held[name] = lock
        return True

    def give(self, name):
        """Frees a name."""
        lock = self.held.pop(name, None)
        if lock is not None:
            os.close(lock)

    def take_nvme(self):
        """The lowest free `nvmeN`. Number 0 is the root disk of a real host."""
        for number in range(1, 128):
            if self.take(f"nvme{number}n1"):
                return f"nvme{number}n1"
        raise RuntimeError("no NVMe name is free")


def _sweep(name):
    """Removes links that a killed lab left, now that its lock is free. A real device is no link."""
    for path in [f"/dev/{name}", *(_partition(f"/dev/{name}", number) for number in _PARTITIONS)]:
        if os.path.islink(path):
            os.unlink(path)
    for path in glob.glob("/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*"):
        target = os.path.basename(os.readlink(path)) if os.path.islink(path) else ""
        if target == name or target.startswith(name + "p"):
            os.unlink(path)


def _partition(disk, number):
    return f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"


def xen_name(device):
    """The name in /dev of a device that was asked for: `/dev/sdf` and `/dev/xvdf` are one."""
    name = device.removeprefix("/dev/")
    return "xvd" + name[2:] if name.startswith("sd") else name


def show(name, loop, volume):
    """Makes the links of a device, those of partitions ahead of them; the list of what was made."""
    made = [f"/dev/{name}"]
    os.symlink(loop, made[0])
    for number in _PARTITIONS:
        made.append(_partition(f"/dev/{name}", number))
        os.symlink(_partition(loop, number), made[-1])
    if name.startswith("nvme"):
        made += _show_by_id(name, loop, volume)
    return made


def _show_by_id(name, loop, volume):
    os.makedirs("/dev/disk/by-id", exist_ok=True)
    link = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + volume.replace("-", "")
    os.symlink(f"../../{name}", link)
    parts = [f"{link}-part{number}" for number in _PARTITIONS]
    for number, part in zip(_PARTITIONS, parts):
        os.symlink(f"../../{_partition(name, number)}", part)
    return [link, *parts]


def hide(links):
    """Removes links that `show` made."""
    for link in links:
        try:
            os.unlink(link)
        except FileNotFoundError:
            pass


def mounts_of(loops):
    """Mounts of these devices, or of partitions of them, in any mount namespace: pairs of process id and line."""
    found = {}
    for table in glob.glob("/proc/[0-9]*/mountinfo"):
        try:
            with open(table, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    source = line.rsplit(" - ", 1)[-1].split(" ")[1]
                    if any(source == loop or source.startswith(loop + "p") for loop in loops):
                        found.setdefault(line.split(" ", 1)[1].strip(), table.split("/")[2])
        except (OSError, IndexError):  # the process is gone
            continue
    return [{"process": int(pid), "mount": line} for line, pid in found.items()]

