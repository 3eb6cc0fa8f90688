"""The small services beside EC2: STS and what EBS needs of KMS here, all others by moto."""

import base64
import io
import json
import re
import threading
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from .accounts import MAIN
from .ec2.encryption import key_named
from .refusal import Refused
from .things import fresh

_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
#: The one action that nobody signs.
WEB_IDENTITY = "AssumeRoleWithWebIdentity"
_JSON = "application/x-amz-json-1.1"


def sts(call, body):
    """GetCallerIdentity, AssumeRole (also with a web identity), GetSessionToken, DecodeAuthorizationMessage: the XML of the answer."""
    asked = {key: values[0] for key, values in parse_qs(body).items()}
    who = call.identity
    if call.action == "GetCallerIdentity":
        inner = f"<Arn>{who.arn}</Arn><UserId>{who.user}</UserId><Account>{who.account}</Account>"
    elif call.action in ("AssumeRole", WEB_IDENTITY):
        inner = _assume(call, asked)
    elif call.action == "GetSessionToken":
        inner = _credentials(call.lab.accounts.add(fresh("LABSESSION"), who.account, who.arn.rsplit("/", 1)[-1]).key)
    elif call.action == "DecodeAuthorizationMessage":
        told = base64.urlsafe_b64decode(asked["EncodedMessage"]).decode()
        inner = f"<DecodedMessage>{escape(told)}</DecodedMessage>"
    else:
        raise Refused("InvalidAction", f"The lab's STS does not know {call.action}")
    name = call.action
    return f'<{name}Response xmlns="{_STS}"><{name}Result>{inner}</{name}Result></{name}Response>'.encode()


def _assume(call, asked):
    role = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(.+)", asked.get("RoleArn", ""))
    if not role or role.group(1) not in (MAIN, call.lab.accounts.by_key["LABOTHER"].account) or "forbidden" in role.group(2):
        text = f"User: {call.identity.arn} is not authorized to perform: sts:AssumeRole on resource: {asked.get('RoleArn')}"
        raise Refused("AccessDenied", text, 403)
    if "mfa" in role.group(2) and (asked.get("TokenCode") != "123456" or not asked.get("SerialNumber")):
        text = "MultiFactorAuthentication failed with invalid MFA one time pass code."
        raise Refused("AccessDenied", text, 403)
    if "external" in role.group(2) and asked.get("ExternalId") != "lab-external":
        raise Refused("AccessDenied", f"User: {call.identity.arn} is not authorized to perform: sts:AssumeRole", 403)
    name = f"assumed-role/{role.group(2)}/{asked.get('RoleSessionName', 'session')}"
    made = call.lab.accounts.add(fresh("LABASSUMED").replace("-", ""), role.group(1), name)
    user = f"<AssumedRoleUser><Arn>{made.arn}</Arn><AssumedRoleId>{made.user}</AssumedRoleId></AssumedRoleUser>"
    lasts = call.lab.settings["session"]
    if lasts:
        made.ends = time.time() + lasts
    return _credentials(made.key, made.ends) + user


def _credentials(key, ends=None):
    until = datetime.fromtimestamp(ends, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if ends else "2099-01-01T00:00:00Z"
    return (
        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>lab</SecretAccessKey>"
        f"<SessionToken>lab-session</SessionToken><Expiration>{until}</Expiration></Credentials>"
    )


def portal():
    """What the portal of IAM Identity Center (SSO) answers: the status, type and body of a role's credentials."""
    told = {"accessKeyId": "LABROLE", "secretAccessKey": "lab", "sessionToken": "lab-session", "expiration": 4070908800000}
    return 200, "application/json", json.dumps({"roleCredentials": told}).encode()


def kms(call, asked):
    """DescribeKey and ListAliases over the keys that EBS uses."""
    if call.action == "ListAliases":
        own = [key for key in call.region.keys if key.account == call.account]
        entries = [
            {"AliasName": alias, "AliasArn": f"arn:aws:kms:{key.region}:{key.account}:{alias}", "TargetKeyId": key.id}
            for key in own
            for alias in key.aliases
        ]
        return {"Aliases": entries, "Truncated": False}
    if call.action != "DescribeKey":
        raise Refused("UnsupportedOperationException", f"The lab's KMS does not know {call.action}")
    key = key_named(call.region, call.account, asked["KeyId"])
    if key is None:
        raise Refused("NotFoundException", _no_key(call, asked["KeyId"]))
    if not call.identity.allows("kms:DescribeKey", key.arn, {}):
        text = f"User: {call.identity.arn} is not authorized to perform: kms:DescribeKey on resource: {key.arn}"
        raise Refused("AccessDeniedException", text)
    metadata = {
        "KeyId": key.id,
        "Arn": key.arn,
        "AWSAccountId": key.account,
        "Enabled": key.enabled,
        "KeyState": key.state,
        "KeyManager": key.manager,
        "KeyUsage": key.usage,
        "KeySpec": "SYMMETRIC_DEFAULT" if key.usage == "ENCRYPT_DECRYPT" else "RSA_2048",
        "Origin": "AWS_KMS",
        "MultiRegion": False,
    }
    if key.state == "PendingDeletion":
        metadata["DeletionDate"] = call.lab.time() + 7 * 86400
    return {"KeyMetadata": metadata}


def _no_key(call, named):
    """As KMS says that there is none: of an alias, of an ARN of another region, of an id."""
    if named.startswith("arn:") and named.split(":")[3] != call.region.name:
        return f"Invalid arn {named.split(':')[3]}"
    if named.startswith("alias/"):
        return f"Alias arn:aws:kms:{call.region.name}:{call.account}:{named} is not found."
    arn = named if named.startswith("arn:") else f"arn:aws:kms:{call.region.name}:{call.account}:key/{named}"
    return f"Key '{arn}' does not exist"


class Moto:
    """moto's server inside the lab: started at the first call that it is needed for, since it is slow to load."""

    def __init__(self):
        self.lock = threading.Lock()
        self.application = None

    def answer(self, account, method, path, headers, body):
        """Status, headers and body of what moto answers, in that account."""
        with self.lock:
            if self.application is None:
                from moto.server import DomainDispatcherApplication, create_backend_app

                self.application = DomainDispatcherApplication(create_backend_app)
            return _wsgi(self.application, account, method, path, headers, body)


def _wsgi(application, account, method, path, headers, body):
    path, _, query = path.partition("?")
    environment = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_X_MOTO_ACCOUNT_ID": account,
    }
    for name, value in headers.items():
        if name.lower() not in ("content-type", "content-length"):
            environment["HTTP_" + name.upper().replace("-", "_")] = value
    told = {}

    def start(status, headers, failure=None):
        told.update(status=int(status.split()[0]), headers=headers)

    answer = b"".join(application(environment, start))
    return told["status"], told["headers"], answer


def refusal_json(refused):
    """The body of an error of a service that speaks JSON."""
    return _JSON, json.dumps({"__type": refused.code, "message": refused.message}).encode()


def refusal_query(refused):
    """The body of an error of STS."""
    text = f"<ErrorResponse xmlns=\"{_STS}\"><Error><Type>Sender</Type><Code>{refused.code}</Code>"
    text += f"<Message>{escape(refused.message)}</Message></Error><RequestId>lab</RequestId></ErrorResponse>"
    return "text/xml", text.encode()
