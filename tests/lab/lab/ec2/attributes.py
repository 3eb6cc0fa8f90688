"""Attributes of images and snapshots that change later: descriptions, IMDS, shares, and what forbids public ones."""

from datetime import timedelta

from ..refusal import Refused
from . import encryption, images, snapshots
from .base import action, find

_OPEN, _CLOSED = "unblocked", "block-new-sharing"


@action("DescribeImageAttribute")
def describe_image_attribute(call, asked):
    image, name = find(call, asked["ImageId"], "ami", foreign=False), asked["Attribute"]
    if name == "blockDeviceMapping":
        raise Refused("AuthFailure", "Unauthorized attempt to access restricted resource", 403)
    fields = image.fields
    values = {
        "description": ("Description", {"Value": fields["Description"] or ""}),
        "launchPermission": ("LaunchPermissions", image.permissions),
        "productCodes": ("ProductCodes", fields["ProductCodes"]),
        "sriovNetSupport": ("SriovNetSupport", {"Value": fields["SriovNetSupport"]}),
        "bootMode": ("BootMode", {"Value": fields["BootMode"]}),
        "tpmSupport": ("TpmSupport", {"Value": fields["TpmSupport"]}),
        "uefiData": ("UefiData", {"Value": image.uefi or None}),
        "imdsSupport": ("ImdsSupport", {"Value": fields["ImdsSupport"]}),
        "deregistrationProtection": ("DeregistrationProtection", {"Value": image.protected}),
    }
    if name not in values:
        raise Refused("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.")
    member, value = values[name]
    return {"ImageId": image.id, member: value}


@action("ModifyImageAttribute")
def modify_image_attribute(call, asked):
    image = find(call, asked["ImageId"], "ami")
    add, remove = _image_shares(asked)
    wanted = [asked.get("Description"), asked.get("ImdsSupport"), add or remove or None]
    if asked.get("ProductCodes"):
        raise Refused("InvalidParameterCombination", "Product codes of an image cannot be changed.")
    if sum(value is not None for value in wanted) > 1:
        raise Refused("InvalidParameterCombination", "Fields for multiple attribute types specified")
    if asked.get("Attribute") == "description" or asked.get("Description"):
        image.fields["Description"] = (asked.get("Description") or {}).get("Value") or asked.get("Value", "")
    elif asked.get("Attribute") == "imdsSupport" or asked.get("ImdsSupport"):
        _require_imds(image, (asked.get("ImdsSupport") or {}).get("Value") or asked.get("Value"))
    elif add or remove:
        _share_image(call, image, add, remove)
    else:
        raise Refused("InvalidParameterCombination", "No attributes specified.")


def _require_imds(image, value):
    if value != "v2.0":
        raise Refused("InvalidParameterValue", f"Value ({value}) for parameter imdsSupport is invalid.")
    image.fields["ImdsSupport"] = value


def _image_shares(asked):
    permission = asked.get("LaunchPermission") or {}
    add, remove = list(permission.get("Add") or []), list(permission.get("Remove") or [])
    flat = [{"UserId": id} for id in asked.get("UserIds") or []]
    flat += [{"Group": group} for group in asked.get("UserGroups") or []]
    flat += [{"OrganizationArn": arn} for arn in asked.get("OrganizationArns") or []]
    flat += [{"OrganizationalUnitArn": arn} for arn in asked.get("OrganizationalUnitArns") or []]
    (remove if asked.get("OperationType") == "remove" else add).extend(flat)
    return add, remove


def _share_image(call, image, add, remove):
    for share in add + remove:
        _check_share(share)
    if add and image.disabled:
        raise Refused("InvalidAMIID.Unavailable", f"The image {image.id} is disabled and cannot be shared")
    backing = [call.region.snapshots.get(id) for id in snapshots.snapshots_of(image)]
    public = any(share.get("Group") == "all" for share in add)
    for snapshot in filter(None, backing):
        if add and snapshot.encrypted and encryption.managed(call.region, snapshot.key):
            raise Refused("InvalidParameter", f"Snapshot {snapshot.id} is encrypted with the default key of EBS; the image cannot be shared.")
        if public and snapshot.encrypted:
            raise Refused("InvalidParameter", "Images with encrypted snapshots cannot be made public.")
    if public:
        _check_public_image(call, image)
    image.permissions = [share for share in image.permissions if share not in remove]
    image.permissions += [share for share in add if share not in image.permissions]
    if public:  # until it is private again, it can only be brought forward
        latest = image.born + timedelta(days=730)
        image.deprecation = min(image.deprecation or latest, latest)
    if len(image.permissions) > 1000:
        raise Refused("AmiLaunchPermissionLimitExceeded", "An image can be shared with 1000 entities.")


