"""Accounts, keys that stand for them, and what each key may do."""

import time
from dataclasses import dataclass, field

from . import policy
from .refusal import Refused

MAIN, OTHER = "111122223333", "444455556666"
DEBIAN, MARKETPLACE, AMAZON = "136693071363", "679593333241", "137112412989"
ALIASES = {AMAZON: "amazon", MARKETPLACE: "aws-marketplace"}
ORGANIZATION = f"arn:aws:organizations::{MAIN}:organization/o-lab0000000"
#: Organizations and units that an account belongs to.
BELONGS = {MAIN: {ORGANIZATION}, OTHER: {ORGANIZATION, f"arn:aws:organizations::{MAIN}:ou/o-lab0000000/ou-lab1-00000001"}}

_READ = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["ec2:Describe*", "ec2:Get*", "ssm:Get*", "ssm:List*", "kms:Describe*", "kms:List*", "sts:*", "secretsmanager:Get*"],
            "Resource": "*",
        }
    ]
}
_NOTHING = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


@dataclass
class Identity:
    """Who an access key is."""

    key: str
    account: str
    arn: str
    user: str
    state: str = "valid"  # expired, blocked, pending, opt-in
    policies: list = field(default_factory=list)  # none: everything is allowed
    ends: float | None = None  # when a session is over, by the host's clock

    def allows(self, action, resource, context):
        return all(policy.allows(document, action, resource, context) for document in self.policies)


class Accounts:
    """The keys of a lab. Secrets are not looked at: a key's id says who it is."""

    def __init__(self):
        self.by_key = {}
        self.add("LABMAIN", MAIN, "builder")
        self.add("LABOTHER", OTHER, "neighbour")
        self.add("LABREAD", MAIN, "reader", policies=[_READ])
        self.add("LABDENIED", MAIN, "nobody", policies=[_NOTHING])
        self.add("LABROLE", MAIN, "assumed-role/lab-host/i-host")
        for state in ("expired", "blocked", "pending", "opt-in"):
            self.add("LAB" + state.upper().replace("-", ""), MAIN, state, state=state)

    def add(self, key, account, name, state="valid", policies=()):
        """A key that stands for a user, or a session of a role, of an account."""
        service = "sts" if name.startswith("assumed-role/") else "iam"
        arn = f"arn:aws:{service}::{account}:" + (name if service == "sts" else f"user/{name}")
        user = "AIDA" + key if service == "iam" else "AROALAB:" + name.rsplit("/", 1)[-1]
        self.by_key[key] = Identity(key, account, arn, user, state, list(policies))
        return self.by_key[key]

    def identify(self, key, service):
        """The identity behind a key, or the refusal that the service gives one that it cannot use."""
        identity = self.by_key.get(key)
        if identity is not None and identity.ends is not None and time.time() >= identity.ends:
            raise _refusal("expired", service)
        if identity is None or identity.state != "valid":
            raise _refusal("unknown" if identity is None else identity.state, service)
        return identity


def _refusal(state, service):
    unknown = "AWS was not able to validate the provided access credentials"
    if service == "ec2":
        code, text, status = {
            "unknown": ("AuthFailure", unknown, 401),
            "expired": ("RequestExpired", "Request has expired.", 400),
            "blocked": ("Blocked", "This account is currently blocked and not recognized as a valid account.", 403),
            "pending": ("PendingVerification", "Your request for accessing resources in this region is being validated.", 403),
            "opt-in": ("OptInRequired", "You are not subscribed to this service.", 403),
        }[state]
        return Refused(code, text, status)
    if state == "expired":
        code = "ExpiredToken" if service == "sts" else "ExpiredTokenException"
        return Refused(code, "The security token included in the request is expired", 403 if service == "sts" else 400)
    code = "InvalidClientTokenId" if service == "sts" else "UnrecognizedClientException"
    return Refused(code, "The security token included in the request is invalid.", 403 if service == "sts" else 400)
