"""SSM's Parameter Store: moto's loads half of EC2 first, and knows nothing of parameters that are images."""

import base64
import re
from dataclasses import dataclass, field

from .ec2.encryption import key_named
from .refusal import Refused

_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
_TAG = re.compile(r"[\w \-+=.:/@]*")
_VERSIONS = 100


@dataclass
class Parameter:
    name: str
    kind: str
    data: str
    values: list  # all versions that are kept, the oldest first
    version: int
    changed: float
    tags: dict = field(default_factory=dict)
    key: str = ""  # of a SecureString: id, alias or ARN; empty: the AWS managed one
    labels: dict = field(default_factory=dict)  # version by label


def answer(call, asked):
    """The members of the answer to a call of SSM."""
    handler = _ACTIONS.get(call.action)
    if handler is None:
        raise Refused("UnknownOperationException", f"The lab's SSM does not know {call.action}")
    for name in [*(asked.get("Names") or []), *filter(None, [asked.get("Name"), asked.get("ResourceId")])]:
        _authorize(call, name)
    return handler(call, call.region.parameters.setdefault(call.account, {}), asked)


def _authorize(call, name):
    resource = _arn(call, name.split(":")[0])
    if not call.identity.allows(f"ssm:{call.action}", resource, {}):
        text = f"User: {call.identity.arn} is not authorized to perform: ssm:{call.action} on resource: {resource}"
        raise Refused("AccessDeniedException", text)


def _arn(call, name):
    return f"arn:aws:ssm:{call.region.name}:{call.account}:parameter/{name.lstrip('/')}"


