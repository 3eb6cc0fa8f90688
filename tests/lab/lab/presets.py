"""What stands in every region when a lab begins: source images of all kinds, keys, and the builder host."""

import hashlib
import os
from datetime import datetime, timedelta, timezone

from .accounts import AMAZON, DEBIAN, MAIN, MARKETPLACE, OTHER
from .ec2.encryption import key_named
from .parameters import Parameter
from .things import Image, Instance, Key, Snapshot

_RHEL = ("Red Hat Enterprise Linux", "RunInstances:0010")
_LINUX = ("Linux/UNIX", "RunInstances")
PUBLIC = "/aws/service/debian/release/12/latest/amd64"
_ALL = [{"Group": "all"}]
_UEFI = "QU1aTlVFRkk="  # what it says is nobody's business; that it is kept is

#: name: owner, disk, and what differs from an ordinary image.
_IMAGES = {
    "debian-12-amd64-20261101-2001": (DEBIAN, "gpt-ext4", {"days": 26, "public": True}),
    "debian-12-amd64-20261115-2015": (DEBIAN, "gpt-ext4", {"days": 12, "public": True}),
    "debian-12-arm64-20261115-2015": (DEBIAN, "gpt-ext4", {"days": 12, "public": True, "Architecture": "arm64", "BootMode": "uefi"}),
    "debian-11-amd64-20240101-1600": (DEBIAN, "gpt-ext4", {"days": 1000, "public": True, "deprecated": True}),
    "amzn-ami-hvm-2018.03.0.20220907.3-x86_64-gp2": (AMAZON, "gpt-ext4", {"days": 400, "public": True}),
    "amzn-ami-hvm-2018.03.0.20230404.0-x86_64-gp2": (AMAZON, "gpt-ext4", {"days": 200, "public": True}),
    "marketplace-appliance": (MARKETPLACE, "gpt-ext4", {"public": True, "codes": ["lab7product0code"]}),
    "rhel-9-billed": (MAIN, "gpt-ext4", {"billing": _RHEL, "snapshot_billing": _RHEL}),
    "rhel-9-unbilled": (MAIN, "gpt-ext4", {"billing": _RHEL}),
    "whole-disk": (MAIN, "whole-ext4", {}),
    "xfs": (MAIN, "gpt-xfs", {}),
    "lvm": (MAIN, "gpt-lvm", {}),
    "instance-store": (MAIN, None, {}),
    "uefi": (MAIN, "gpt-ext4", {"BootMode": "uefi", "TpmSupport": "v2.0", "ImdsSupport": "v2.0", "uefi": _UEFI}),
    "encrypted-aws-key": (MAIN, "gpt-ext4", {"key": "alias/aws/ebs"}),
    "encrypted-own-key": (MAIN, "gpt-ext4", {"key": "alias/lab"}),
    "data-volume": (MAIN, "gpt-ext4", {"data": True}),
    "foreign": (OTHER, "gpt-ext4", {"share": MAIN, "share_snapshots": True}),
    "foreign-image-only": (OTHER, "gpt-ext4", {"share": MAIN}),
    "foreign-private": (OTHER, "gpt-ext4", {}),
}


def fill(lab, disks):
    """Puts everything into the regions; the ids by name, for whoever writes tests."""
    facts = {}
    for region in lab.regions.values():
        region.keys = _keys(region.name)
        ids = {name: _image(lab, region, disks, name, *how).id for name, how in _IMAGES.items()}
        host = _host(lab, region)
        newest = Parameter(PUBLIC, "String", "text", [ids["debian-12-amd64-20261115-2015"]], 7, lab.time())
        region.public_parameters[PUBLIC] = newest
        facts[region.name] = {"images": ids, "host": host.id, "keys": {a: k.arn for k in region.keys for a in k.aliases if k.account == MAIN}}
    return facts


