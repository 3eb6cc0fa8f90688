"""Whether the policies of a key allow a call of EC2: what it acts on, with which tags."""

import base64
import json

from .refusal import Refused

#: Parameters that name what an action acts on; `_new` are types of what it makes.
_ACTS_ON = {
    "CreateVolume": {"_new": ["volume"], "SnapshotId": "snapshot"},
    "AttachVolume": {"InstanceId": "instance", "VolumeId": "volume"},
    "DetachVolume": {"InstanceId": "instance", "VolumeId": "volume"},
    "DeleteVolume": {"VolumeId": "volume"},
    "CreateSnapshot": {"_new": ["snapshot"], "VolumeId": "volume"},
    "DeleteSnapshot": {"SnapshotId": "snapshot"},
    "CopySnapshot": {"_new": ["snapshot"]},
    "RegisterImage": {"_new": ["image"], "_mapped": "snapshot"},
    "CopyImage": {"_new": ["image", "snapshot"], "SourceImageId": "image"},
    "DeregisterImage": {"ImageId": "image"},
    "CreateTags": {"Resources": None},
    "DeleteTags": {"Resources": None},
    "DescribeSnapshotAttribute": {"SnapshotId": "snapshot"},
    "ModifySnapshotAttribute": {"SnapshotId": "snapshot"},
    "ResetSnapshotAttribute": {"SnapshotId": "snapshot"},
    "RunInstances": {"_new": ["instance", "volume"], "ImageId": "image"},
}
_OF_IMAGES = ("ImageAttribute", "ImageDeprecation", "ImageDeregistrationProtection")
_SHELF = {"vol": ("volume", "volumes"), "snap": ("snapshot", "snapshots"), "ami": ("image", "images"), "i": ("instance", "instances")}


def check(call, asked):
    """Refuses the call, as EC2 does, if the policies of its key do not allow it."""
    if not call.identity.policies:
        return
    for action, resource, context in needs(call, asked):
        if not call.identity.allows(action, resource, context):
            raise refusal(call, action, resource)


def refusal(call, action, resource):
    """UnauthorizedOperation, with the message that sts:DecodeAuthorizationMessage decodes."""
    told = {"allowed": False, "context": {"principal": {"arn": call.identity.arn}, "action": action, "resource": resource}}
    encoded = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    text = (
        f"You are not authorized to perform this operation. User: {call.identity.arn} is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action. "
        f"Encoded authorization failure message: {encoded}"
    )
    return Refused("UnauthorizedOperation", text, 403)


def needs(call, asked):
    """Every (action, resource, condition values) that must be allowed."""
    action, tags = f"ec2:{call.action}", _request_tags(asked)
    on = _ACTS_ON.get(call.action)
    if on is None and call.action.endswith(_OF_IMAGES):
        on = {"ImageId": "image"}
    if on is None or call.action == "RunInstances":
        return [(action, "*", {"aws:RequestedRegion": [call.region.name]})]
    wanted = [(action, arn, context) for arn, context in _existing(call, asked, on)]
    for kind in on.get("_new", []):
        arn, context = _arn(call, call.region, kind, "*"), _context(call, asked, None, tags.get(kind, {}))
        wanted.append((action, arn, context))
        if tags.get(kind):
            wanted.append(("ec2:CreateTags", arn, context | {"ec2:CreateAction": [call.action]}))
    return wanted


def _existing(call, asked, on):
    ids = []
    for parameter in on:
        if parameter == "Resources":
            ids += asked.get("Resources", [])
        elif parameter == "_mapped":
            ids += [m["Ebs"]["SnapshotId"] for m in asked.get("BlockDeviceMappings") or [] if m.get("Ebs", {}).get("SnapshotId")]
        elif parameter != "_new" and asked.get(parameter):
            ids.append(asked[parameter])
    region = call.lab.regions.get(asked.get("SourceRegion"), call.region)
    new = {tag["Key"]: tag.get("Value", "") for tag in asked.get("Tags") or []} if "Resources" in on else {}
    for id in ids:
        kind, shelf = _SHELF.get(id.split("-")[0], ("unknown", "volumes"))
        thing = getattr(region, shelf).get(id)
        yield _arn(call, region, kind, id), _context(call, asked, thing, new)


def _arn(call, region, kind, id):
    account = "" if kind in ("image", "snapshot") else call.account
    return f"arn:aws:ec2:{region.name}:{account}:{kind}/{id}"


def _request_tags(asked):
    return {
        specification.get("ResourceType"): {tag["Key"]: tag.get("Value", "") for tag in specification.get("Tags") or []}
        for specification in asked.get("TagSpecifications") or []
    }


def _context(call, asked, thing, new):
    context = {"aws:RequestedRegion": [call.region.name], "ec2:Region": [call.region.name]}
    for key, value in new.items():
        context[f"aws:RequestTag/{key}"] = [value]
    if new:
        context["aws:TagKeys"] = list(new)
    if thing is not None:
        context["ec2:Owner"] = [thing.account]
        for key, value in thing.tags.items():
            context[f"aws:ResourceTag/{key}"] = context[f"ec2:ResourceTag/{key}"] = [value]
    if asked.get("Attribute"):
        context["ec2:Attribute"] = [asked["Attribute"]]
    permission = asked.get("CreateVolumePermission") or asked.get("LaunchPermission") or {}
    for way in ("Add", "Remove"):
        for member, key in (("UserId", "userId"), ("Group", "group")):
            values = [share[member] for share in permission.get(way) or [] if share.get(member)]
            if values:
                context[f"ec2:{way}/{key}"] = values
    return context


def may_use_key(call, key):
    """Whether the policies let the caller use a customer's key for EBS. Keys that AWS manages are open to the account."""
    context = {"kms:ViaService": [f"ec2.{key.region}.amazonaws.com"], "kms:GrantIsForAWSResource": ["true"]}
    actions = ("kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt")
    return key.manager == "AWS" or all(call.identity.allows(action, key.arn, context) for action in actions)
