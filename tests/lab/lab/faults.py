"""Faults that a test orders: which call, what goes wrong, how often."""

import threading
from dataclasses import dataclass, field

#: What can go wrong, and when: before the call has its effect, after it, or with the resource that it makes.
BEFORE = {"status", "throttle", "error", "hang", "slow", "cut_before", "hold_before"}
AFTER = {"cut_after", "hang_after", "hold_after", "status_after"}
RESOURCE = {"ends_in_error", "not_found", "late_device", "no_device", "delay"}
KINDS = BEFORE | AFTER | RESOURCE


@dataclass
class Fault:
    action: str  # of EC2, or `service:Action`; `*` is any
    kind: str
    nth: int = 1  # the first call that it concerns, counted from when it was ordered
    times: int | None = 1  # how many calls; none: for ever
    region: str = ""
    status: int = 500
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    seen: int = 0
    struck: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def concerns(self, action, region):
        return self.action in (action, "*") and self.region in ("", region)

    def strikes(self):
        """Counts a call that it concerns; whether it goes wrong."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.struck >= self.times):
            return False
        self.struck += 1
        return True

    def view(self):
        return {name: value for name, value in vars(self).items() if name != "released"}


class Faults:
    """All faults that were ordered, oldest first."""

    def __init__(self):
        self.all = []

    def order(self, wanted):
        """Takes the JSON of a fault; a ValueError says what is wrong with it."""
        unknown = set(wanted) - set(Fault.__dataclass_fields__) | {"seen", "struck", "released"} & set(wanted)
        if unknown or "action" not in wanted or wanted.get("kind") not in KINDS:
            raise ValueError(f"a fault has an action and a kind of {sorted(KINDS)}; unknown: {sorted(unknown)}")
        self.all.append(Fault(**wanted))

    def strike(self, action, region):
        """The faults that this call meets. Each concerned one counts it."""
        return [fault for fault in self.all if fault.concerns(action, region) and fault.strikes()]

    def release(self):
        """Lets held calls go on and forgets the faults that held them."""
        for fault in self.all:
            fault.released.set()
        self.all = [fault for fault in self.all if not fault.kind.startswith("hold")]

    def clear(self):
        for fault in self.all:
            fault.released.set()
        self.all = []
