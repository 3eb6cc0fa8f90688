"""Volumes and their devices."""

import os
import subprocess
import time
import unittest

from support import REGION, ZONE, LabCase, Running


def until(condition, seconds=5):
    """Waits for something; whether it came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def in_private(script, *arguments):
    """A script in a mount namespace of its own, which ends with it: no other test's namespace gets a copy of its mounts."""
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def free_name():
    """A device that no lab of this host has."""
    return next(f"/dev/sd{letter}" for letter in "fghijklmnop" if not os.path.lexists(f"/dev/xvd{letter}"))


class Rules(LabCase):
    def test_sizes_and_speeds(self):
        for how in [
            {"Size": 0},
            {"Size": 16385},
            {"VolumeType": "io1", "Size": 3, "Iops": 100},
            {"VolumeType": "st1", "Size": 124},
            {"VolumeType": "gp3", "Iops": 2999},
            {"VolumeType": "gp3", "Throughput": 2001},
            {"VolumeType": "standard", "Size": 1025},
        ]:
            with self.subTest(how), self.refused("InvalidParameterValue" if how.get("Size") != 0 else "MissingParameter"):
                self.volume(**how)
        for how in [
            {"VolumeType": "io1", "Size": 4},
            {"VolumeType": "io2", "Size": 4},
            {"VolumeType": "gp2", "Iops": 100},
            {"VolumeType": "gp2", "Throughput": 125},
        ]:
            with self.subTest(how), self.refused("InvalidParameterCombination"):
                self.volume(**how)
        self.assertEqual(self.state(self.volume())["VolumeType"], "gp2")

    def test_a_volume_is_not_smaller_than_its_snapshot(self):
        snapshot = self.snapshot(Size=2)
        with self.refused("InvalidParameterValue"):
            self.volume(SnapshotId=snapshot, Size=1)

    def test_zones(self):
        with self.refused("InvalidZone.NotFound"):
            self.volume(AvailabilityZone="eu-central-1z")
        with self.refused("InvalidParameterCombination"):
            self.volume(AvailabilityZoneId="euc1-az1")
        with self.refused("InvalidVolume.ZoneMismatch"):
            volume = self.volume(AvailabilityZone="eu-central-1b")
            self.ec2.attach_volume(VolumeId=volume, InstanceId=self.host, Device="/dev/sdf")

    def test_a_token_makes_one_volume(self):
        first = self.volume(ClientToken="t1")
        self.assertEqual(self.volume(ClientToken="t1"), first)
        with self.refused("IdempotentParameterMismatch"):
            self.volume(ClientToken="t1", Size=2)
        self.ec2.delete_volume(VolumeId=first)
        with self.refused("IdempotentParameterMismatch"):
            self.volume(ClientToken="t1")
        with self.refused("InvalidParameterValue"):
            self.volume(ClientToken="t" * 65)

    def test_tags_come_with_the_volume_or_there_is_none(self):
        def tagged(key, value="x", kind="volume"):
            return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value}]}]

        before = self.control("GET", "mark")["things"]
        for wrong in [tagged("aws:x"), tagged("AWS:x"), tagged("k" * 128), tagged("k", "v" * 257), tagged("k", kind="snapshot")]:
            with self.subTest(wrong), self.refused("InvalidParameterValue"):
                self.volume(TagSpecifications=wrong)
        many = [{"ResourceType": "volume", "Tags": [{"Key": f"k{n}", "Value": "x"} for n in range(51)]}]
        with self.refused("TagLimitExceeded"):
            self.volume(TagSpecifications=many)
        self.assertEqual(self.control("GET", f"inventory?since={before}")["volumes"], [])
        volume = self.volume(TagSpecifications=tagged('image.web["arm64"]', "ö" * 256))
        self.assertEqual(self.state(volume)["Tags"][0]["Value"], "ö" * 256)

    def test_ids(self):
        with self.refused("InvalidVolume.NotFound"):
            self.state("vol-00000000000000000")
        with self.refused("InvalidVolumeID.Malformed"):
            self.state("vol-x")
        with self.refused("InvalidVolume.NotFound"):  # one unknown id fails the whole call
            self.ec2.describe_volumes(VolumeIds=[self.volume(), "vol-00000000000000000"])

    def test_what_ec2_does_not_have_is_unknown(self):
        self.ec2.meta.events.register("before-call.ec2.CreateVolume", _add_parameter)
        with self.refused("UnknownParameter"):
            self.volume()
        self.ec2.meta.events.unregister("before-call.ec2.CreateVolume", _add_parameter)

    def test_pages(self):
        made = {self.volume(TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "p", "Value": "1"}]}]) for _ in range(5)}
        self.control("POST", "settings", {"page": 2})
        filters = [{"Name": "tag:p", "Values": ["1"]}]
        pages = list(self.ec2.get_paginator("describe_volumes").paginate(Filters=filters))
        self.assertEqual([len(page["Volumes"]) for page in pages], [2, 2, 1])
        self.assertEqual({volume["VolumeId"] for page in pages for volume in page["Volumes"]}, made)
        with self.refused("InvalidParameterCombination"):
            self.ec2.describe_volumes(VolumeIds=[made.pop()], MaxResults=5)
        with self.refused("InvalidParameterValue"):
            self.ec2.describe_volumes(Filters=[{"Name": "colour", "Values": ["red"]}])


