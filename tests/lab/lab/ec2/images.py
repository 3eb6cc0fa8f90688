"""Images: registering, describing, deregistering."""

import base64
import re
from datetime import timezone

from ..accounts import ALIASES
from ..refusal import Refused
from ..things import Image
from . import snapshots, volumes
from .base import action, chosen, filtered, find, page, shared, tag_list, tags_for

_NAME = re.compile(r"[A-Za-z0-9()\[\] ./'@_-]{3,128}")
_LINUX = ("Linux/UNIX", "RunInstances")


@action("RegisterImage")
def register_image(call, asked):
    if asked.get("ImageLocation"):
        raise Refused("InvalidManifest", "The lab registers images from snapshots only")
    check_name(call, call.region, asked["Name"])
    tags = tags_for(asked, "image")["image"]
    _check_settings(asked)
    mappings, root = _mappings(call, asked)
    image = Image(
        **call.beginning("ami", "image"),
        tags=tags,
        fields=_registered(call, asked, mappings, root),
        uefi=asked.get("UefiData", ""),
    )
    call.region.images[image.id] = image
    return {"ImageId": image.id}


def check_name(call, region, name):
    """The rules of names: their letters, and one owner each."""
    if not _NAME.fullmatch(name):
        text = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'"
        raise Refused("InvalidAMIName.Malformed", text)
    for image in region.images.values():
        if image.account == call.account and image.fields["Name"] == name:
            raise Refused("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")


def _check_settings(asked):
    boot, hvm = asked.get("BootMode"), asked.get("VirtualizationType") == "hvm"
    if len(asked.get("Description", "")) > 255:
        raise Refused("InvalidParameterValue", "The description is longer than 255 characters")
    if asked.get("TpmSupport") and boot != "uefi":
        raise Refused("InvalidParameterCombination", "The parameter TpmSupport requires the boot mode uefi.")
    if asked.get("UefiData"):
        if boot == "legacy-bios":
            raise Refused("InvalidParameterCombination", "UefiData cannot be used with the boot mode legacy-bios.")
        _check_base64(asked["UefiData"])
    if asked.get("Architecture") == "arm64" and boot in ("legacy-bios", "uefi-preferred"):
        raise Refused("InvalidParameterCombination", f"The boot mode {boot} is not supported for the architecture arm64.")
    if (asked.get("EnaSupport") or asked.get("SriovNetSupport") or boot) and not hvm:
        raise Refused("InvalidParameterCombination", "Only images of the virtualization type hvm can have this setting.")
    if asked.get("SriovNetSupport", "simple") != "simple":
        raise Refused("InvalidParameterValue", f"Value ({asked['SriovNetSupport']}) for parameter sriovNetSupport is invalid.")


def _check_base64(text):
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("InvalidParameterValue", "UefiData is not valid base64.") from None


def _mappings(call, asked):
    """The mappings as they are answered, and the snapshot of the root device."""
    root, entries, source = asked.get("RootDeviceName"), [], None
    names = [mapping.get("DeviceName") for mapping in asked.get("BlockDeviceMappings") or []]
    if len(set(names)) != len(names):
        raise Refused("InvalidBlockDeviceMapping", "A device name is mapped twice.")
    for mapping in asked.get("BlockDeviceMappings") or []:
        entry, snapshot = _mapping(call, mapping, mapping.get("DeviceName") == root)
        entries.append(entry)
        source = snapshot if mapping.get("DeviceName") == root else source
    if not root:
        raise Refused("MissingParameter", "The request must contain the parameter rootDeviceName")
    if source is None:
        raise Refused("InvalidBlockDeviceMapping", f"The root device {root} is not mapped to a snapshot.")
    return entries, source


