"""What the tests of the lab share: one lab for a test case, boto3 clients of it, its control endpoint."""

import atexit
import json
import os
import subprocess
import unittest
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

RUN = os.path.join(os.path.dirname(__file__), "..", "run")
REGION = "eu-central-1"
ZONE = "eu-central-1a"


class Running:
    """A lab of its own; it ends with this process at the latest."""

    def __init__(self, manner):
        command = [RUN, "--json", "--until-eof", "--manner", manner]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())
        atexit.register(self.end)

    def end(self):
        """Asks it to end, and waits."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)
        atexit.unregister(self.end)


class LabCase(unittest.TestCase):
    """Tests against a lab that all cases of its manner share."""

    manner = "xen"
    labs = {}

    @classmethod
    def setUpClass(cls):
        if cls.manner not in cls.labs:
            cls.labs[cls.manner] = Running(cls.manner)
        cls.use(cls.labs[cls.manner])

    @classmethod
    def use(cls, lab):
        cls.endpoint, cls.directory = lab.ready["endpoint"], lab.ready["directory"]
        cls.facts = cls.control("GET", "facts")
        cls.ec2 = cls.client("ec2")
        cls.host = cls.facts[REGION]["host"]

    def tearDown(self):
        self.control("DELETE", "faults")
        self.control("POST", "settings", self.usual)

    def setUp(self):
        self.usual = self.control("GET", "settings")
        self.control("POST", "settings", {"snapshot_interval": 0})

    @classmethod
    def client(cls, service, region=REGION, key="LABMAIN", read_timeout=60):
        """A client that never repeats a call."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=cls.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key="lab",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
        )

    @classmethod
    def control(cls, method, name, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{cls.endpoint}/_lab/{name}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, action, kind, **more):
        self.control("POST", "faults", {"action": action, "kind": kind, **more})

    def refused(self, code):
        """What is inside must be refused with that code; gives the text in `.text`."""
        return Refusal(self, code)

    def image(self, name, region=REGION):
        return self.facts[region]["images"][name]

    def snapshot_of(self, name, client=None):
        image = (client or self.ec2).describe_images(ImageIds=[self.image(name)])["Images"][0]
        return image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def volume(self, **how):
        how = {"AvailabilityZone": ZONE, "Size": 1} | how
        return self.ec2.create_volume(**how)["VolumeId"]

    def state(self, volume):
        return self.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]

    def snapshot(self, **how):
        return self.ec2.create_snapshot(VolumeId=self.volume(**how))["SnapshotId"]

    def register(self, name, snapshot=None, client=None, **how):
        asked = {
            "Name": name,
            "Architecture": "x86_64",
            "VirtualizationType": "hvm",
            "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot or self.snapshot()}}],
        }
        return (client or self.ec2).register_image(**(asked | how))["ImageId"]

    def described(self, image, client=None):
        return (client or self.ec2).describe_images(ImageIds=[image])["Images"][0]


class Refusal:
    def __init__(self, case, code):
        self.case, self.code, self.text, self.status = case, code, "", 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and not issubclass(kind, ClientError):
            return False
        self.case.assertIsNotNone(error, f"{self.code} was expected")
        self.case.assertEqual(error.response["Error"]["Code"], self.code, error)
        self.text = error.response["Error"]["Message"]
        self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return True