def _add_parameter(params, **_):
    params["body"]["Colour"] = "red"


class Keys(LabCase):
    def test_encryption(self):
        with self.refused("InvalidParameterDependency"):
            self.volume(KmsKeyId="alias/lab")
        self.assertTrue(self.state(self.volume(Encrypted=True))["KmsKeyId"].endswith(self.key("alias/aws/ebs")))
        own = self.volume(Encrypted=True, KmsKeyId="alias/lab")
        self.assertEqual(self.state(own)["KmsKeyId"], self.key("alias/lab"))
        snapshot = self.ec2.create_snapshot(VolumeId=own)["SnapshotId"]
        again = self.state(self.volume(SnapshotId=snapshot))
        self.assertEqual((again["Encrypted"], again["KmsKeyId"]), (True, self.key("alias/lab")))
        with self.refused("InvalidParameterCombination"):
            self.volume(SnapshotId=snapshot, Encrypted=False)

    def key(self, alias):
        return self.facts[REGION]["keys"][alias]

    def test_a_key_that_may_not_be_used_makes_the_volume_vanish(self):
        for name in ["alias/forbidden", "alias/disabled", "alias/signing", "alias/none"]:
            with self.subTest(name):
                volume = self.volume(Encrypted=True, KmsKeyId=name)
                self.assertEqual(self.state(volume)["State"], "creating")
                time.sleep(0.4)
                with self.refused("InvalidVolume.NotFound"):
                    self.state(volume)

    def test_encryption_by_default(self):
        self.ec2.enable_ebs_encryption_by_default()
        self.assertTrue(self.state(self.volume())["Encrypted"])
        self.ec2.modify_ebs_default_kms_key_id(KmsKeyId="alias/lab")
        self.assertEqual(self.state(self.volume())["KmsKeyId"], self.key("alias/lab"))
        self.ec2.reset_ebs_default_kms_key_id()
        self.ec2.disable_ebs_encryption_by_default()
        self.assertFalse(self.state(self.volume())["Encrypted"])


