"""EBS direct: snapshots written and read by blocks of 512 KiB, the same bytes as volumes have."""

import base64
import hashlib
import json
import os
import re
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

from . import blocks
from .ec2 import base, encryption, snapshots
from .refusal import Refused
from .things import Snapshot

_BLOCK = 512 << 10
_ROUTES = [
    ("POST", r"/snapshots", "StartSnapshot"),
    ("POST", r"/snapshots/completion/(?P<id>[^/]+)", "CompleteSnapshot"),
    ("PUT", r"/snapshots/(?P<id>[^/]+)/blocks/(?P<index>\d+)", "PutSnapshotBlock"),
    ("GET", r"/snapshots/(?P<id>[^/]+)/blocks/(?P<index>\d+)", "GetSnapshotBlock"),
    ("GET", r"/snapshots/(?P<id>[^/]+)/blocks", "ListSnapshotBlocks"),
    ("GET", r"/snapshots/(?P<id>[^/]+)/changedblocks", "ListChangedBlocks"),
]


def _route(method, path):
    path = unquote(urlsplit(path).path)
    for wanted, pattern, name in _ROUTES:
        found = re.fullmatch(pattern, path)
        if method == wanted and found:
            return name, found.groupdict()
    return f"{method} {path}", None


def action(method, path):
    """The name of the action of a request."""
    return _route(method, path)[0]


def answer(call, method, path, headers, body):
    """Status, content type, body, further headers."""
    name, parts = _route(method, path)
    if parts is None:
        raise Refused("ValidationException", f"The lab's EBS does not know {name}")
    query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
    request = SimpleNamespace(**parts, query=query, headers=headers, body=body)
    with call.lab.lock:
        return _ACTIONS[name](call, request)


def _json(status, value):
    return status, "application/json", json.dumps(value, default=lambda date: date.timestamp()).encode()


def _authorize(call, snapshot, new=()):
    """Rights are those to `ebs:...` on the snapshot."""
    context = {f"aws:ResourceTag/{key}": [value] for key, value in (snapshot.tags if snapshot else {}).items()}
    context |= {f"aws:RequestTag/{tag['Key']}": [tag["Value"]] for tag in new}
    resource = f"arn:aws:ec2:{call.region.name}::snapshot/{snapshot.id if snapshot else '*'}"
    if not call.identity.allows(f"ebs:{call.action}", resource, context):
        raise Refused("AccessDeniedException", f"User: {call.identity.arn} is not authorized to perform: ebs:{call.action}", 403)


def _find(call, id, completed):
    try:
        snapshot = base.find(call, id, "snap", foreign=completed)
    except Refused:
        raise Refused("ResourceNotFoundException", f"The snapshot '{id}' does not exist.", 404) from None
    _authorize(call, snapshot)
    if completed != (snapshots.state(call, snapshot) == "completed") or (not completed and snapshot.blocks is None):
        raise Refused("ValidationException", f"The snapshot '{id}' is not {'completed' if completed else 'being written'}.")
    return snapshot


def _start(call, request):
    asked = json.loads(request.body)
    _authorize(call, None, asked.get("Tags") or ())
    try:
        id = call.once(asked.get("ClientToken"), asked, lambda: _make(call, asked).id)
    except Refused as refused:
        if refused.code == "IdempotentParameterMismatch":
            raise Refused("ConflictException", "The client token was used with other parameters.", 409) from None
        raise
    snapshot = call.region.snapshots[id]
    told = {"SnapshotId": id, "OwnerId": call.account, "Status": "pending", "StartTime": snapshot.born, "VolumeSize": snapshot.size}
    told |= {"BlockSize": _BLOCK, "Tags": base.tag_list(snapshot.tags), "Description": snapshot.description}
    return _json(201, told | {"ParentSnapshotId": snapshot.parent or None, "KmsKeyArn": snapshot.key or None})


def _make(call, asked):
    parent = _find(call, asked["ParentSnapshotId"], True) if asked.get("ParentSnapshotId") else None
    size = asked["VolumeSize"]
    if parent and "Encrypted" in asked:
        raise Refused("ValidationException", "Encrypted cannot be given with ParentSnapshotId.")
    if not 1 <= size <= 65536 or (parent and size < parent.size):
        raise Refused("ValidationException", f"A volume of {size} GiB is not possible.")
    tags = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    base.check_tags(tags)
    wanted = {"Encrypted": asked.get("Encrypted"), "KmsKeyId": asked.get("KmsKeyArn")}
    encrypted, key, usable = encryption.of_new(call, wanted if not parent else {}, parent)
    if not usable:
        raise Refused("ValidationException", "The key cannot be used.")
    common = call.beginning("snap", "snapshot")
    made = Snapshot(
        **common, tags=tags, file=call.lab.disk(common["id"]), size=size, volume="vol-ffffffff", encrypted=encrypted, key=key
    )
    made.description, made.blocks, made.parent = asked.get("Description", ""), {}, parent.id if parent else ""
    if parent:
        blocks.copy(parent.file, made.file, size << 30)
    else:
        blocks.sparse(made.file, size << 30)
    call.region.snapshots[made.id] = made
    return made


