"""Tags of what stands already."""

from ..refusal import Refused
from .base import action, check_tags, filtered, find, not_found, page

_TYPES = {"vol": "volume", "snap": "snapshot", "ami": "image", "i": "instance"}


@action("CreateTags")
def create_tags(call, asked):
    wanted = {tag.get("Key", ""): tag.get("Value", "") for tag in asked["Tags"]}
    things = _things(call, asked["Resources"])
    check_tags(wanted)
    for thing in things:
        check_tags(thing.tags | wanted)
    for thing in things:
        thing.tags.update(wanted)


@action("DeleteTags")
def delete_tags(call, asked):
    for thing in _things(call, asked["Resources"]):
        if not asked.get("Tags"):
            thing.tags.clear()
        for tag in asked.get("Tags") or []:
            if "Value" not in tag or thing.tags.get(tag["Key"]) == tag["Value"]:
                thing.tags.pop(tag["Key"], None)


def _things(call, ids):
    if len(ids) > 1000:
        raise Refused("InvalidParameterValue", "At most 1000 resources in a request.")
    return [_thing(call, id) for id in ids]


def _thing(call, id):
    prefix = id.split("-")[0]
    if prefix not in _TYPES:
        raise not_found(id)
    return find(call, id, prefix)


@action("DescribeTags")
def describe_tags(call, asked):
    shelves = ("volumes", "snapshots", "images", "instances")
    things = [thing for shelf in shelves for thing in getattr(call.region, shelf).values()]
    entries = [
        {"ResourceId": thing.id, "ResourceType": _TYPES[thing.id.split("-")[0]], "Key": key, "Value": value}
        for thing in things
        if thing.account == call.account
        for key, value in sorted(thing.tags.items())
    ]
    fields = {
        "key": lambda entry: entry["Key"],
        "value": lambda entry: entry["Value"],
        "resource-id": lambda entry: entry["ResourceId"],
        "resource-type": lambda entry: entry["ResourceType"],
    }
    entries, more = page(call, asked, filtered(entries, asked.get("Filters"), fields))
    return {"Tags": entries, **more}