class Devices:
    """What both manners do."""

    def attach(self, volume, device=None):
        return self.ec2.attach_volume(VolumeId=volume, InstanceId=self.host, Device=device or free_name())

    def test_a_volume_is_a_block_device_and_busy_while_it_is_held(self):
        volume = self.volume(SnapshotId=self.snapshot_of("whole-disk"))
        device = self.node(volume, self.attach(volume)["Device"])
        with self.refused("VolumeInUse"):
            self.attach(volume)
        with self.refused("VolumeInUse"):
            self.ec2.delete_volume(VolumeId=volume)
        point = os.path.join(self.directory, "mount")
        os.makedirs(point, exist_ok=True)
        holder = in_private('mount "$1" "$2" && echo "written through the device" > "$2/proof" && echo ready && read -r _', device, point)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        self.ec2.detach_volume(VolumeId=volume)
        time.sleep(0.3)
        self.assertEqual(self.state(volume)["Attachments"][0]["State"], "busy")
        self.assertEqual(len(self.control("GET", "inventory")["mounts"]), 1)
        holder.communicate()
        self.assertTrue(until(lambda: self.state(volume)["State"] == "available"))
        self.assertFalse(os.path.lexists(device))
        self.assertEqual(self.control("GET", "inventory")["loops"], [])
        with self.refused("IncorrectState"):
            self.ec2.detach_volume(VolumeId=volume)
        snapshot = self.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        disk = self.control("GET", f"disk?region={REGION}&id={snapshot}")["file"]
        reader = in_private('mount -o loop,ro "$1" "$2" && cat "$2/proof"', disk, point)
        self.assertEqual(reader.communicate()[0], "written through the device\n")

    def test_times(self):
        self.control("POST", "settings", {"create": 0.4, "attach": 0.4, "detach": 0.4, "delete": 0.4})
        volume = self.volume()
        self.assertEqual(self.state(volume)["State"], "creating")
        with self.refused("IncorrectState"):
            self.attach(volume)
        self.assertTrue(until(lambda: self.state(volume)["State"] == "available"))
        device = self.attach(volume)["Device"]
        self.assertEqual(self.state(volume)["Attachments"][0]["State"], "attaching")
        self.assertIsNone(self.find(volume, device))
        self.assertTrue(until(lambda: self.state(volume)["Attachments"][0]["State"] == "attached"))
        self.assertTrue(until(lambda: self.find(volume, device)))
        self.ec2.detach_volume(VolumeId=volume)
        self.assertEqual(self.state(volume)["Attachments"][0]["State"], "detaching")
        self.assertTrue(until(lambda: not self.state(volume)["Attachments"]))
        self.ec2.delete_volume(VolumeId=volume)
        self.assertEqual(self.state(volume)["State"], "deleting")
        self.assertTrue(until(lambda: not [v for v in self.ec2.describe_volumes()["Volumes"] if v["VolumeId"] == volume]))

    def test_a_device_may_come_late_or_never(self):
        self.fault("AttachVolume", "late_device", seconds=0.5)
        self.fault("AttachVolume", "no_device", nth=2)
        late, never = self.volume(), self.volume()
        first = self.attach(late)["Device"]
        self.assertEqual(self.state(late)["Attachments"][0]["State"], "attached")
        self.assertIsNone(self.find(late, first))
        second = "/dev/sdo" if first != "/dev/sdo" else "/dev/sdp"
        self.attach(never, second)
        self.assertTrue(until(lambda: self.find(late, first)))
        self.assertIsNone(self.find(never, second))
        for volume in (late, never):
            self.ec2.detach_volume(VolumeId=volume)
            self.assertTrue(until(lambda: self.state(volume)["State"] == "available"))

    def node(self, volume, device):
        self.assertTrue(until(lambda: self.find(volume, device)))
        return self.find(volume, device)


class Xen(Devices, LabCase):
    def find(self, volume, device):
        node = device.replace("/dev/sd", "/dev/xvd")
        return node if os.path.exists(node) else None

    def test_names(self):
        for wrong in ["/dev/sdf1", "/dev/nvme1n1", "sdf", "/dev/sdba", ""]:
            with self.subTest(wrong), self.refused("InvalidParameterValue"):
                self.ec2.attach_volume(VolumeId=self.volume(), InstanceId=self.host, Device=wrong)
        device = free_name()
        first, second, third = self.volume(), self.volume(), self.volume()
        self.attach(first, device)
        with self.refused("InvalidParameterValue") as refusal:
            self.attach(second, device)
        self.assertIn("already in use", refusal.text)
        # The other spelling is taken, and its device never shows up.
        self.attach(second, device.replace("/dev/sd", "/dev/xvd"))
        self.ec2.detach_volume(VolumeId=second)
        self.assertTrue(os.path.exists(self.find(first, device)))
        self.ec2.detach_volume(VolumeId=first)
        self.attach(third, device)
        self.ec2.detach_volume(VolumeId=third)

    def test_two_labs_share_a_host(self):
        device = free_name()
        volume = self.volume()
        self.attach(volume, device)

        class Other(LabCase):
            pass

        other = Running("xen")
        Other.use(other)
        try:
            theirs = Other.ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
            with self.refused("InvalidParameterValue") as refusal:
                Other.ec2.attach_volume(VolumeId=theirs, InstanceId=Other.host, Device=device)
            self.assertIn("already in use", refusal.text)
        finally:
            other.end()
        self.assertTrue(os.path.exists(self.find(volume, device)))
        self.ec2.detach_volume(VolumeId=volume)


class Nvme(Devices, LabCase):
    manner = "nvme"

    def find(self, volume, device):
        link = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + volume.replace("-", "")
        return link if os.path.exists(link) else None


if __name__ == "__main__":
    unittest.main()
