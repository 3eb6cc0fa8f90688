"""What handlers of EC2 share: the table of actions, look-ups by id, filters, pages, rules of tags."""

import base64
import re

from ..refusal import Refused

#: Handlers by the name of their action: `handler(call, parameters)` gives the members of the answer.
ACTIONS = {}

_UNKNOWN = {
    "vol": ("InvalidVolume.NotFound", "InvalidVolumeID.Malformed", "volume"),
    "snap": ("InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed", "snapshot"),
    "ami": ("InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "image id"),
    "i": ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "instance ID"),
}
_SHELF = {"vol": "volumes", "snap": "snapshots", "ami": "images", "i": "instances"}


def action(name):
    """Registers the handler of an action."""

    def register(handler):
        ACTIONS[name] = handler
        return handler

    return register


def not_found(id):
    code, _, what = _UNKNOWN.get(id.split("-")[0], ("InvalidID", "InvalidID", "ID"))
    if what in ("volume", "snapshot"):
        return Refused(code, f"The {what} '{id}' does not exist.")
    return Refused(code, f"The {what} '[{id}]' does not exist")


def find(call, id, prefix, foreign=False):
    """The thing with that id in the region, if the caller may see it."""
    if not re.fullmatch(prefix + r"-[0-9a-f]{8}([0-9a-f]{9})?", id):
        raise Refused(_UNKNOWN[prefix][1], f'Invalid id: "{id}" (expecting "{prefix}-...")')
    thing = getattr(call.region, _SHELF[prefix]).get(id)
    if thing is None or call.lab.time() < thing.visible:
        if prefix == "ami" and id in call.region.gone:
            raise Refused("InvalidAMIID.Unavailable", f"The image ID '{id}' is no longer available")
        raise not_found(id)
    if thing.account != call.account and not (foreign and shared(thing, call.account)):
        if prefix == "ami" and shared(thing, call.account):
            raise Refused("AuthFailure", f"Not authorized for image:{id}", 403)
        raise not_found(id)
    return thing


def shared(thing, account):
    """Whether an image or snapshot is public, or shared with the account."""
    from ..accounts import BELONGS  # the accounts know policies, which handlers need not

    for share in getattr(thing, "permissions", None) or getattr(thing, "shares", None) or []:
        if share.get("Group") == "all" or share.get("UserId") == account:
            return True
        if {share.get("OrganizationArn"), share.get("OrganizationalUnitArn")} & BELONGS.get(account, set()):
            return True
    return False


def chosen(call, shelf, ids, prefix, sees):
    """What a describing call is about: all that the caller sees, or the ids, of which an unknown one fails the call."""
    standing = getattr(call.region, shelf)
    if ids:
        things = []
        for id in dict.fromkeys(ids):
            if not re.fullmatch(prefix + r"-[0-9a-f]{8}([0-9a-f]{9})?", id):
                raise Refused(_UNKNOWN[prefix][1], f'Invalid id: "{id}"')
            thing = standing.get(id)
            if thing is None or call.lab.time() < thing.visible or not sees(thing):
                raise not_found(id)
            things.append(thing)
        return things
    return [thing for thing in standing.values() if call.lab.time() >= thing.visible and sees(thing)]


def filtered(entries, filters, fields):
    """Entries (as they are answered) that match all filters. `fields` gives the values of an entry by filter."""
    for wanted in filters or []:
        name, patterns = wanted.get("Name", ""), wanted.get("Values", [])
        if name.startswith("tag:"):
            read = lambda entry, key=name[4:]: [t["Value"] for t in entry.get("Tags") or [] if t["Key"] == key]
        elif name == "tag-key":
            read = lambda entry: [t["Key"] for t in entry.get("Tags") or []]
        elif name in fields:
            read = fields[name]
        else:
            raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not patterns:
            raise Refused("InvalidParameterValue", f"The filter '{name}' needs values")
        tests = [_pattern(pattern) for pattern in patterns]
        entries = [entry for entry in entries if any(test.fullmatch(text) for test in tests for text in _texts(read(entry)))]
    return entries


def _texts(value):
    values = value if isinstance(value, list) else [value]
    return [("true" if v else "false") if isinstance(v, bool) else str(v) for v in values if v is not None]


def _pattern(text):
    """`*` and `?` are wild unless a backslash is before them."""
    parts = re.findall(r"\\.|[^\\]|\\$", text, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(part, re.escape(part[-1])) for part in parts), re.DOTALL)


def page(call, parameters, entries, ids=None):
    """The page of a listing, and the members that tell of the next one."""
    limit = parameters.get("MaxResults")
    if ids and limit:
        raise Refused("InvalidParameterCombination", "The parameters ids and maxResults cannot be used together")
    if limit is not None and not 1 <= limit <= 1000:
        raise Refused("InvalidMaxResults", f"The specified value for MaxResults is not valid: {limit}")
    start = 0
    if parameters.get("NextToken"):
        try:
            start = int(base64.b64decode(parameters["NextToken"]).removeprefix(b"lab:"))
        except ValueError:
            raise Refused("InvalidNextToken", "The token is not valid") from None
    size = len(entries) if ids else min(limit or 1000, call.lab.settings["page"])
    if start + size >= len(entries):
        return entries[start:], {}
    return entries[start : start + size], {"NextToken": base64.b64encode(b"lab:%d" % (start + size)).decode()}


def tags_for(parameters, *kinds):
    """Tags of TagSpecifications by type of resource. Types that the action does not take are refused."""
    tags = {kind: {} for kind in kinds}
    for specification in parameters.get("TagSpecifications") or []:
        kind = specification.get("ResourceType", "")
        if kind not in kinds:
            raise Refused("InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation.")
        for tag in specification.get("Tags") or []:
            key, value = tag.get("Key", ""), tag.get("Value", "")
            if key in tags[kind]:
                raise Refused("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
            tags[kind][key] = value
        check_tags(tags[kind])
    return tags


def check_tags(tags):
    """The rules of keys, values and their number."""
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise Refused("InvalidParameterValue", f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
        if not 1 <= len(key) <= 127:
            raise Refused("InvalidParameterValue", f"Tag key exceeds the maximum length of 127 characters: '{key}'")
        if len(value) > 256:
            raise Refused("InvalidParameterValue", f"Tag value exceeds the maximum length of 256 characters. Key: '{key}'")
    if len(tags) > 50:
        raise Refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
