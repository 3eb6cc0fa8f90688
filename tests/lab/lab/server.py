"""HTTP: tells the services apart, lets faults strike, writes every call down."""

import json
import re
import socket
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from . import authorize, direct, parameters, services, vault
from .ec2 import ACTIONS
from .lab import Call
from .refusal import Refused
from .things import REGIONS
from .wire import refusal_xml

_SCOPE = re.compile(r"Credential=([^/]*)/\d+/([^/]+)/([^/]+)/aws4_request")
_MODERN = "application/x-amz-json-1.1"


class Cut(Exception):
    """The connection is to be closed without an answer."""


class Server(ThreadingHTTPServer):
    """One lab on a port of loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, lab, wire, control, metadata):
        super().__init__(("127.0.0.1", port), Handler)
        self.lab, self.wire, self.control, self.metadata = lab, wire, control, metadata
        self.moto = services.Moto()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        """Nothing: the log of calls is kept elsewhere."""

    def do_GET(self):
        try:
            self._dispatch()
        except Cut:
            self._cut()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_GET

    def _cut(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _dispatch(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_lab/"):
            return self._send(*self._control(body))
        if self.path.startswith("/latest/"):
            status, text = self.server.metadata.answer(self.command, self.path, self.headers)
            lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            told = [("X-aws-ec2-metadata-token-ttl-seconds", lifetime)] if lifetime and status == 200 else []
            return self._send(status, "text/plain", text.encode(), told)
        if self.path.startswith("/federation/credentials"):
            return self._send(*services.portal())
        self._send(*Exchange(self.server, self.command, self.path, self.headers, body, self._is_alone).run())

    def _is_alone(self):
        """Whether the caller has hung up."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _control(self, body):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        try:
            asked = json.loads(body) if body else {}
            with self.server.lab.lock:
                value = self.server.control.answer(self.command, url.path.removeprefix("/_lab/"), query, asked)
            return 200, "application/json", json.dumps(value, default=str).encode()
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            return 400, "application/json", json.dumps({"error": repr(error)}).encode()

    def _send(self, status, kind, body, headers=()):
        self.send_response_only(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()


class Exchange:
    """One call to a service, from its request to its answer."""

    def __init__(self, server, method, path, headers, body, is_alone):
        self.server, self.lab, self.is_alone = server, server.lab, is_alone
        self.method, self.path, self.headers, self.body = method, path, headers, body
        scope = _SCOPE.search(headers.get("Authorization", ""))
        self.key, self.region, self.service = scope.groups() if scope else ("", "", "ec2")
        self.request_id = str(uuid.uuid4())
        self.action = self._action()
        if not scope and self.action == services.WEB_IDENTITY:
            self.key, self.region, self.service = "LABMAIN", REGIONS[0], "sts"
        self.asked, self.identity, self.faults = {}, None, []

    def _action(self):
        if self.headers.get("X-Amz-Target"):
            return self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
        if self.service == "ebs":
            return direct.action(self.method, self.path)
        fields = dict(parse_qsl(self.body.decode("utf-8", "replace"))) if self.method == "POST" else {}
        return fields.get("Action", f"{self.method} {urlsplit(self.path).path}")

    def run(self):
        """Status, content type, body, further headers."""
        began, outcome = time.time(), "ok"
        try:
            answer = self._answer()
        except Refused as refused:
            outcome, answer = refused.code, self._refusal(refused)
        except Cut:
            outcome = "cut"
            raise
        except Exception as error:  # a mistake of the lab: seen in the log, and by the client
            outcome = f"lab failed: {error!r}"
            raise
        finally:
            self._record(began, outcome)
        return answer

    def _answer(self):
        name = self.action if self.service == "ec2" else f"{self.service}:{self.action}"
        with self.lab.lock:
            self.faults = self.lab.faults.strike(name, self.region)
        self._strike_before()
        self.identity = self.lab.accounts.identify(self.key, self.service)
        if self.region not in self.lab.regions:
            raise Refused("AuthFailure" if self.service == "ec2" else "UnrecognizedClientException", f"The lab has no region {self.region}", 401)
        call = Call(self.lab, self.lab.regions[self.region], self.identity, self.service, self.action)
        call.faults = self.faults
        answer = self._serve(call)
        self._strike_after()
        return answer

    def _serve(self, call):
        if self.service == "ec2":
            return self._ec2(call)
        if self.service == "sts":
            self.asked = {name: value for name, value in parse_qsl(self.body.decode()) if name not in ("Action", "Version")}
            with self.lab.lock:
                return 200, "text/xml", services.sts(call, self.body.decode())
        if self.service == "ebs":
            return direct.answer(call, self.method, self.path, self.headers, self.body)
        self.asked = json.loads(self.body) if self.body.startswith(b"{") else {}
        own = {"kms": services.kms, "ssm": parameters.answer, "secretsmanager": vault.answer}.get(self.service)
        if own:
            with self.lab.lock:
                return 200, _MODERN, json.dumps(own(call, self.asked)).encode()
        return self._moto(call)

    def _ec2(self, call):
        if not self.server.wire.knows(self.action):
            raise Refused("InvalidAction", f"The action {self.action} is not valid for this web service.")
        handler = ACTIONS.get(self.action)
        if handler is None:
            raise Refused("UnsupportedOperation", f"The lab does not do {self.action}.")
        self.asked = self.server.wire.decode(self.action, self.body.decode())
        with self.lab.lock:
            authorize.check(call, self.asked)
            if self.asked.get("DryRun"):
                raise Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
            answer = handler(call, self.asked)
            text = self.server.wire.encode(self.action, answer, self.request_id)
        return 200, "text/xml;charset=UTF-8", text

    def _moto(self, call):
        resource = f"arn:aws:{self.service}:{self.region}:{call.account}:*"
        if not self.identity.allows(f"{self.service}:{self.action}", resource, {}):
            text = f"User: {self.identity.arn} is not authorized to perform: {self.service}:{self.action} on resource: {resource}"
            raise Refused("AccessDeniedException", text)
        status, headers, body = self.server.moto.answer(call.account, self.method, self.path, self.headers, self.body)
        kind = next((value for name, value in headers if name.lower() == "content-type"), _MODERN)
        return status, kind, body

    def _strike_before(self):
        for fault in self.faults:
            if fault.kind == "slow":
                time.sleep(fault.seconds)
            elif fault.kind == "hold_before":
                fault.released.wait()
                if self.is_alone():  # killed before the call was made
                    raise Cut
            elif fault.kind == "hang":
                fault.released.wait(fault.seconds or None)
                raise Cut
            elif fault.kind == "cut_before":
                raise Cut
            elif fault.kind == "throttle":
                raise self._throttled()
            elif fault.kind == "error":
                raise self._ordered(fault)
            elif fault.kind == "status":
                raise _broken(fault)

    def _strike_after(self):
        for fault in self.faults:
            if fault.kind == "hold_after":
                fault.released.wait()
            elif fault.kind == "hang_after":
                fault.released.wait(fault.seconds or None)
                raise Cut
            elif fault.kind == "cut_after":
                raise Cut
            elif fault.kind == "status_after":
                raise _broken(fault)

    def _throttled(self):
        if self.service == "ec2":
            return Refused("RequestLimitExceeded", "Request limit exceeded.", 503)
        return Refused("ThrottlingException", "Rate exceeded")

    def _ordered(self, fault):
        if fault.code == "UnauthorizedOperation" and not fault.message:
            identity = self.lab.accounts.identify(self.key, self.service)
            call = Call(self.lab, self.lab.regions[self.region], identity, self.service, self.action)
            return authorize.refusal(call, f"ec2:{self.action}", "*")
        return Refused(fault.code, fault.message or "The lab was told to answer so.", fault.status if fault.status != 500 else 400)

    def _refusal(self, refused):
        if self.service == "ec2":
            return refused.status, "text/xml;charset=UTF-8", refusal_xml(refused.code, refused.message, self.request_id)
        kind, body = services.refusal_query(refused) if self.service == "sts" else services.refusal_json(refused)
        return refused.status, kind, body, [("x-amzn-ErrorType", refused.code), ("x-amzn-RequestId", self.request_id)]

    def _record(self, began, outcome):
        who = self.identity
        entry = {
            "time": began,
            "seconds": round(time.time() - began, 4),
            "service": self.service,
            "region": self.region,
            "action": self.action,
            "parameters": _without_secrets(self.asked, self.service),
            "token": self.asked.get("ClientToken") if isinstance(self.asked, dict) else None,
            "key": self.key,
            "account": who.account if who else None,
            "arn": who.arn if who else None,
            "outcome": outcome,
            "faults": [fault.kind for fault in self.faults],
            "request_id": self.request_id,
        }
        self.lab.record(entry)


def _broken(fault):
    code = {500: "InternalError", 503: "Unavailable"}.get(fault.status, "InternalError")
    return Refused(fault.code or code, fault.message or "An internal error has occurred", fault.status)


def _without_secrets(asked, service):
    if service == "secretsmanager":
        return {key: value for key, value in asked.items() if not key.startswith("Secret") or key == "SecretId"}
    if service == "ssm" and asked.get("Type") == "SecureString":
        return {key: value for key, value in asked.items() if key != "Value"}
    return asked