def _check_share(share):
    if len(share) != 1:
        raise Refused("InvalidParameterCombination", "A permission names one of user, group, organization, unit.")
    (kind, value), = share.items()
    rules = {
        "UserId": lambda: len(value) == 12 and value.isdigit(),
        "Group": lambda: value == "all",
        "OrganizationArn": lambda: ":organization/o-" in value,
        "OrganizationalUnitArn": lambda: ":ou/o-" in value,
    }
    if not rules[kind]():
        code = "InvalidAMIAttributeItemValue" if kind in ("UserId", "Group") else "InvalidParameterValue"
        raise Refused(code, f'Invalid attribute item value "{value}" for {kind} item type.')


def _check_public_image(call, image):
    if call.region.public_images.get(call.account, _CLOSED) != _OPEN:
        text = "You can't publicly share AMIs in this Region because block public access for AMIs is enabled."
        raise Refused("OperationNotPermitted", text)
    if image.fields["ProductCodes"]:
        raise Refused("InvalidParameter", "Images with product codes cannot be made public.")
    others = [i for i in call.region.images.values() if i.account == call.account and i is not image and images.is_public(i)]
    if len(others) >= 5:
        raise Refused("PublicAmiLimitExceeded", "You have reached the limit of public AMIs in this Region.")


@action("ResetImageAttribute")
def reset_image_attribute(call, asked):
    find(call, asked["ImageId"], "ami").permissions = []


@action("DescribeSnapshotAttribute")
def describe_snapshot_attribute(call, asked):
    snapshot = find(call, asked["SnapshotId"], "snap")
    if asked["Attribute"] == "productCodes":
        return {"SnapshotId": snapshot.id, "ProductCodes": [{"ProductCodeId": c, "ProductCodeType": "marketplace"} for c in snapshot.codes]}
    return {"SnapshotId": snapshot.id, "CreateVolumePermissions": snapshot.shares}


@action("ModifySnapshotAttribute")
def modify_snapshot_attribute(call, asked):
    snapshot = find(call, asked["SnapshotId"], "snap")
    add, remove = _snapshot_shares(asked)
    if add and remove:
        raise Refused("InvalidParameterCombination", "Permissions can be added or removed in a request, not both.")
    if not add and not remove:
        raise Refused("InvalidParameterCombination", "No attributes specified.")
    if len(add + remove) > 500:
        raise Refused("InvalidParameterValue", "At most 500 changes in a request.")
    for share in add + remove:
        _check_share(share)
    if add:
        _may_share(call, snapshot, add)
    snapshot.shares = [share for share in snapshot.shares if share not in remove]
    snapshot.shares += [share for share in add if share not in snapshot.shares]


def _snapshot_shares(asked):
    permission = asked.get("CreateVolumePermission") or {}
    add, remove = list(permission.get("Add") or []), list(permission.get("Remove") or [])
    flat = [{"UserId": id} for id in asked.get("UserIds") or []] + [{"Group": g} for g in asked.get("GroupNames") or []]
    (remove if asked.get("OperationType") == "remove" else add).extend(flat)
    return add, remove


def _may_share(call, snapshot, add):
    public = any(share.get("Group") == "all" for share in add)
    if snapshot.encrypted and encryption.managed(call.region, snapshot.key):
        raise Refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    if public and (snapshot.encrypted or snapshot.codes):
        raise Refused("OperationNotPermitted", "Encrypted snapshots, and those with product codes, cannot be public")
    if public and call.region.public_snapshots.get(call.account, _OPEN) != _OPEN:
        raise Refused("OperationNotPermitted", "Block public access for snapshots is enabled in this Region.")


@action("ResetSnapshotAttribute")
def reset_snapshot_attribute(call, asked):
    find(call, asked["SnapshotId"], "snap").shares = []


@action("GetImageBlockPublicAccessState")
def image_block(call, asked):
    return {"ImageBlockPublicAccessState": call.region.public_images.get(call.account, _CLOSED), "ManagedBy": "account"}


@action("EnableImageBlockPublicAccess")
def enable_image_block(call, asked):
    call.region.public_images[call.account] = asked["ImageBlockPublicAccessState"]
    return {"ImageBlockPublicAccessState": asked["ImageBlockPublicAccessState"]}


@action("DisableImageBlockPublicAccess")
def disable_image_block(call, asked):
    call.region.public_images[call.account] = _OPEN
    return {"ImageBlockPublicAccessState": _OPEN}


@action("GetSnapshotBlockPublicAccessState")
def snapshot_block(call, asked):
    return {"State": call.region.public_snapshots.get(call.account, _OPEN), "ManagedBy": "account"}


@action("EnableSnapshotBlockPublicAccess")
def enable_snapshot_block(call, asked):
    call.region.public_snapshots[call.account] = asked["State"]
    return {"State": asked["State"]}


@action("DisableSnapshotBlockPublicAccess")
def disable_snapshot_block(call, asked):
    call.region.public_snapshots[call.account] = _OPEN
    return {"State": _OPEN}
