#!/usr/bin/env python3
"""world.py PLAN STORE: makes the store that an apply of a plan file would leave, without building anything.

The records are those that bake writes; the disks are empty files of the right size. It is for timing plans against many
images: building ten thousand of them takes an hour.
"""

import json
import os
import sys
import zlib

UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}


def write(path, record):
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    head = '{"format":1,"crc32":"%08x","record":' % zlib.crc32(body.encode())
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + body + "}\n")


def main():
    plan, store = sys.argv[1:]
    with open(plan, encoding="utf-8") as file:
        file.readline()
        plan = json.loads(file.readline())
    for shelf in ("images", "snapshots", "volumes", "locks"):
        os.makedirs(os.path.join(store, shelf))
    with open(os.path.join(store, "store.json"), "w", encoding="utf-8") as file:
        json.dump({"about": "a store for benchmarks", "format": 1}, file)
    sizes, digests = {}, {}
    for node in plan["nodes"]:
        data = node["data"]
        image = node["address"].split(".volume[")[0].split(".snapshot[")[0]
        if data["node"] == "volume":
            sizes[image] = data["size"]
        elif data["node"] == "snapshot":
            digests[image] = data["digest"]
        elif data["node"] == "image":
            register(plan, node, sizes[image], digests[image], len(sizes), store)


def register(plan, node, size, digest, number, store):
    address, data = node["address"], node["data"]
    token = "%032x" % (number << 64)
    marker = {
        "token": token,
        "owner": plan["owner"],
        "address": address,
        "run": "00000000",
        "host": "bench",
        "provider": data["provider"],
    }
    snapshot, created = "snap-" + token[:17], "2026-01-01T00:00:00Z"
    number, unit = size[:-3], size[-3:]
    with open(os.path.join(store, "snapshots", snapshot + ".raw"), "wb") as file:
        file.truncate(int(number) * UNITS[unit])
    record = {"marker": dict(marker, address=address + '.snapshot["root"]'), "digest": digest, "size": size}
    write(os.path.join(store, "snapshots", snapshot + ".json"), dict(record, created=created, whole=True))
    manifest = dict(data["manifest"], created=created)
    for volume in manifest.get("volumes", []):
        volume["snapshot"] = snapshot
    record = {
        "name": data["name"],
        "created": created,
        "marker": marker,
        "snapshots": {"root": snapshot},
        "manifest": manifest,
    }
    write(os.path.join(store, "images", "img-%s.json" % token[:17]), record)


main()