def _mapping(call, mapping, is_root):
    name, ebs = mapping.get("DeviceName"), mapping.get("Ebs")
    if not name:
        raise Refused("MissingParameter", "The request must contain the parameter deviceName")
    if ebs is None:
        return {key: mapping[key] for key in ("DeviceName", "VirtualName", "NoDevice") if key in mapping}, None
    if "KmsKeyId" in ebs:
        raise Refused("InvalidParameter", "The parameter KmsKeyId is not recognized in the mappings of an image.")
    snapshot = _mapped(call, ebs) if ebs.get("SnapshotId") else None
    kind = ebs.get("VolumeType", "gp2")
    size = ebs.get("VolumeSize") or (snapshot.size if snapshot else None)
    if size is None:
        raise Refused("MissingParameter", f"The mapping {name} needs a size or a snapshot")
    if snapshot and size < snapshot.size:
        raise Refused("InvalidBlockDeviceMapping", f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}', expect size >= {snapshot.size}GB")
    if is_root and kind in ("st1", "sc1"):
        raise Refused("InvalidBlockDeviceMapping", f"The volume type {kind} cannot be a root device.")
    iops, throughput = volumes.check_speed(kind, ebs.get("Iops"), ebs.get("Throughput"))
    described = {
        "DeleteOnTermination": ebs.get("DeleteOnTermination", is_root),
        "SnapshotId": snapshot.id if snapshot else None,
        "VolumeSize": size,
        "VolumeType": kind,
        "Iops": iops or (3000 if kind == "gp3" else None),
        "Throughput": throughput or (125 if kind == "gp3" else None),
        "Encrypted": snapshot.encrypted if snapshot else ebs.get("Encrypted", False),
    }
    return {"DeviceName": name, "Ebs": described}, snapshot


def _mapped(call, ebs):
    snapshot = find(call, ebs["SnapshotId"], "snap", foreign=True)
    if "Encrypted" in ebs:
        raise Refused("InvalidParameter", "The parameter Encrypted cannot be given with a snapshot.")
    if snapshots.state(call, snapshot) != "completed":
        raise Refused("InvalidSnapshot.NotFound" if snapshot.error else "IncorrectState", f"The snapshot '{snapshot.id}' is not 'completed'.")
    return snapshot


def _registered(call, asked, mappings, root):
    platform, usage = root.billing or _LINUX
    return {
        "Name": asked["Name"],
        "Description": asked.get("Description"),
        "Architecture": asked.get("Architecture", "i386"),
        "VirtualizationType": asked.get("VirtualizationType", "paravirtual"),
        "RootDeviceName": asked["RootDeviceName"],
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": mappings,
        "EnaSupport": asked.get("EnaSupport"),
        "SriovNetSupport": asked.get("SriovNetSupport"),
        "BootMode": asked.get("BootMode"),
        "TpmSupport": asked.get("TpmSupport"),
        "ImdsSupport": asked.get("ImdsSupport"),
        "KernelId": asked.get("KernelId"),
        "RamdiskId": asked.get("RamdiskId"),
        "PlatformDetails": platform,
        "UsageOperation": usage,
        "ProductCodes": [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in root.codes],
    }


def state(call, image):
    if call.lab.time() < image.ready:
        return "pending"
    if image.error:
        return "failed"
    return "disabled" if image.disabled else "available"


def is_public(image):
    return any(share.get("Group") == "all" for share in image.permissions)


def view(call, image):
    """An image as EC2 describes it to the caller."""
    own, now = image.account == call.account, state(call, image)
    return image.fields | {
        "ImageId": image.id,
        "ImageLocation": f"{image.account}/{image.fields['Name']}",
        "ImageType": "machine",
        "Hypervisor": "xen",
        "OwnerId": image.account,
        "ImageOwnerAlias": ALIASES.get(image.account),
        "Public": is_public(image),
        "State": now,
        "StateReason": {"Code": image.error.split(":")[0], "Message": image.error} if now == "failed" else None,
        "CreationDate": image.born.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "DeprecationTime": image.deprecation and image.deprecation.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "DeregistrationProtection": image.protected if own else None,
        "Tags": tag_list(snapshots.visible_tags(image, own)),
    }


def _of_mapping(member):
    return lambda entry: [m["Ebs"].get(member) for m in entry["BlockDeviceMappings"] if "Ebs" in m]