def _sum(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _put(call, request):
    snapshot, index = _find(call, request.id, False), int(request.index)
    if len(request.body) != _BLOCK or index * _BLOCK >= snapshot.size << 30:
        raise Refused("ValidationException", f"Block {index} has {len(request.body)} bytes, or is beyond the end.")
    told = request.headers.get("x-amz-Checksum")
    if request.headers.get("x-amz-Checksum-Algorithm") != "SHA256" or told != _sum(request.body):
        raise Refused("ValidationException", "The checksum is not that of the data.")
    with open(snapshot.file, "r+b") as file:
        file.seek(index * _BLOCK)
        file.write(request.body)
    snapshot.blocks[index] = told
    return *_json(201, {}), [("x-amz-Checksum", told), ("x-amz-Checksum-Algorithm", "SHA256")]


def _complete(call, request):
    snapshot = _find(call, request.id, False)
    count, told = int(request.headers.get("x-amz-ChangedBlocksCount", -1)), request.headers.get("x-amz-Checksum")
    if count != len(snapshot.blocks):
        raise Refused("ValidationException", f"{len(snapshot.blocks)} blocks were written, not {count}.")
    sums = b"".join(base64.b64decode(snapshot.blocks[index]) for index in sorted(snapshot.blocks))
    if told and told != _sum(sums):
        raise Refused("ValidationException", "The checksum is not that of the blocks' checksums.")
    snapshot.blocks, snapshot.ready = None, call.lab.time() + call.delay("snapshot")
    return _json(202, {"Status": "completed" if snapshot.ready <= call.lab.time() else "pending"})


def _written(file):
    """Indexes of blocks that are no holes."""
    with open(file, "rb") as disk:
        end, place, found = os.fstat(disk.fileno()).st_size, 0, []
        while place < end:
            try:
                start = os.lseek(disk.fileno(), place, os.SEEK_DATA)
            except OSError:
                break
            place = os.lseek(disk.fileno(), start, os.SEEK_HOLE)
            found += range(start // _BLOCK, (place + _BLOCK - 1) // _BLOCK)
            place = -(-place // _BLOCK) * _BLOCK
        return list(dict.fromkeys(found))


def _listing(call, request, member, snapshot, entries):
    first = int(request.query.get("startingBlockIndex", 0))
    first = int(request.query.get("pageToken", first))
    size = min(int(request.query.get("maxResults", 10000)), call.lab.settings["page"])
    entries = [entry for entry in entries if entry["BlockIndex"] >= first]
    told = {member: entries[:size], "VolumeSize": snapshot.size, "BlockSize": _BLOCK, "ExpiryTime": call.lab.time() + 604800}
    if len(entries) > size:
        told["NextToken"] = str(entries[size]["BlockIndex"])
    return _json(200, told)


def _list(call, request):
    snapshot = _find(call, request.id, True)
    entries = [{"BlockIndex": index, "BlockToken": f"{snapshot.id}.{index}"} for index in _written(snapshot.file)]
    return _listing(call, request, "Blocks", snapshot, entries)


def _block(snapshot, index):
    with open(snapshot.file, "rb") as file:
        file.seek(index * _BLOCK)
        return file.read(_BLOCK)


def _list_changed(call, request):
    second, first = _find(call, request.id, True), _find(call, request.query.get("firstSnapshotId", ""), True)
    entries = []
    for index in sorted({*_written(first.file), *_written(second.file)}):
        if _block(first, index) != _block(second, index):
            tokens = {"FirstBlockToken": f"{first.id}.{index}", "SecondBlockToken": f"{second.id}.{index}"}
            entries.append({"BlockIndex": index} | tokens)
    return _listing(call, request, "ChangedBlocks", second, entries)


def _get(call, request):
    snapshot, index = _find(call, request.id, True), int(request.index)
    if request.query.get("blockToken") != f"{snapshot.id}.{index}":
        raise Refused("ValidationException", "The block token is not valid.")
    data = _block(snapshot, index)
    told = [("x-amz-Checksum", _sum(data)), ("x-amz-Checksum-Algorithm", "SHA256"), ("x-amz-Data-Length", str(len(data)))]
    return 200, "application/octet-stream", data, told


_ACTIONS = {
    "StartSnapshot": _start,
    "CompleteSnapshot": _complete,
    "PutSnapshotBlock": _put,
    "GetSnapshotBlock": _get,
    "ListSnapshotBlocks": _list,
    "ListChangedBlocks": _list_changed,
}
