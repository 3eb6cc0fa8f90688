"""How images end: deprecation, protection from deregistration, disabling."""

from datetime import timedelta, timezone

from ..refusal import Refused
from . import images
from .base import action, find

_COOLDOWN = 24 * 3600


@action("EnableImageDeprecation")
def deprecate(call, asked):
    image, at = find(call, asked["ImageId"], "ami"), asked["DeprecateAt"].astimezone(timezone.utc)
    if at < call.lab.now():
        raise Refused("InvalidParameterValue", "The deprecation date must be in the future.")
    latest = image.born + timedelta(days=730) if images.is_public(image) else call.lab.now() + timedelta(days=3653)
    if at > latest:
        raise Refused("InvalidParameterValue", "The deprecation date is too far in the future.")
    image.deprecation = (at + timedelta(seconds=30)).replace(second=0, microsecond=0)
    return {"Return": True}


@action("DisableImageDeprecation")
def undeprecate(call, asked):
    image = find(call, asked["ImageId"], "ami")
    if images.is_public(image):
        raise Refused("OperationNotPermitted", "The deprecation of a public AMI can't be disabled.")
    image.deprecation = None
    return {"Return": True}


@action("EnableImageDeregistrationProtection")
def protect(call, asked):
    image = find(call, asked["ImageId"], "ami")
    image.protected = "enabled-with-cooldown" if asked.get("WithCooldown") else "enabled-without-cooldown"
    return {"Return": image.protected}


@action("DisableImageDeregistrationProtection")
def unprotect(call, asked):
    image = find(call, asked["ImageId"], "ami")
    if image.protected == "enabled-with-cooldown":
        image.cooldown_until = call.lab.time() + _COOLDOWN
    image.protected = "disabled"
    return {"Return": "disabled"}


@action("DisableImage")
def disable(call, asked):
    image = find(call, asked["ImageId"], "ami")
    image.disabled, image.permissions = True, []
    return {"Return": True}


@action("EnableImage")
def enable(call, asked):
    find(call, asked["ImageId"], "ami").disabled = False
    return {"Return": True}
