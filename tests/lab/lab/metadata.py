"""The instance metadata of the builder host: tokens, identity, placement, the role's credentials."""

import json
import secrets
import time

#: Seconds: longer than any client is patient.
_SILENCE = 60


class Metadata:
    """IMDS of one host. Its modes are `v2`, `v1` (tokens are not asked for), `off`, and `silent`: behind a hop too many."""

    def __init__(self, lab, host):
        self.lab, self.host = lab, host
        self.mode = "v2"
        self.tokens = {}

    def answer(self, method, path, headers):
        """Status and text."""
        if self.mode == "off":
            return 403, ""
        if self.mode == "silent":
            time.sleep(_SILENCE)
            return 504, ""
        if method == "PUT":
            return self._token(path, headers)
        token = headers.get("X-aws-ec2-metadata-token")
        if self.tokens.get(token, 0) < self.lab.time() and (token or self.mode == "v2"):
            return 401, ""
        value = self._value(path.removeprefix("/latest/").rstrip("/"))
        return (404, "") if value is None else (200, value)

    def _token(self, path, headers):
        seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if path != "/latest/api/token":
            return 403, ""
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            return 400, ""
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.lab.time() + int(seconds)
        return 200, token

    def _value(self, path):
        host = self.host
        region = self.lab.regions[host.region]
        role = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": "LABROLE",
            "SecretAccessKey": "lab",
            "Token": "lab-session",
            "Expiration": "2099-01-01T00:00:00Z",
            "LastUpdated": "2026-01-01T00:00:00Z",
        }
        document = {
            "accountId": host.account,
            "architecture": "x86_64",
            "availabilityZone": host.zone,
            "imageId": host.image or "ami-00000000",
            "instanceId": host.id,
            "instanceType": host.kind,
            "pendingTime": host.born.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "privateIp": "192.0.2.10",
            "region": host.region,
            "version": "2017-09-30",
        }
        values = {
            "dynamic/instance-identity/document": json.dumps(document),
            "meta-data/instance-id": host.id,
            "meta-data/instance-type": host.kind,
            "meta-data/ami-id": document["imageId"],
            "meta-data/placement/region": host.region,
            "meta-data/placement/availability-zone": host.zone,
            "meta-data/placement/availability-zone-id": region.zone_id(host.zone),
            "meta-data/iam/security-credentials": "lab-host",
            "meta-data/iam/security-credentials/lab-host": json.dumps(role),
            "meta-data/iam/security-credentials-extended": "lab-host",
            "meta-data/iam/security-credentials-extended/lab-host": json.dumps(role | {"AccountId": host.account}),
            "meta-data/iam/info": json.dumps({"Code": "Success", "InstanceProfileArn": f"arn:aws:iam::{host.account}:instance-profile/lab-host"}),
        }
        return values.get(path)
