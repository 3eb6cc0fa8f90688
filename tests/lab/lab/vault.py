"""Secrets Manager, as far as it is read: secrets with their versions, and the staging labels that tell these apart."""

import base64
import re
import uuid
from dataclasses import dataclass, field

from .ec2.encryption import key_named
from .refusal import Refused

_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass
class Version:
    id: str
    text: str | None
    binary: str | None  # in base64, as it travels
    stages: set


@dataclass
class Secret:
    name: str
    arn: str
    key: str  # id, alias or ARN; empty: the AWS managed one
    versions: list = field(default_factory=list)
    deleted: bool = False


def answer(call, asked):
    """The members of the answer to a call of Secrets Manager."""
    handler = _ACTIONS.get(call.action)
    if handler is None:
        raise Refused("UnknownOperationException", f"The lab's Secrets Manager does not know {call.action}")
    shelf = call.region.secrets.setdefault(call.account, {})
    wanted = asked.get("SecretId") or asked.get("Name", "")
    found = _find(shelf, wanted)
    _authorize(call, found.arn if found else _arn(call, wanted))
    return handler(call, shelf, found, asked)


def _authorize(call, resource):
    if not call.identity.allows(f"secretsmanager:{call.action}", resource, {}):
        text = f"User: {call.identity.arn} is not authorized to perform: secretsmanager:{call.action} on resource: {resource}"
        raise Refused("AccessDeniedException", text)


def _arn(call, name):
    return f"arn:aws:secretsmanager:{call.region.name}:{call.account}:secret:{name}"


def _find(shelf, wanted):
    """By name, by ARN, or by ARN without the six characters that end it."""
    for secret in shelf.values():
        if wanted in (secret.name, secret.arn, secret.arn[:-7]):
            return secret
    return None


def _create(call, shelf, found, asked):
    if found:
        raise Refused("ResourceExistsException", f"The operation failed because the secret {asked['Name']} already exists.")
    if not re.fullmatch(r"[\w/+=.@-]{1,512}", asked["Name"]):
        raise Refused("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
    made = Secret(asked["Name"], _arn(call, asked["Name"]) + "-" + uuid.uuid4().hex[:6], asked.get("KmsKeyId", ""))
    shelf[made.name] = made
    return _add(made, asked)


def _put(call, shelf, found, asked):
    return _add(_there(found), asked)


def _add(secret, asked):
    stages = set(asked.get("VersionStages") or [_CURRENT])
    for version in secret.versions:
        if _CURRENT in stages and _CURRENT in version.stages:
            for other in secret.versions:
                other.stages.discard(_PREVIOUS)
            version.stages.add(_PREVIOUS)
        version.stages -= stages
    made = Version(str(uuid.uuid4()), asked.get("SecretString"), asked.get("SecretBinary"), stages)
    secret.versions.append(made)
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": made.id, "VersionStages": sorted(stages)}


def _delete(call, shelf, found, asked):
    _there(found).deleted = True
    return {"ARN": found.arn, "Name": found.name}


def _there(secret):
    if secret is None:
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.deleted:
        text = "You can't perform this operation on the secret because it was marked for deletion."
        raise Refused("InvalidRequestException", text)
    return secret


def _get(call, shelf, found, asked):
    secret, stage = _there(found), asked.get("VersionStage")
    id = asked.get("VersionId")
    wanted = (lambda version: version.id == id) if id else (lambda version: (stage or _CURRENT) in version.stages)
    version = next((version for version in secret.versions if wanted(version) and (not id or not stage or stage in version.stages)), None)
    if version is None:
        what = f"VersionId: {id}" if id else f"staging label: {stage or _CURRENT}"
        raise Refused("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")
    _decrypt(call, secret)
    told = {"ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "VersionStages": sorted(version.stages)}
    if version.text is not None:
        return told | {"SecretString": version.text}
    base64.b64decode(version.binary or "", validate=True)
    return told | {"SecretBinary": version.binary}


def _decrypt(call, secret):
    """A customer's key must be on, and the caller must be allowed to decrypt with it through the service."""
    key = key_named(call.region, call.account, secret.key) if secret.key else None
    if key is None or key.manager == "AWS":
        return
    via = {"kms:ViaService": [f"secretsmanager.{call.region.name}.amazonaws.com"]}
    if not key.usable or not call.identity.allows("kms:Decrypt", key.arn, via):
        raise Refused("AccessDeniedException", "Access to KMS is not allowed")
    if not key.enabled:
        raise Refused("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")


_ACTIONS = {"CreateSecret": _create, "PutSecretValue": _put, "DeleteSecret": _delete, "GetSecretValue": _get}
