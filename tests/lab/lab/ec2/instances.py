"""Instances: the builder host, and others that need not run to be attached to."""

from ..refusal import Refused
from ..things import Instance
from . import images, volumes
from .base import action, chosen, filtered, find, page, tag_list, tags_for


@action("RunInstances")
def run_instances(call, asked):
    tags = tags_for(asked, "instance", "volume", "network-interface")["instance"]
    if asked.get("ImageId"):
        image = find(call, asked["ImageId"], "ami", foreign=True)
        if images.state(call, image) != "available":
            raise Refused("InvalidAMIID.Unavailable", f"The image {image.id} is not available")
    elif not asked.get("LaunchTemplate"):
        raise Refused("MissingParameter", "The request must contain the parameter ImageId")
    made = call.once(asked.get("ClientToken"), asked, lambda: _run(call, asked, tags))
    return {"ReservationId": "r-" + made[0][2:], "OwnerId": call.account, "Instances": [view(call, call.region.instances[id]) for id in made]}


def _run(call, asked, tags):
    ids = []
    for _ in range(asked["MaxCount"]):
        zone = asked.get("Placement", {}).get("AvailabilityZone", call.region.zones[0])
        kind = asked.get("InstanceType", "t2.micro" if call.lab.manner == "xen" else "m5.large")
        common = call.beginning("i", "create")
        instance = Instance(**common, tags=dict(tags), zone=zone, kind=kind, image=asked.get("ImageId", ""))
        call.region.instances[instance.id] = instance
        ids.append(instance.id)
    return ids


@action("TerminateInstances")
def terminate_instances(call, asked):
    changes = []
    for id in asked["InstanceIds"]:
        instance = find(call, id, "i")
        instance.stopped = call.lab.time()
        running, gone = {"Code": 16, "Name": "running"}, {"Code": 48, "Name": "terminated"}
        changes.append({"InstanceId": id, "PreviousState": running, "CurrentState": gone})
    return {"TerminatingInstances": changes}


def view(call, instance):
    """An instance as EC2 describes it."""
    state = {"Code": 48, "Name": "terminated"} if instance.stopped else {"Code": 16, "Name": "running"}
    used = volumes.used(call, instance)
    mappings = [
        {"DeviceName": device, "Ebs": {"VolumeId": v.id, "Status": volumes.attachment_view(call, v)["State"], "AttachTime": v.attachment.since}}
        for device, v in used.items()
    ]
    return {
        "InstanceId": instance.id,
        "ImageId": instance.image,
        "State": state,
        "InstanceType": instance.kind,
        "Placement": {"AvailabilityZone": instance.zone, "Tenancy": "default"},
        "Architecture": "x86_64",
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "LaunchTime": instance.born,
        "BlockDeviceMappings": mappings,
        "Tags": tag_list(instance.tags),
    }


@action("DescribeInstances")
def describe_instances(call, asked):
    ids = asked.get("InstanceIds")
    found = chosen(call, "instances", ids, "i", lambda instance: instance.account == call.account)
    fields = {
        "instance-id": lambda entry: entry["InstanceId"],
        "instance-state-name": lambda entry: entry["State"]["Name"],
        "instance-type": lambda entry: entry["InstanceType"],
        "availability-zone": lambda entry: entry["Placement"]["AvailabilityZone"],
        "image-id": lambda entry: entry["ImageId"],
        "block-device-mapping.volume-id": lambda entry: [m["Ebs"]["VolumeId"] for m in entry["BlockDeviceMappings"]],
    }
    entries = filtered([view(call, instance) for instance in found], asked.get("Filters"), fields)
    entries, more = page(call, asked, entries, ids)
    reserved = [{"ReservationId": "r-" + e["InstanceId"][2:], "OwnerId": call.account, "Instances": [e]} for e in entries]
    return {"Reservations": reserved, **more}


@action("DescribeInstanceTypes")
def describe_instance_types(call, asked):
    nitro = {"EbsOptimizedSupport": "default", "EncryptionSupport": "supported", "NvmeSupport": "required"}
    types = {
        "t2.micro": ("xen", {"EbsOptimizedSupport": "unsupported", "EncryptionSupport": "supported", "NvmeSupport": "unsupported"}),
        "m5.large": ("nitro", nitro | {"MaximumEbsAttachments": 27, "AttachmentLimitType": "shared"}),
        "m7i.large": ("nitro", nitro | {"MaximumEbsAttachments": 32, "AttachmentLimitType": "dedicated"}),
        "m7g.large": ("nitro", nitro | {"MaximumEbsAttachments": 31, "AttachmentLimitType": "shared"}),
    }
    unknown = set(asked.get("InstanceTypes") or []) - set(types)
    if unknown:
        raise Refused("InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(sorted(unknown))}]")
    wanted = asked.get("InstanceTypes") or list(types)
    arch = {name: "arm64" if name.startswith("m7g") else "x86_64" for name in types}
    entries = [
        {"InstanceType": n, "Hypervisor": types[n][0], "EbsInfo": types[n][1], "ProcessorInfo": {"SupportedArchitectures": [arch[n]]}}
        for n in wanted
    ]
    entries, more = page(call, asked, entries)
    return {"InstanceTypes": entries, **more}