def _put(call, shelf, asked):
    name, value = asked["Name"], asked["Value"]
    known = shelf.get(name)
    if asked.get("Overwrite") and asked.get("Tags"):
        text = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag."
        raise Refused("ValidationException", text)
    _check(name, value, asked)
    if known and not asked.get("Overwrite"):
        raise Refused("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
    if not known and not asked.get("Type"):
        raise Refused("ValidationException", "A parameter type is required when you create a parameter.")
    version = known.version + 1 if known else 1
    if asked.get("DataType") != "aws:ec2:image":
        _write(call, shelf, asked)
    elif _is_image(call, value):
        call.lab.after(call.lab.settings["parameter"], lambda: _write(call, shelf, asked))
    # Anything else was not written, and the answer is the same.
    return {"Version": version, "Tier": "Standard"}


def _check(name, value, asked):
    if not _NAME.fullmatch(name) or len(name) > 1011 or name.count("/") > 15 or ("/" in name and not name.startswith("/")):
        raise Refused("ValidationException", f"Parameter name: can't be {name}: letters, numbers and .-_/ in at most 15 levels, from / on.")
    if re.match(r"/?(aws|ssm)", name, re.IGNORECASE):
        raise Refused("AccessDeniedException", f"No access to reserved parameter name: {name}.")
    if not 1 <= len(value) <= 4096:
        raise Refused("ValidationException", "The value of a standard parameter has 1 to 4096 characters.")
    for tag in asked.get("Tags") or []:
        if not _TAG.fullmatch(tag["Key"]) or not _TAG.fullmatch(tag["Value"]) or tag["Key"].lower().startswith("aws:"):
            raise Refused("ValidationException", f"The tag {tag['Key']} = {tag['Value']} has characters that are not allowed.")


def _is_image(call, value):
    image = call.region.images.get(value)
    return image and (image.account == call.account or image.permissions) and image.ready <= call.lab.time()


def _write(call, shelf, asked):
    known = shelf.get(asked["Name"])
    if known:
        known.values = (known.values + [asked["Value"]])[-_VERSIONS:]
        known.version, known.changed = known.version + 1, call.lab.time()
        known.data = asked.get("DataType", known.data)
        return
    tags = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    made = Parameter(asked["Name"], asked["Type"], asked.get("DataType", "text"), [asked["Value"]], 1, call.lab.time(), tags, asked.get("KeyId", ""))
    shelf[made.name] = made


def _read(call, shelf, wanted, decrypt):
    """A parameter as it is answered, by name, ARN, `name:version` or `name:label`; none if there is none."""
    found, selector = _named(call, shelf, wanted)
    version = found and _version(found, selector)
    if version is None:
        return None
    value = found.values[version - found.version - 1]
    if found.kind == "SecureString":
        value = _decrypted(call, found, value) if decrypt else base64.b64encode(value.encode()[::-1]).decode()
    told = {"Name": found.name, "Type": found.kind, "Value": value, "Version": version, "LastModifiedDate": found.changed}
    told |= {"Selector": ":" + selector} if selector else {}
    return told | {"ARN": _arn(call, found.name), "DataType": found.data}


def _named(call, shelf, wanted):
    """The parameter of a name or ARN, none if there is none; and what stands behind its colon."""
    name = re.sub(r"^arn:aws:ssm:[^:]*:[^:]*:parameter", "", wanted)
    name, _, selector = name.partition(":")
    return shelf.get(name) or call.region.public_parameters.get(name), selector


def _version(found, selector):
    """The number of a version or label; none if there is none."""
    version = int(selector) if selector.isdigit() else found.labels.get(selector) if selector else found.version
    return version if version and 0 <= found.version - version < len(found.values) else None


def _decrypted(call, found, value):
    """A customer's key must be on, and the caller must be allowed to decrypt with it through the service."""
    key = key_named(call.region, call.account, found.key) if found.key else None
    via = {"kms:ViaService": [f"ssm.{call.region.name}.amazonaws.com"]}
    allowed = key is None or key.manager == "AWS" or (key.usable and call.identity.allows("kms:Decrypt", key.arn, via))
    if not allowed:
        text = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."
        raise Refused("AccessDeniedException", text)
    if key and not key.enabled:
        raise Refused("InvalidKeyId", f"{key.arn} is disabled.")
    return value


def _get(call, shelf, asked):
    found = _read(call, shelf, asked["Name"], asked.get("WithDecryption"))
    if found is None:
        known, selector = _named(call, shelf, asked["Name"])
        if known:
            raise Refused("ParameterVersionNotFound", f"Systems Manager could not find version {selector} of {known.name}. Verify the version and try again.")
        raise Refused("ParameterNotFound", "")
    return {"Parameter": found}


def _get_many(call, shelf, asked):
    if not 1 <= len(asked["Names"]) <= 10:
        raise Refused("ValidationException", "Member must have length less than or equal to 10")
    found = {name: _read(call, shelf, name, asked.get("WithDecryption")) for name in asked["Names"]}
    return {"Parameters": [p for p in found.values() if p], "InvalidParameters": [name for name, p in found.items() if not p]}


def _label(call, shelf, asked):
    found = shelf.get(asked["Name"])
    if found is None:
        raise Refused("ParameterNotFound", "")
    version = asked.get("ParameterVersion", found.version)
    if _version(found, str(version)) is None:
        raise Refused("ParameterVersionNotFound", "")
    wrong = [label for label in asked["Labels"] if re.match(r"\d|aws|ssm", label, re.IGNORECASE)]
    found.labels.update({label: version for label in asked["Labels"] if label not in wrong})
    return {"InvalidLabels": wrong, "ParameterVersion": version}


def _delete(call, shelf, asked):
    if shelf.pop(asked["Name"], None) is None:
        raise Refused("ParameterNotFound", "")
    return {}


def _delete_many(call, shelf, asked):
    gone = [name for name in asked["Names"] if shelf.pop(name, None)]
    return {"DeletedParameters": gone, "InvalidParameters": [name for name in asked["Names"] if name not in gone]}


def _tagged(shelf, asked):
    if asked.get("ResourceType") != "Parameter":
        raise Refused("InvalidResourceType", "")
    if asked["ResourceId"] not in shelf:
        raise Refused("InvalidResourceId", "")
    return shelf[asked["ResourceId"]]


def _add_tags(call, shelf, asked):
    _check(asked["ResourceId"], "x", asked)
    _tagged(shelf, asked).tags.update({tag["Key"]: tag["Value"] for tag in asked["Tags"]})
    return {}


def _remove_tags(call, shelf, asked):
    for key in asked["TagKeys"]:
        _tagged(shelf, asked).tags.pop(key, None)
    return {}


def _list_tags(call, shelf, asked):
    return {"TagList": [{"Key": key, "Value": value} for key, value in _tagged(shelf, asked).tags.items()]}


_ACTIONS = {
    "PutParameter": _put,
    "GetParameter": _get,
    "GetParameters": _get_many,
    "LabelParameterVersion": _label,
    "DeleteParameter": _delete,
    "DeleteParameters": _delete_many,
    "AddTagsToResource": _add_tags,
    "RemoveTagsFromResource": _remove_tags,
    "ListTagsForResource": _list_tags,
}
