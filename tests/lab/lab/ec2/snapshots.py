"""Snapshots: the bytes of a volume at the time of the call."""

import os

from .. import blocks
from ..refusal import Refused
from ..things import Snapshot
from . import volumes
from .base import action, chosen, filtered, find, page, shared, tag_list, tags_for


@action("CreateSnapshot")
def create_snapshot(call, asked):
    volume = find(call, asked["VolumeId"], "vol")
    tags = tags_for(asked, "snapshot")["snapshot"]
    _may_snapshot(call, volume)
    snapshot = Snapshot(
        **call.beginning("snap", "snapshot"),
        tags=tags,
        file="",
        size=volume.size,
        volume=volume.id,
        description=asked.get("Description", ""),
        encrypted=volume.encrypted,
        key=volume.key,
        codes=list(volume.codes),
        billing=volume.billing,
        progress_from=call.lab.time(),
    )
    snapshot.file = call.lab.disk(snapshot.id)
    blocks.copy(volume.file, snapshot.file, volume.size << 30)
    volume.last_snapshot = call.lab.time()
    call.region.snapshots[snapshot.id] = snapshot
    answer = view(call, snapshot)
    # What is answered is how it begins: even an instant snapshot was pending once.
    return answer | {"State": "pending", "Progress": "", "StateMessage": None}


def _may_snapshot(call, volume):
    now = volumes.state(call, volume)
    if now not in ("available", "in-use"):
        raise Refused("IncorrectState", f"The volume '{volume.id}' is '{now}'")
    if call.lab.time() - volume.last_snapshot < call.lab.settings["snapshot_interval"]:
        text = "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests."
        raise Refused("SnapshotCreationPerVolumeRateExceeded", text)
    pending = [s for s in call.region.snapshots.values() if s.volume == volume.id and s.ready > call.lab.time()]
    if len(pending) >= (1 if volume.kind in ("st1", "sc1") else 5):
        raise Refused("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded.")


def state(call, snapshot):
    if snapshot.blocks is not None or call.lab.time() < snapshot.ready:
        return "pending"
    return "error" if snapshot.error else "completed"


def view(call, snapshot):
    """A snapshot as EC2 describes it."""
    now = state(call, snapshot)
    span = snapshot.ready - snapshot.progress_from
    part = 100 if now == "completed" else int(100 * (call.lab.time() - snapshot.progress_from) / span) if span > 0 else 0
    own = snapshot.account == call.account
    return {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume,
        "VolumeSize": snapshot.size,
        "State": now,
        "StateMessage": snapshot.error if now == "error" else None,
        "Progress": f"{max(0, min(part, 100))}%",
        "StartTime": snapshot.born,
        "OwnerId": snapshot.account,
        "Description": snapshot.description,
        "Encrypted": snapshot.encrypted,
        "KmsKeyId": snapshot.key or None,
        "StorageTier": "standard",
        "Tags": tag_list(visible_tags(snapshot, own)),
    }


def visible_tags(thing, own):
    """Tags that the caller sees: all of its own, of others those that are meant for sharing."""
    return thing.tags if own else {key: value for key, value in thing.tags.items() if key.startswith("ec2:SharedTag/")}


_FILTERS = {
    "description": lambda entry: entry["Description"],
    "encrypted": lambda entry: entry["Encrypted"],
    "owner-id": lambda entry: entry["OwnerId"],
    "progress": lambda entry: entry["Progress"],
    "snapshot-id": lambda entry: entry["SnapshotId"],
    "start-time": lambda entry: entry["StartTime"].strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "status": lambda entry: entry["State"],
    "storage-tier": lambda entry: entry["StorageTier"],
    "volume-id": lambda entry: entry["VolumeId"],
    "volume-size": lambda entry: entry["VolumeSize"],
}


@action("DescribeSnapshots")
def describe_snapshots(call, asked):
    ids, owners = asked.get("SnapshotIds"), asked.get("OwnerIds")
    sees = lambda snapshot: snapshot.account == call.account or shared(snapshot, call.account)
    found = chosen(call, "snapshots", ids, "snap", sees)
    if owners:
        accounts = {call.account if owner == "self" else owner for owner in owners}
        found = [snapshot for snapshot in found if snapshot.account in accounts]
    entries = filtered([view(call, snapshot) for snapshot in found], asked.get("Filters"), _FILTERS)
    entries, more = page(call, asked, entries, ids)
    return {"Snapshots": entries, **more}


@action("DeleteSnapshot")
def delete_snapshot(call, asked):
    snapshot = find(call, asked["SnapshotId"], "snap")
    refuse_deletion(call, snapshot)
    remove(call.region, snapshot)


def refuse_deletion(call, snapshot):
    """Refuses what an image uses (or used a moment ago), and what is locked."""
    users = users_of(call.region, snapshot.id)
    if not users and call.lab.time() < snapshot.in_use_until:
        users = [snapshot.in_use_by]
    if users:
        raise Refused("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {users[0]}")
    if snapshot.locked:
        raise Refused("SnapshotLocked", f"The snapshot {snapshot.id} is locked and can't be deleted")


def users_of(region, id):
    """Images that have a snapshot in their mappings."""
    return [image.id for image in region.images.values() if id in snapshots_of(image)]


def snapshots_of(image):
    mappings = image.fields.get("BlockDeviceMappings") or []
    return [mapping["Ebs"]["SnapshotId"] for mapping in mappings if mapping.get("Ebs", {}).get("SnapshotId")]


def remove(region, snapshot):
    region.snapshots.pop(snapshot.id, None)
    if os.path.exists(snapshot.file) and not snapshot.preset:
        os.unlink(snapshot.file)


@action("LockSnapshot")
def lock_snapshot(call, asked):
    snapshot = find(call, asked["SnapshotId"], "snap")
    snapshot.locked = True
    return {"SnapshotId": snapshot.id, "LockState": asked["LockMode"]}


@action("UnlockSnapshot")
def unlock_snapshot(call, asked):
    snapshot = find(call, asked["SnapshotId"], "snap")
    snapshot.locked = False
    return {"SnapshotId": snapshot.id}


@action("DescribeLockedSnapshots")
def describe_locked(call, asked):
    own = [s for s in call.region.snapshots.values() if s.account == call.account and s.locked]
    wanted = asked.get("SnapshotIds")
    entries = [{"SnapshotId": s.id, "OwnerId": s.account, "LockState": "governance"} for s in own if not wanted or s.id in wanted]
    return {"Snapshots": entries}
