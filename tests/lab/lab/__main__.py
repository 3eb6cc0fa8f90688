"""Starts a lab: prints one line of JSON when it is ready, and takes everything down at its end."""

import argparse
import fcntl
import glob
import json
import os
import shutil
import signal
import tempfile
import threading
import time

from . import blocks, disks, presets
from .control import Control
from .lab import Lab
from .metadata import Metadata
from .server import Server
from .things import REGIONS
from .wire import Wire


def main():
    arguments = _arguments()
    directory = _directory(arguments.directory)
    lab = Lab(directory, arguments.manner)
    facts = presets.fill(lab, disks.directory(arguments.cache))
    facts |= {"directory": directory, "born": lab.number}
    metadata = Metadata(lab, lab.regions[REGIONS[0]].instances[facts[REGIONS[0]]["host"]])
    server = Server(arguments.port, lab, Wire(), Control(lab, metadata, facts), metadata)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if arguments.until_eof:
        threading.Thread(target=_until_eof, args=(ended,), daemon=True).start()
    print(json.dumps({"endpoint": f"http://127.0.0.1:{server.server_port}", "directory": directory}), flush=True)
    ended.wait()
    _take_down(lab)


def _arguments():
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of loopback; 0 is any free one")
    parser.add_argument("--manner", choices=("xen", "nvme"), default="xen", help="how attached volumes are named")
    parser.add_argument("--cache", required=True, help="where the disks of the preset images are kept")
    parser.add_argument("--directory", help="where the lab's volumes and snapshots live (a temporary directory)")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does, so with who started it")
    return parser.parse_args()


def _until_eof(ended):
    while os.read(0, 4096):
        pass
    ended.set()


def _directory(parent):
    """A directory of the lab's own, flocked while it lives; those of killed labs are removed."""
    parent = os.path.realpath(parent or tempfile.gettempdir())
    for old in glob.glob(os.path.join(parent, "bake-lab-*")):
        if _lock(old) is not None:
            shutil.rmtree(old, ignore_errors=True)
    made = tempfile.mkdtemp(prefix="bake-lab-", dir=parent)
    _lock(made)
    return made


def _lock(directory):
    """The locked descriptor of a directory; none if it has an owner, or is gone."""
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    except OSError:
        return None


def _take_down(lab):
    """Frees devices and names. What a client still holds is waited for a moment; the kernel clears it later."""
    with lab.lock:
        for volume in lab.everywhere("volumes"):
            attachment = volume.attachment
            if attachment is None:
                continue
            blocks.hide(attachment.names)
            deadline = time.monotonic() + 2
            while not attachment.loop.detach() and time.monotonic() < deadline:
                time.sleep(0.05)
            attachment.loop.abandon()
            lab.names.give(attachment.reserved)
        shutil.rmtree(lab.directory, ignore_errors=True)


main()
