"""Volumes: creating, attaching as a block device, detaching, deleting."""

import os
import re

from .. import blocks
from ..refusal import Refused
from ..things import Attachment, Volume
from . import encryption
from .base import action, chosen, filtered, find, page, tag_list, tags_for

#: GiB at least and at most, IOPS at least and at most, whether IOPS must be given.
_KINDS = {
    "gp2": (1, 16384, None, None, False),
    "gp3": (1, 65536, 3000, 80000, False),
    "io1": (4, 16384, 100, 64000, True),
    "io2": (4, 65536, 100, 256000, True),
    "st1": (125, 16384, None, None, False),
    "sc1": (125, 16384, None, None, False),
    "standard": (1, 1024, None, None, False),
}
_DEVICE = re.compile(r"/dev/(sd[a-z]|xvd[a-d][a-x]|xvd[a-z])")
_ATTACHMENTS = 27


@action("CreateVolume")
def create_volume(call, asked):
    zone = _zone(call, asked)
    tags = tags_for(asked, "volume")["volume"]
    made = call.once(asked.get("ClientToken"), asked, lambda: _make(call, asked, zone, tags).id)
    volume = call.region.volumes.get(made)
    if volume is None:
        raise Refused("IdempotentParameterMismatch", f"The resource {made} of this client token was already deleted")
    return view(call, volume)


def _zone(call, asked):
    name, id = asked.get("AvailabilityZone"), asked.get("AvailabilityZoneId")
    if name and id:
        raise Refused("InvalidParameterCombination", "AvailabilityZone and AvailabilityZoneId cannot be used together")
    for zone in call.region.zones:
        if name == zone or id == call.region.zone_id(zone):
            return zone
    if not (name or id):
        raise Refused("MissingParameter", "The request must contain the parameter zone")
    raise Refused("InvalidZone.NotFound", f"The zone '{name or id}' does not exist.")


def _make(call, asked, zone, tags):
    source = _source(call, asked.get("SnapshotId"))
    kind = asked.get("VolumeType", "gp2")
    size = _size(asked.get("Size"), source, kind)
    iops, throughput = check_speed(kind, asked.get("Iops"), asked.get("Throughput"))
    encrypted, key, usable = encryption.of_new(call, asked, source)
    volume = Volume(
        **call.beginning("vol", "create"),
        tags=tags,
        file="",
        size=size,
        kind=kind,
        zone=zone,
        iops=iops or (max(100, min(3 * size, 16000)) if kind == "gp2" else 3000 if kind == "gp3" else 0),
        throughput=throughput or (125 if kind == "gp3" else 0),
        snapshot=source.id if source else "",
        encrypted=encrypted,
        key=key,
        codes=list(source.codes) if source else [],
        billing=source.billing if source else (),
    )
    _fill(call, volume, source)
    if not usable:
        volume.ready = float("inf")
        volume.vanishes = call.lab.time() + call.lab.settings["vanish"]
        call.lab.after(call.lab.settings["vanish"], lambda: _drop(call, volume))
    call.region.volumes[volume.id] = volume
    return volume


def _source(call, id):
    if not id:
        return None
    source = find(call, id, "snap", foreign=True)
    if source.ready > call.lab.time() or source.error or source.blocks is not None:
        raise Refused("IncorrectState", f"Snapshot is in invalid state - {id}")
    return source


def _size(asked, source, kind):
    size = asked or (source.size if source else None)
    if size is None:
        raise Refused("MissingParameter", "The request must contain the parameter size or snapshotId")
    least, most = _KINDS[kind][:2]
    if source and size < source.size:
        raise Refused("InvalidParameterValue", f"The volume size {size} is smaller than the snapshot's, {source.size} GiB")
    if not least <= size <= most:
        raise Refused("InvalidParameterValue", f"Volume of {size}GiB is invalid for {kind}; use {least} to {most} GiB.")
    return size


