"""The lab's own endpoint, `/_lab/...`: faults, settings, the clock, policies, the log of calls, what stands."""

import glob
import os
from datetime import timezone

from . import blocks
from .ec2 import images, snapshots, volumes


class Control:
    """Answers `GET`, `POST` and `DELETE` under `/_lab/`; every answer is a JSON value."""

    def __init__(self, lab, metadata, facts):
        self.lab, self.metadata, self.facts = lab, metadata, facts

    def answer(self, method, name, query, body):
        """The value of an answer; ValueError, KeyError and TypeError are what was wrong with the question."""
        handler = getattr(self, f"{method.lower()}_{name}", None)
        if handler is None:
            raise ValueError(f"the lab has no {method} {name}")
        return handler(query, body)

    def get_facts(self, query, body):
        return self.facts

    def get_faults(self, query, body):
        return [fault.view() for fault in self.lab.faults.all]

    def post_faults(self, query, body):
        for fault in body if isinstance(body, list) else [body]:
            self.lab.faults.order(fault)

    def delete_faults(self, query, body):
        self.lab.faults.clear()

    def post_release(self, query, body):
        self.lab.faults.release()

    def get_settings(self, query, body):
        return self.lab.settings | {"manner": self.lab.manner, "imds": self.metadata.mode}

    def post_settings(self, query, body):
        for name, value in body.items():
            if name == "manner" and value in ("xen", "nvme"):
                self.lab.manner = value
            elif name == "imds" and value in ("v2", "v1", "off", "silent"):
                self.metadata.mode = value
            elif name in self.lab.settings and isinstance(value, (int, float)):
                self.lab.settings[name] = value
            else:
                raise ValueError(f"no such setting: {name} = {value!r}")

    def post_clock(self, query, body):
        self.lab.ahead += float(body["advance"])

    def post_key(self, query, body):
        """Makes or changes an access key: its account, its state, the policies that hold it."""
        accounts = self.lab.accounts
        known = accounts.by_key.get(body["key"])
        if known is None:
            known = accounts.add(body["key"], body.get("account", "111122223333"), body.get("user", body["key"].lower()))
        known.state = body.get("state", known.state)
        known.policies = body.get("policies", known.policies)

    def get_credentials(self, query, body):
        """Credentials as an agent of containers hands them out (`AWS_CONTAINER_CREDENTIALS_FULL_URI`)."""
        key = query.get("key", "LABROLE")
        return {"AccessKeyId": key, "SecretAccessKey": "lab", "Token": "lab-session", "Expiration": "2099-01-01T00:00:00Z"}

    def post_host(self, query, body):
        """Which instance the metadata speaks of."""
        self.metadata.host = self.lab.regions[body["region"]].instances[body["instance"]]

    def post_kms(self, query, body):
        """Changes a KMS key: `{region, key: ARN, state, usable, aliases}`."""
        key = next(key for key in self.lab.regions[body["region"]].keys if key.arn == body["key"])
        key.state = body.get("state", key.state)
        key.usable = body.get("usable", key.usable)
        key.aliases = tuple(body.get("aliases", key.aliases))

    def get_log(self, query, body):
        return self.lab.calls[int(query.get("since", 0)) :]

    def get_mark(self, query, body):
        """Numbers to compare with later: of calls, and of things made."""
        return {"calls": len(self.lab.calls), "things": self.lab.number}

    def get_disk(self, query, body):
        """The file with the bytes of a snapshot or volume."""
        region = self.lab.regions[query["region"]]
        thing = (region.snapshots | region.volumes)[query["id"]]
        return {"file": os.path.realpath(thing.file), "size": thing.size << 30}

    def get_inventory(self, query, body):
        """What stands and was made since a mark, with its traces on this host."""
        since, lab = int(query.get("since", 0)), self.lab
        found = {shelf: [t for t in lab.everywhere(shelf) if t.number > since] for shelf in ("volumes", "snapshots", "images")}
        attached = [volume for volume in lab.everywhere("volumes") if volume.attachment]
        loops = self._loops()
        return {
            "volumes": [_entry(volume, lab, volumes.state) for volume in found["volumes"]],
            "snapshots": [_entry(s, lab, snapshots.state) | {"key": s.key, "shares": s.shares} for s in found["snapshots"]],
            "images": [_entry(image, lab, images.state) | _announced(image) for image in found["images"]],
            "attachments": [
                {"volume": v.id, "device": v.attachment.device, "loop": v.attachment.loop.path, "names": v.attachment.names[:1]} for v in attached
            ],
            "parameters": self._parameters(),
            "loops": loops,
            "mounts": blocks.mounts_of(loops),
        }

    def _parameters(self):
        return [
            {
                "name": found.name,
                "region": region.name,
                "account": account,
                "value": found.values[-1],
                "type": found.data,
                "tags": found.tags,
            }
            for region in self.lab.regions.values()
            for account, shelf in region.parameters.items()
            for found in shelf.values()
        ]

    def _loops(self):
        """Loop devices on files of this lab."""
        ours = []
        for path in glob.glob("/sys/block/loop*/loop/backing_file"):
            try:
                with open(path, encoding="utf-8") as file:
                    backing = file.read().strip()
            except OSError:
                continue
            if backing.startswith(self.lab.directory + "/"):
                ours.append("/dev/" + path.split("/")[3])
        return ours


class _Of:
    """As much of a call as the state of a thing is computed from."""

    def __init__(self, lab):
        self.lab = lab


def _announced(image):
    """What is said of an image, and with whom it is shared."""
    return {
        "name": image.fields["Name"],
        "description": image.fields["Description"],
        "shares": image.permissions,
        "protected": image.protected,
        "deprecation": image.deprecation and image.deprecation.astimezone(timezone.utc).isoformat(),
        "copy_of": image.fields.get("SourceImageId"),
    }


def _entry(thing, lab, state):
    return {
        "id": thing.id,
        "region": thing.region,
        "account": thing.account,
        "state": state(_Of(lab), thing),
        "tags": thing.tags,
        "born": thing.born.astimezone(timezone.utc).isoformat(),
    }
