"""Copies of images and snapshots, within a region and between regions."""

import copy
import os
from types import SimpleNamespace

from ..refusal import Refused
from ..things import Image, Snapshot
from . import encryption, images, snapshots
from .base import action, find, tags_for


@action("CopyImage")
def copy_image(call, asked):
    tags = tags_for(asked, "image", "snapshot")
    return {"ImageId": call.once(asked.get("ClientToken"), asked, lambda: _copy_image(call, asked, tags).id)}


def _source_region(call, name):
    if name not in call.lab.regions:
        raise Refused("InvalidParameterValue", f"Value ({name}) for parameter sourceRegion is invalid.")
    return SimpleNamespace(lab=call.lab, region=call.lab.regions[name], account=call.account)


def _copy_image(call, asked, tags):
    there = _source_region(call, asked["SourceRegion"])
    source = find(there, asked["SourceImageId"], "ami", foreign=True)
    if images.state(there, source) != "available":
        raise Refused("InvalidAMIID.Unavailable", f"The image {source.id} is not available")
    # A second image of the name is taken: EC2 has been seen to do so with copies.
    if not images._NAME.fullmatch(asked["Name"]):
        images.check_name(call, call.region, asked["Name"])
    _check_duration(asked)
    backing = [_backing(there, id) for id in snapshots.snapshots_of(source)]
    _check_room(call, len(backing))
    made = {snapshot.id: _copy_snapshot(call, asked, snapshot, tags["snapshot"], "copy") for snapshot in backing}
    failed = next((snapshot.error for snapshot in made.values() if snapshot.error), "")
    image_tags = dict(source.tags) if asked.get("CopyImageTags") and source.account == call.account else {}
    common = call.beginning("ami", "copy")
    common["error"] = common["error"] or failed
    image = Image(**common, tags=image_tags | tags["image"], fields=_fields(asked, source, made), uefi=source.uefi)
    call.region.images[image.id] = image
    return image


def _backing(there, id):
    """A snapshot that the copy reads: a share of the image alone is not enough."""
    try:
        return find(there, id, "snap", foreign=True)
    except Refused:
        raise Refused("InvalidRequest", "You do not have permission to access the storage of this ami") from None


def _check_duration(asked):
    minutes = asked.get("SnapshotCopyCompletionDurationMinutes")
    if minutes is not None and (minutes % 15 or not 15 <= minutes <= 2880):
        raise Refused("InvalidParameterValue", "The completion duration is in steps of 15 minutes, 15 to 2880.")


def _check_room(call, more):
    under_way = [s for s in call.region.snapshots.values() if s.description.startswith("Copied for") and s.ready > call.lab.time()]
    if len(under_way) + more > call.lab.settings["copies"]:
        raise Refused("ResourceLimitExceeded", "Too many snapshot copies are in progress in the destination region.")


def _copy_snapshot(call, asked, source, tags, delay):
    encrypted, key, usable = encryption.of_new(call, asked, source)
    common = call.beginning("snap", delay)
    if not usable:
        common["error"] = "Given key ID is not accessible"
    made = Snapshot(
        **common,
        tags=dict(tags),
        file=call.lab.disk(common["id"]),
        size=source.size,
        volume="vol-ffffffff",
        description=asked.get("SourceImageId") and f"Copied for DestinationAmi from SourceAmi {asked['SourceImageId']}" or asked.get("Description", ""),
        encrypted=encrypted,
        key=key,
        codes=list(source.codes),
        billing=source.billing,
        progress_from=call.lab.time(),
    )
    _same_bytes(source.file, made.file)
    call.region.snapshots[made.id] = made
    return made


def _same_bytes(old, new):
    """Snapshots never change, so a copy is a link where the file system allows one."""
    try:
        os.link(old, new)
    except OSError:
        os.symlink(os.path.realpath(old), new)


def _fields(asked, source, made):
    fields = copy.deepcopy(source.fields)
    for mapping in fields["BlockDeviceMappings"]:
        ebs = mapping.get("Ebs") or {}
        if ebs.get("SnapshotId"):
            snapshot = made[ebs["SnapshotId"]]
            ebs.update(SnapshotId=snapshot.id, Encrypted=snapshot.encrypted)
    return fields | {
        "Name": asked["Name"],
        "Description": asked.get("Description", ""),
        "SourceImageId": source.id,
        "SourceImageRegion": source.region,
    }


@action("CopySnapshot")
def copy_snapshot(call, asked):
    tags = tags_for(asked, "snapshot")["snapshot"]
    there = _source_region(call, asked["SourceRegion"])
    source = find(there, asked["SourceSnapshotId"], "snap", foreign=True)
    if snapshots.state(there, source) != "completed":
        raise Refused("IncorrectState", f"The snapshot {source.id} is not completed")
    made = _copy_snapshot(call, asked, source, tags, "copy")
    return {"SnapshotId": made.id, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