def check_speed(kind, iops, throughput):
    """The rules of IOPS and throughput of a type; they are given back."""
    if kind not in _KINDS:
        raise Refused("InvalidParameterValue", f"Value ({kind}) for parameter volumeType is invalid.")
    least, most, needed = _KINDS[kind][2:]
    if needed and iops is None:
        raise Refused("InvalidParameterCombination", f"The parameter iops must be specified for {kind} volumes.")
    if iops is not None and least is None:
        raise Refused("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if iops is not None and not least <= iops <= most:
        raise Refused("InvalidParameterValue", f"Volume iops of {iops} is invalid for {kind}; use {least} to {most}.")
    if throughput is not None and kind != "gp3":
        raise Refused("InvalidParameterCombination", f"The parameter throughput is not supported for {kind} volumes.")
    if throughput is not None and not 125 <= throughput <= 2000:
        raise Refused("InvalidParameterValue", f"Throughput of {throughput} is invalid; use 125 to 2000.")
    return iops, throughput


def _fill(call, volume, source):
    volume.file = call.lab.disk(volume.id)
    if source and os.path.exists(source.file):
        blocks.copy(source.file, volume.file, volume.size << 30)
    else:
        blocks.sparse(volume.file, volume.size << 30)


def _drop(call, volume):
    call.region.volumes.pop(volume.id, None)
    if os.path.exists(volume.file):
        os.unlink(volume.file)


def state(call, volume):
    now = call.lab.time()
    if volume.deleting:
        return "deleting"
    if volume.error and now >= volume.ready:
        return "error"
    if now < volume.ready:
        return "creating"
    return "in-use" if volume.attachment else "available"


def view(call, volume):
    """A volume as EC2 describes it."""
    zone = volume.zone
    return {
        "VolumeId": volume.id,
        "Size": volume.size,
        "SnapshotId": volume.snapshot,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": call.region.zone_id(zone),
        "State": state(call, volume),
        "CreateTime": volume.born,
        "VolumeType": volume.kind,
        "Iops": volume.iops or None,
        "Throughput": volume.throughput or None,
        "Encrypted": volume.encrypted,
        "KmsKeyId": volume.key or None,
        "MultiAttachEnabled": False,
        "Tags": tag_list(volume.tags),
        "Attachments": [attachment_view(call, volume)] if volume.attachment else [],
    }


def attachment_view(call, volume):
    attachment = volume.attachment
    if attachment.busy:
        now = "busy"
    elif attachment.detaching:
        now = "detaching"
    else:
        now = "attached" if call.lab.time() >= attachment.ready else "attaching"
    return {
        "VolumeId": volume.id,
        "InstanceId": attachment.instance,
        "Device": attachment.device,
        "State": now,
        "AttachTime": attachment.since,
        "DeleteOnTermination": False,
    }


def _of_attachment(member):
    return lambda entry: [attachment[member] for attachment in entry["Attachments"]]


_FILTERS = {
    "attachment.device": _of_attachment("Device"),
    "attachment.instance-id": _of_attachment("InstanceId"),
    "attachment.status": _of_attachment("State"),
    "availability-zone": lambda entry: entry["AvailabilityZone"],
    "create-time": lambda entry: entry["CreateTime"].isoformat(),
    "encrypted": lambda entry: entry["Encrypted"],
    "size": lambda entry: entry["Size"],
    "snapshot-id": lambda entry: entry["SnapshotId"],
    "status": lambda entry: entry["State"],
    "volume-id": lambda entry: entry["VolumeId"],
    "volume-type": lambda entry: entry["VolumeType"],
}


@action("DescribeVolumes")
def describe_volumes(call, asked):
    ids = asked.get("VolumeIds")
    volumes = chosen(call, "volumes", ids, "vol", lambda volume: volume.account == call.account)
    entries = filtered([view(call, volume) for volume in volumes], asked.get("Filters"), _FILTERS)
    entries, more = page(call, asked, entries, ids)
    return {"Volumes": entries, **more}


@action("DeleteVolume")
def delete_volume(call, asked):
    volume = find(call, asked["VolumeId"], "vol")
    if volume.attachment:
        raise Refused("VolumeInUse", f"Volume {volume.id} is currently attached to {volume.attachment.instance}")
    if state(call, volume) == "creating":
        raise Refused("IncorrectState", f"The volume '{volume.id}' is 'creating'")
    if not volume.deleting:
        volume.deleting = call.lab.time()
        call.lab.after(call.delay("delete"), lambda: _drop(call, volume))


@action("AttachVolume")
def attach_volume(call, asked):
    volume = find(call, asked["VolumeId"], "vol")
    instance = find(call, asked["InstanceId"], "i")
    device = asked.get("Device") or ""
    _may_attach(call, volume, instance)
    _check_device(call, instance, device)
    loop = blocks.Loop(volume.file)
    volume.attachment = Attachment(
        instance=instance.id,
        device=device,
        since=call.lab.now(),
        loop=loop,
        names=[],
        ready=call.lab.time() + call.delay("attach"),
    )
    _appear(call, volume, device)
    return attachment_view(call, volume)


def _may_attach(call, volume, instance):
    now = state(call, volume)
    if now == "in-use":
        raise Refused("VolumeInUse", f"{volume.id} is already attached to an instance")
    if now != "available":
        raise Refused("IncorrectState", f"Volume '{volume.id}' is not 'available'.")
    if instance.zone != volume.zone:
        text = f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'"
        raise Refused("InvalidVolume.ZoneMismatch", text)
    if instance.stopped:
        raise Refused("IncorrectInstanceState", f"Instance '{instance.id}' is not 'running'.")
    if len(used(call, instance)) >= _ATTACHMENTS:
        raise Refused("AttachmentLimitExceeded", f"Instance '{instance.id}' has its maximum of attached volumes.")


def used(call, instance):
    """Attachments of an instance, by the name that was asked for."""
    volumes = call.region.volumes.values()
    return {v.attachment.device: v for v in volumes if v.attachment and v.attachment.instance == instance.id}


def _check_device(call, instance, device):
    if not _DEVICE.fullmatch(device):
        raise Refused("InvalidParameterValue", f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name.")
    slot = blocks.xen_name(device)
    taken = device in used(call, instance) or device in ("/dev/sda", "/dev/xvda")
    # Another lab of this host has the node: to this one's clients it is one more name in use.
    twin = any(blocks.xen_name(other) == slot for other in used(call, instance))
    if not taken and not twin and call.lab.manner == "xen":
        taken = not call.lab.names.take(slot)
    if taken:
        text = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        raise Refused("InvalidParameterValue", text)


def _appear(call, volume, device):
    """Makes the device's names when it is attached, or later, or never if its Xen slot has another name's device."""
    lab, attachment = call.lab, volume.attachment
    name = blocks.xen_name(device) if lab.manner == "xen" else lab.names.take_nvme()
    if os.path.lexists(f"/dev/{name}") or any(other.reserved == name for other in _attachments(lab)):
        return
    attachment.reserved = name
    if call.fault("no_device"):
        return

    def show():
        if volume.attachment is attachment:
            attachment.names = blocks.show(name, attachment.loop.path, volume.id)

    late = call.fault("late_device")
    wait = late.seconds if late else lab.settings["device"]
    lab.after(max(0.0, attachment.ready - lab.time()) + wait, show)


def _attachments(lab):
    return [volume.attachment for volume in lab.everywhere("volumes") if volume.attachment]


@action("DetachVolume")
def detach_volume(call, asked):
    volume = find(call, asked["VolumeId"], "vol")
    attachment = volume.attachment
    if attachment is None:
        raise Refused("IncorrectState", f"Volume '{volume.id}' is in the '{state(call, volume)}' state.")
    if asked.get("InstanceId", attachment.instance) != attachment.instance or asked.get("Device", attachment.device) != attachment.device:
        raise Refused("InvalidAttachment.NotFound", f"The volume '{volume.id}' is not attached so.")
    if not attachment.detaching:
        wait = call.delay("detach")
        attachment.detaching = call.lab.time() + wait
        call.lab.after(wait, lambda: _let_go(call, volume))
    if volume.attachment is None:
        return {"VolumeId": volume.id, "InstanceId": attachment.instance, "Device": attachment.device, "State": "detaching"}
    return attachment_view(call, volume)


def _let_go(call, volume):
    """Takes the device away once nobody holds it; until then the attachment is busy."""
    attachment = volume.attachment
    if attachment is None:
        return
    if not attachment.loop.detach():
        attachment.busy = True
        call.lab.after(0.1, lambda: _let_go(call, volume))
        return
    blocks.hide(attachment.names)
    call.lab.names.give(attachment.reserved)
    volume.attachment = None