_FILTERS = {
    "architecture": lambda entry: entry["Architecture"],
    "block-device-mapping.delete-on-termination": _of_mapping("DeleteOnTermination"),
    "block-device-mapping.device-name": lambda entry: [m["DeviceName"] for m in entry["BlockDeviceMappings"]],
    "block-device-mapping.snapshot-id": _of_mapping("SnapshotId"),
    "block-device-mapping.volume-size": _of_mapping("VolumeSize"),
    "block-device-mapping.volume-type": _of_mapping("VolumeType"),
    "block-device-mapping.encrypted": _of_mapping("Encrypted"),
    "creation-date": lambda entry: entry["CreationDate"],
    "description": lambda entry: entry["Description"],
    "ena-support": lambda entry: entry["EnaSupport"],
    "hypervisor": lambda entry: entry["Hypervisor"],
    "image-id": lambda entry: entry["ImageId"],
    "image-type": lambda entry: entry["ImageType"],
    "is-public": lambda entry: entry["Public"],
    "kernel-id": lambda entry: entry["KernelId"],
    "manifest-location": lambda entry: entry["ImageLocation"],
    "name": lambda entry: entry["Name"],
    "owner-alias": lambda entry: entry["ImageOwnerAlias"],
    "owner-id": lambda entry: entry["OwnerId"],
    "platform": lambda entry: "windows" if entry["PlatformDetails"].startswith("Windows") else None,
    "product-code": lambda entry: [code["ProductCodeId"] for code in entry["ProductCodes"]],
    "product-code.type": lambda entry: [code["ProductCodeType"] for code in entry["ProductCodes"]],
    "ramdisk-id": lambda entry: entry["RamdiskId"],
    "root-device-name": lambda entry: entry["RootDeviceName"],
    "root-device-type": lambda entry: entry["RootDeviceType"],
    "source-image-id": lambda entry: entry.get("SourceImageId"),
    "source-image-region": lambda entry: entry.get("SourceImageRegion"),
    "source-instance-id": lambda entry: None,
    "state": lambda entry: entry["State"],
    "state-reason-code": lambda entry: (entry["StateReason"] or {}).get("Code"),
    "state-reason-message": lambda entry: (entry["StateReason"] or {}).get("Message"),
    "sriov-net-support": lambda entry: entry["SriovNetSupport"],
    "virtualization-type": lambda entry: entry["VirtualizationType"],
}


@action("DescribeImages")
def describe_images(call, asked):
    ids = asked.get("ImageIds")
    found = chosen(call, "images", ids, "ami", lambda image: image.account == call.account or shared(image, call.account))
    found = [image for image in found if _wanted(call, image, asked, ids)]
    entries = filtered([view(call, image) for image in found], asked.get("Filters"), _FILTERS)
    entries, more = page(call, asked, entries)
    return {"Images": entries, **more}


def _wanted(call, image, asked, ids):
    own = image.account == call.account
    if image.disabled and not (own and (asked.get("IncludeDisabled") or ids)):
        return False
    if not own and image.deprecation and image.deprecation <= call.lab.now() and not (asked.get("IncludeDeprecated") or ids):
        return False
    owners = asked.get("Owners")
    if owners and not {image.account, ALIASES.get(image.account), "self" if own else None} & set(owners):
        return False
    users = asked.get("ExecutableUsers")
    return not users or any(_executable(call, image, user) for user in users)


def _executable(call, image, user):
    if user == "all":
        return is_public(image)
    account = call.account if user == "self" else user
    return any(share.get("UserId") == account for share in image.permissions)


@action("DeregisterImage")
def deregister_image(call, asked):
    image = find(call, asked["ImageId"], "ami")
    if image.protected.startswith("enabled") or call.lab.time() < image.cooldown_until:
        text = f"The AMI {image.id} is protected from deregistration. Disable the protection, wait for its cooldown, and try again."
        raise Refused("OperationNotPermitted", text)
    del call.region.images[image.id]
    call.region.gone.add(image.id)
    results = []
    for id in snapshots.snapshots_of(image):
        snapshot = call.region.snapshots.get(id)
        if snapshot and snapshot.account == call.account:
            snapshot.in_use_until = call.lab.time() + call.lab.settings["snapshot_release"]
            snapshot.in_use_by = image.id
            if asked.get("DeleteAssociatedSnapshots"):
                results.append({"SnapshotId": id, "ReturnCode": _delete_with(call, snapshot)})
    return {"Return": True, "DeleteSnapshotResults": results}


def _delete_with(call, snapshot):
    if snapshots.users_of(call.region, snapshot.id):
        return "skipped"
    if snapshot.locked:
        return "client-error"
    snapshots.remove(call.region, snapshot)
    return "success"
