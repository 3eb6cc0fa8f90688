"""What stands in a region: volumes, snapshots, images, instances, keys, and what they share."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

REGIONS = ("eu-central-1", "us-east-1", "eu-west-1")


@dataclass(kw_only=True)
class Thing:
    """A resource. Times are seconds of the lab's clock."""

    id: str
    account: str
    region: str
    number: int  # counts up over the whole lab: what a mark compares with
    born: datetime
    tags: dict = field(default_factory=dict)
    ready: float = 0.0  # until then it is in its state of beginning
    visible: float = 0.0  # until then its id is answered by NotFound
    error: str = ""  # why it ended in its state of failure
    preset: bool = False


@dataclass(kw_only=True)
class Volume(Thing):
    file: str
    size: int  # GiB
    kind: str
    zone: str
    iops: int = 0
    throughput: int = 0
    snapshot: str = ""
    encrypted: bool = False
    key: str = ""
    codes: list = field(default_factory=list)
    billing: tuple = ()
    vanishes: float = 0.0  # a key that may not be used: the volume is gone after this
    deleting: float = 0.0
    attachment: "Attachment | None" = None
    last_snapshot: float = -1e9


@dataclass(kw_only=True)
class Attachment:
    instance: str
    device: str
    since: datetime
    loop: "object"  # a blocks.Loop
    names: list
    ready: float
    detaching: float = 0.0  # when the detach may take place; 0: nobody asked
    busy: bool = False
    reserved: str = ""  # the name in /dev that it keeps from others


@dataclass(kw_only=True)
class Snapshot(Thing):
    file: str
    size: int
    volume: str
    description: str = ""
    encrypted: bool = False
    key: str = ""
    codes: list = field(default_factory=list)
    billing: tuple = ()
    shares: list = field(default_factory=list)
    progress_from: float = 0.0
    in_use_until: float = 0.0
    in_use_by: str = ""
    locked: bool = False
    blocks: dict | None = None  # an upload through EBS direct that is not completed
    parent: str = ""


@dataclass(kw_only=True)
class Image(Thing):
    fields: dict  # members of EC2's Image that registration gave, as they are answered
    uefi: str = ""
    permissions: list = field(default_factory=list)
    disabled: bool = False
    deprecation: datetime | None = None
    protected: str = "disabled"
    cooldown_until: float = 0.0


@dataclass(kw_only=True)
class Instance(Thing):
    zone: str
    kind: str
    image: str = ""
    stopped: float = 0.0


@dataclass(kw_only=True)
class Key:
    """A KMS key."""

    id: str
    account: str
    region: str
    manager: str = "CUSTOMER"
    aliases: tuple = ()
    state: str = "Enabled"  # as DescribeKey says it
    usable: bool = True  # False: the caller may look at it, not use it
    usage: str = "ENCRYPT_DECRYPT"

    @property
    def enabled(self):
        return self.state == "Enabled"

    @property
    def arn(self):
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.id}"


class Region:
    """The catalogue of a region, of all accounts."""

    def __init__(self, name):
        self.name = name
        self.images, self.snapshots, self.volumes, self.instances = {}, {}, {}, {}
        self.gone = set()  # ids of images that were deregistered
        self.tokens = {}
        self.keys = []
        self.parameters, self.public_parameters, self.secrets = {}, {}, {}
        self.encrypted_by_default = {}
        self.default_key = {}
        self.public_images = {}
        self.public_snapshots = {}

    @property
    def zones(self):
        return [f"{self.name}{letter}" for letter in "abc"]

    def zone_id(self, zone):
        area, direction, number = self.name.split("-")
        return f"{area}{direction[0]}{number}-az{'abc'.index(zone[-1]) + 1}"


def fresh(prefix):
    """A new id as EC2 makes them."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
