"""Keys and encryption of volumes, snapshots and copies; the regional defaults."""

from ..authorize import may_use_key
from ..refusal import Refused
from .base import action


def key_named(region, account, name):
    """The key of an id, alias, ARN or alias's ARN; none if there is none in the region."""
    for key in region.keys:
        own = key.account == account
        aliases = {f"arn:aws:kms:{key.region}:{key.account}:{alias}" for alias in key.aliases}
        if name == key.arn or name in aliases or (own and (name == key.id or name in key.aliases)):
            return key
    return None


def default_key(region, account):
    """The key that a region takes when none is named: what was set, else the AWS managed one."""
    return region.default_key.get(account) or key_named(region, account, "alias/aws/ebs").arn


def of_new(call, asked, source):
    """Of a volume or copy: whether it is encrypted, under which key, and whether that key can be used."""
    name = asked.get("KmsKeyId")
    if name and not asked.get("Encrypted"):
        raise Refused("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
    inherited = source is not None and source.encrypted
    if inherited and asked.get("Encrypted") is False:
        raise Refused("InvalidParameterCombination", "An encrypted snapshot cannot be made into something unencrypted.")
    encrypted = bool(asked.get("Encrypted")) or inherited or call.region.encrypted_by_default.get(call.account, False)
    if not encrypted:
        return False, "", True
    if name:
        key = key_named(call.region, call.account, name)
        usable = key is not None and key.usable and key.enabled and key.usage == "ENCRYPT_DECRYPT"
        usable = usable and may_use_key(call, key)
        return True, key.arn if key else name, usable
    if inherited and source.account == call.account and source.region == call.region.name:
        return True, source.key, True
    return True, default_key(call.region, call.account), True


def managed(region, arn):
    """Whether a key is one that AWS manages: what it encrypts cannot be shared."""
    return any(key.arn == arn and key.manager == "AWS" for key in region.keys)


@action("GetEbsEncryptionByDefault")
def get_default(call, asked):
    return {"EbsEncryptionByDefault": call.region.encrypted_by_default.get(call.account, False)}


@action("EnableEbsEncryptionByDefault")
def enable_default(call, asked):
    call.region.encrypted_by_default[call.account] = True
    return {"EbsEncryptionByDefault": True}


@action("DisableEbsEncryptionByDefault")
def disable_default(call, asked):
    call.region.encrypted_by_default[call.account] = False
    return {"EbsEncryptionByDefault": False}


@action("GetEbsDefaultKmsKeyId")
def get_key(call, asked):
    set_key = call.region.default_key.get(call.account)
    return {"KmsKeyId": set_key or "alias/aws/ebs"}


@action("ModifyEbsDefaultKmsKeyId")
def set_key(call, asked):
    key = key_named(call.region, call.account, asked["KmsKeyId"])
    if key is None:
        raise Refused("InvalidParameterValue", f"The key {asked['KmsKeyId']} does not exist")
    call.region.default_key[call.account] = key.arn
    return {"KmsKeyId": key.arn}


@action("ResetEbsDefaultKmsKeyId")
def reset_key(call, asked):
    call.region.default_key.pop(call.account, None)
    return {"KmsKeyId": "alias/aws/ebs"}