def _keys(region):
    def key(account, alias, **how):
        id = hashlib.sha256(f"{region} {account} {alias}".encode()).hexdigest()[:32]
        id = "-".join([id[:8], id[8:12], id[12:16], id[16:20], id[20:]])
        return Key(id=id, account=account, region=region, aliases=(f"alias/{alias}",), **how)

    return [
        *(key(account, "aws/ebs", manager="AWS") for account in (MAIN, OTHER)),
        key(MAIN, "lab"),
        key(MAIN, "lab-second"),
        key(MAIN, "forbidden", usable=False),
        key(MAIN, "disabled", state="Disabled"),
        key(MAIN, "deleting", state="PendingDeletion"),
        key(MAIN, "signing", usage="SIGN_VERIFY"),
        key(OTHER, "neighbour"),
    ]


def _common(lab, region, account, prefix, name, days):
    id = hashlib.sha256(f"{region.name} {prefix} {name}".encode()).hexdigest()[:16]
    return {
        "id": f"{prefix}-0{id}",
        "account": account,
        "region": region.name,
        "number": lab.count(),
        "born": datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=days),
        "preset": True,
    }


def _image(lab, region, disks, name, owner, disk, how):
    mappings = []
    if disk:
        mappings.append(_mapping("/dev/xvda", _snapshot(lab, region, disks, name, owner, disk, how)))
    if how.get("data"):
        data = _snapshot(lab, region, disks, name + " data", owner, "whole-ext4", how)
        mappings += [_mapping("/dev/sdf", data), {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}]
    platform, usage = how.get("billing", _LINUX)
    fields = {
        "Name": name,
        "Description": f"A source image of the lab: {name}",
        "Architecture": how.get("Architecture", "x86_64"),
        "VirtualizationType": "hvm",
        "RootDeviceName": "/dev/xvda" if disk else "/dev/sda1",
        "RootDeviceType": "ebs" if disk else "instance-store",
        "BlockDeviceMappings": mappings,
        "EnaSupport": True,
        "SriovNetSupport": "simple",
        "BootMode": how.get("BootMode", "uefi-preferred"),
        "TpmSupport": how.get("TpmSupport"),
        "ImdsSupport": how.get("ImdsSupport"),
        "KernelId": None,
        "RamdiskId": None,
        "PlatformDetails": platform,
        "UsageOperation": usage,
        "ProductCodes": [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in how.get("codes", [])],
    }
    image = Image(**_common(lab, region, owner, "ami", name, how.get("days", 5)), fields=fields, uefi=how.get("uefi", ""))
    image.permissions = list(_ALL) if how.get("public") else [{"UserId": how["share"]}] if how.get("share") else []
    if how.get("deprecated"):
        image.deprecation = lab.now() - timedelta(days=30)
    region.images[image.id] = image
    return image


def _mapping(device, snapshot):
    ebs = {"DeleteOnTermination": True, "SnapshotId": snapshot.id, "VolumeSize": snapshot.size, "VolumeType": "gp3", "Iops": 3000}
    return {"DeviceName": device, "Ebs": ebs | {"Throughput": 125, "Encrypted": snapshot.encrypted}}


def _snapshot(lab, region, disks, name, owner, disk, how):
    key = key_named(region, owner, how["key"]).arn if how.get("key") else ""
    snapshot = Snapshot(
        **_common(lab, region, owner, "snap", name, how.get("days", 5)),
        file=os.path.join(disks, disk + ".raw"),
        size=1,
        volume="vol-ffffffff",
        description=f"The disk of {name}",
        encrypted=bool(key),
        key=key,
        codes=how.get("codes", []),
        billing=how.get("snapshot_billing", ()),
    )
    if how.get("public"):
        snapshot.shares = list(_ALL)
    elif how.get("share_snapshots"):
        snapshot.shares = [{"UserId": how["share"]}]
    region.snapshots[snapshot.id] = snapshot
    return snapshot


def _host(lab, region):
    kind = "t2.micro" if lab.manner == "xen" else "m5.large"
    common = _common(lab, region, MAIN, "i", "host", 1)
    host = Instance(**common, zone=region.zones[0], kind=kind, tags={"Name": "lab-host"})
    region.instances[host.id] = host
    return host
