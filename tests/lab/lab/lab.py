"""The state of one lab: its clock, its settings, its regions, what it was asked, what stands."""

import json
import os
import threading
import time
from datetime import datetime, timedelta, timezone

from .accounts import Accounts
from .blocks import Names
from .faults import Faults
from .refusal import Refused
from .things import REGIONS, Region, fresh

#: Seconds that things take, and limits; `POST /_lab/settings` changes them.
SETTINGS = {
    "create": 0.0,
    "attach": 0.0,
    "detach": 0.0,
    "delete": 0.0,
    "snapshot": 0.0,
    "image": 0.0,
    "copy": 0.0,
    "device": 0.0,  # a device node shows up that long after the API says `attached`
    "not_found": 0.0,  # new ids are unknown that long
    "vanish": 0.3,  # a volume under a key that may not be used is gone after that
    "snapshot_release": 0.0,  # InvalidSnapshot.InUse goes on that long after a deregistration
    "snapshot_interval": 15.0,  # between two CreateSnapshot of one volume
    "parameter": 0.0,  # a parameter of type aws:ec2:image is written that late
    "page": 1000,  # entries of a page, at most
    "copies": 20,  # concurrent copies of snapshots to a region
    "session": 0.0,  # so long the session of a role lasts; 0: for ever
}


class Lab:
    """Everything. Handlers run under `lock`; nobody waits for time while holding it."""

    def __init__(self, directory, manner):
        self.lock = threading.RLock()
        self.directory = directory
        self.manner = manner
        self.settings = dict(SETTINGS)
        self.ahead = 0.0
        self.number = 0
        self.regions = {name: Region(name) for name in REGIONS}
        self.accounts = Accounts()
        self.faults = Faults()
        self.names = Names()
        self.calls = []
        self.journal = open(os.path.join(directory, "calls.jsonl"), "a", encoding="utf-8")
        os.makedirs(os.path.join(directory, "disks"), exist_ok=True)

    def time(self):
        """Seconds of the lab's clock, which a test may set forward."""
        return time.time() + self.ahead

    def now(self):
        """The lab's clock as a date."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.ahead)

    def count(self):
        self.number += 1
        return self.number

    def disk(self, name):
        """Path of the file of a volume or snapshot."""
        return os.path.join(self.directory, "disks", name)

    def after(self, seconds, task):
        """Runs a task under the lock after some time of the host, at once when there is none to wait."""
        if seconds <= 0:
            return task()

        def run():
            with self.lock:
                task()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()
        return timer

    def record(self, entry):
        """Writes down a call."""
        with self.lock:
            entry["n"] = len(self.calls) + 1
            self.calls.append(entry)
            self.journal.write(json.dumps(entry, default=str) + "\n")
            self.journal.flush()

    def everywhere(self, kind):
        """All things of a kind (`volumes`, `snapshots`, `images`, `instances`) in all regions."""
        return [thing for region in self.regions.values() for thing in list(getattr(region, kind).values())]


class Call:
    """One call to a service: who asks for what where, and the faults that strike what it makes."""

    def __init__(self, lab, region, identity, service, action):
        self.lab, self.region, self.identity = lab, region, identity
        self.service, self.action = service, action
        self.account = identity.account
        self.faults = []

    def fault(self, kind):
        """The fault of that kind that this call met, if any."""
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def delay(self, setting):
        """Seconds that what the call begins takes."""
        fault = self.fault("delay")
        return fault.seconds if fault else self.lab.settings[setting]

    def beginning(self, prefix, setting):
        """The common members of a thing that this call makes."""
        lab, late = self.lab, self.fault("not_found")
        broken = self.fault("ends_in_error")
        return {
            "id": fresh(prefix),
            "account": self.account,
            "region": self.region.name,
            "number": lab.count(),
            "born": lab.now(),
            "ready": lab.time() + self.delay(setting),
            "visible": lab.time() + (late.seconds if late else lab.settings["not_found"]),
            "error": (broken.message or "Client.InternalError: the lab was told so") if broken else "",
        }

    def once(self, token, parameters, make):
        """Does something once per ClientToken: a repeat gets the first answer, other parameters are a mismatch."""
        if not token:
            return make()
        if len(token) > 64 or not token.isascii():
            raise Refused("InvalidParameterValue", "The client token must be at most 64 ASCII characters.")
        place = (self.account, self.action, token)
        asked = {key: value for key, value in parameters.items() if key not in ("ClientToken", "DryRun")}
        asked = json.dumps({k: v for k, v in asked.items() if not k.startswith("AvailabilityZone")}, sort_keys=True, default=str)
        if place in self.region.tokens:
            known, made = self.region.tokens[place]
            if known != asked:
                raise Refused(
                    "IdempotentParameterMismatch",
                    "The request uses the same client token as a previous, but non-identical request.",
                )
            return made
        made = make()
        self.region.tokens[place] = (asked, made)
        return made
