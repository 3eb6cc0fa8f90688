"""EC2's query protocol, both ways, from botocore's description of the service: no shape is written down here."""

import base64
from datetime import datetime, timezone
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel

from .refusal import Refused

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


class Wire:
    """Decodes requests and encodes answers of EC2."""

    def __init__(self):
        self.model = ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")

    def knows(self, action):
        return action in self.model.operation_names

    def decode(self, action, body):
        """The parameters of a call as nested dictionaries and lists, by the names that boto3 uses.

        A parameter that the action does not have, and a missing one that it must have, are refused as EC2 does.
        """
        tree = {}
        for key, value in parse_qsl(body, keep_blank_values=True):
            if key not in ("Action", "Version"):
                _plant(tree, key.split("."), value)
        shape = self.model.operation_model(action).input_shape
        return _read(shape, tree, "") if shape else {}

    def encode(self, action, answer, request_id):
        """The XML of an answer."""
        out = [f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="{_NAMESPACE}">']
        out.append(f"<requestId>{request_id}</requestId>")
        shape = self.model.operation_model(action).output_shape
        if shape and shape.members:
            _members(shape, answer or {}, out)
        else:
            out.append("<return>true</return>")
        out.append(f"</{action}Response>")
        return "".join(out).encode()


def refusal_xml(code, message, request_id):
    """The XML of an error of EC2."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    ).encode()


def _plant(tree, path, value):
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            raise Refused("MalformedQueryString", "The query string is malformed.")
    tree[path[-1]] = value


def _wire_name(member, name):
    """How a member is spelled in a request."""
    spelled = member.serialization
    if "queryName" in spelled:
        return spelled["queryName"]
    name = spelled.get("name", name)
    return name[0].upper() + name[1:]


def _read(shape, node, place):
    if shape.type_name == "structure":
        return _read_structure(shape, node, place)
    if shape.type_name == "list":
        return _read_list(shape, node, place)
    return _read_scalar(shape, node, place)


def _read_structure(shape, node, place):
    if not isinstance(node, dict):
        raise Refused("InvalidParameterValue", f"Value ({node}) for parameter {place} is invalid.")
    values, left = {}, dict(node)
    for name, member in shape.members.items():
        wire = _wire_name(member, name)
        if wire in left:
            values[name] = _read(member, left.pop(wire), f"{place}.{wire}" if place else wire)
        elif name in shape.required_members:
            raise Refused("MissingParameter", f"The request must contain the parameter {place + '.' if place else ''}{wire}")
    for unknown in left:
        raise Refused("UnknownParameter", f"The parameter {place + '.' if place else ''}{unknown} is not recognized")
    return values


def _read_list(shape, node, place):
    if not isinstance(node, dict):
        if node == "":
            return []
        raise Refused("InvalidParameterValue", f"Value ({node}) for parameter {place} is invalid.")
    if not all(key.isdigit() for key in node):
        raise Refused("UnknownParameter", f"The parameter {place}.{next(iter(node))} is not recognized")
    return [_read(shape.member, node[key], f"{place}.{key}") for key in sorted(node, key=int)]


def _read_scalar(shape, text, place):
    wrong = Refused("InvalidParameterValue", f"Value ({text}) for parameter {place} is invalid.")
    if isinstance(text, dict):
        raise wrong
    try:
        if shape.type_name == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
        if shape.type_name == "timestamp":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
        if shape.type_name == "blob":
            return base64.b64decode(text, validate=True)
    except (KeyError, ValueError):
        raise wrong from None
    enum = getattr(shape, "enum", None)
    if enum and text not in enum:
        raise wrong
    return text


def _members(shape, values, out):
    for name, member in shape.members.items():
        if values.get(name) is not None:
            _write(member, member.serialization.get("name", name), values[name], out)


def _write(shape, name, value, out):
    out.append(f"<{name}>")
    if shape.type_name == "structure":
        _members(shape, value, out)
    elif shape.type_name == "list":
        for item in value:
            _write(shape.member, shape.member.serialization.get("name", "item"), item, out)
    else:
        out.append(escape(_text(value)))
    out.append(f"</{name}>")


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
