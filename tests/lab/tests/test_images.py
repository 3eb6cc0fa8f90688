"""Snapshots, images, their attributes and copies."""

import time
import unittest
from datetime import datetime, timedelta, timezone

from support import REGION, ZONE, LabCase

MAIN, OTHER = "111122223333", "444455556666"


def tags(kind, **values):
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in values.items()]}


class Snapshots(LabCase):
    def test_a_snapshot_is_pending_first(self):
        self.control("POST", "settings", {"snapshot": 0.5})
        made = self.ec2.create_snapshot(VolumeId=self.volume(), TagSpecifications=[tags("snapshot", a="b")])
        self.assertEqual((made["State"], made["Tags"]), ("pending", [{"Key": "a", "Value": "b"}]))
        with self.refused("IncorrectState"):
            self.register("early", made["SnapshotId"])
        time.sleep(0.6)
        done = self.ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"][0]
        self.assertEqual((done["State"], done["Progress"]), ("completed", "100%"))

    def test_rates(self):
        volume = self.volume()
        self.control("POST", "settings", {"snapshot_interval": 15})
        self.ec2.create_snapshot(VolumeId=volume)
        with self.refused("SnapshotCreationPerVolumeRateExceeded"):
            self.ec2.create_snapshot(VolumeId=volume)
        self.control("POST", "clock", {"advance": 16})
        self.ec2.create_snapshot(VolumeId=volume)
        self.control("POST", "settings", {"snapshot_interval": 0, "snapshot": 60})
        for _ in range(5):
            self.ec2.create_snapshot(VolumeId=volume)
        with self.refused("ConcurrentSnapshotLimitExceeded"):
            self.ec2.create_snapshot(VolumeId=volume)

    def test_an_image_keeps_its_snapshot(self):
        snapshot = self.snapshot()
        image = self.register("keeper", snapshot)
        with self.refused("InvalidSnapshot.InUse") as refusal:
            self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.assertIn(image, refusal.text)
        self.control("POST", "settings", {"snapshot_release": 0.4})
        self.ec2.deregister_image(ImageId=image)
        with self.refused("InvalidSnapshot.InUse"):
            self.ec2.delete_snapshot(SnapshotId=snapshot)
        time.sleep(0.5)
        self.ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
        self.assertEqual(len(self.ec2.describe_locked_snapshots()["Snapshots"]), 1)
        with self.refused("SnapshotLocked"):
            self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.ec2.unlock_snapshot(SnapshotId=snapshot)
        self.ec2.delete_snapshot(SnapshotId=snapshot)
        with self.refused("InvalidSnapshot.NotFound"):
            self.ec2.delete_snapshot(SnapshotId=snapshot)

    def test_shares(self):
        snapshot = self.snapshot()
        theirs = self.client("ec2", key="LABOTHER")
        with self.refused("InvalidSnapshot.NotFound"):
            theirs.describe_snapshots(SnapshotIds=[snapshot])
        change = self.ec2.modify_snapshot_attribute
        with self.refused("InvalidParameterCombination"):
            change(SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": OTHER}], "Remove": [{"UserId": MAIN}]})
        change(SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": OTHER}]})
        self.assertEqual(len(theirs.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]), 1)
        told = self.ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
        self.assertEqual(told["CreateVolumePermissions"], [{"UserId": OTHER}])
        change(SnapshotId=snapshot, CreateVolumePermission={"Remove": [{"UserId": OTHER}]})
        with self.refused("InvalidSnapshot.NotFound"):
            theirs.describe_snapshots(SnapshotIds=[snapshot])
        encrypted = self.snapshot(Encrypted=True)
        with self.refused("OperationNotPermitted"):
            change(SnapshotId=encrypted, CreateVolumePermission={"Add": [{"UserId": OTHER}]})
        own = self.snapshot(Encrypted=True, KmsKeyId="alias/lab")
        change(SnapshotId=own, CreateVolumePermission={"Add": [{"UserId": OTHER}]})
        with self.refused("OperationNotPermitted"):
            change(SnapshotId=own, CreateVolumePermission={"Add": [{"Group": "all"}]})


class Registering(LabCase):
    def test_every_field_is_kept(self):
        how = {
            "Description": "all of it",
            "EnaSupport": True,
            "SriovNetSupport": "simple",
            "BootMode": "uefi",
            "TpmSupport": "v2.0",
            "ImdsSupport": "v2.0",
            "UefiData": "QU1aTlVFRkk=",
        }
        mappings = [
            {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": self.snapshot(), "VolumeSize": 3, "VolumeType": "gp3", "Iops": 4000}},
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 10, "Encrypted": True, "VolumeType": "gp2"}},
        ]
        image = self.register("whole", BlockDeviceMappings=mappings, TagSpecifications=[tags("image", a="b")], **how)
        told = self.described(image)
        uefi = how.pop("UefiData")
        self.assertEqual({key: told[key] for key in how}, how)
        self.assertEqual(self.ec2.describe_image_attribute(ImageId=image, Attribute="uefiData")["UefiData"]["Value"], uefi)
        self.assertEqual(told["Tags"], [{"Key": "a", "Value": "b"}])
        self.assertEqual((told["Architecture"], told["VirtualizationType"]), ("x86_64", "hvm"))
        root, ephemeral, empty = told["BlockDeviceMappings"]
        self.assertEqual((root["Ebs"]["VolumeSize"], root["Ebs"]["Iops"], root["Ebs"]["Throughput"]), (3, 4000, 125))
        self.assertEqual(ephemeral["VirtualName"], "ephemeral0")
        self.assertTrue(empty["Ebs"]["Encrypted"])

    def test_defaults_are_the_old_ones(self):
        snapshot = self.snapshot()
        root = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}]
        image = self.ec2.register_image(Name="old manners", RootDeviceName="/dev/sda1", BlockDeviceMappings=root)["ImageId"]
        told = self.described(image)
        self.assertEqual((told["Architecture"], told["VirtualizationType"]), ("i386", "paravirtual"))

    def test_what_is_refused(self):
        snapshot = self.snapshot(Size=2)

        def mapped(**ebs):
            return [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot} | ebs}]

        for code, how in [
            ("InvalidParameterValue", {"TagSpecifications": [tags("snapshot", a="b")]}),
            ("InvalidParameterCombination", {"TpmSupport": "v2.0"}),
            ("InvalidParameterCombination", {"UefiData": "QQ==", "BootMode": "legacy-bios"}),
            ("InvalidParameterCombination", {"BootMode": "uefi", "VirtualizationType": "paravirtual"}),
            ("InvalidParameter", {"BlockDeviceMappings": mapped(Encrypted=False)}),
            ("InvalidParameter", {"BlockDeviceMappings": mapped(KmsKeyId="alias/lab")}),
            ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": mapped(VolumeSize=1)}),
            ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": mapped(VolumeSize=500, VolumeType="st1")}),
            ("InvalidBlockDeviceMapping", {"RootDeviceName": "/dev/sda1"}),
            ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": mapped() + mapped()}),
            ("InvalidParameterCombination", {"BlockDeviceMappings": mapped(VolumeType="io2")}),
            ("InvalidSnapshot.NotFound", {"BlockDeviceMappings": mapped(SnapshotId="snap-00000000000000000")}),
        ]:
            with self.subTest(how), self.refused(code):
                self.register("never made", snapshot, **how)

    def test_names(self):
        image = self.register("taken (once) [a/b].c-d'e@f_g")
        with self.refused("InvalidAMIName.Duplicate") as refusal:
            self.register("taken (once) [a/b].c-d'e@f_g")
        self.assertIn(image, refusal.text)
        for wrong in ["a" * 129, "a:b:c", "näme"]:
            with self.subTest(wrong), self.refused("InvalidAMIName.Malformed"):
                self.register(wrong)
        theirs = self.client("ec2", key="LABOTHER")
        volume = theirs.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
        snapshot = theirs.create_snapshot(VolumeId=volume)["SnapshotId"]
        self.register("taken (once) [a/b].c-d'e@f_g", snapshot, client=theirs)  # another account's names are its own
        self.ec2.deregister_image(ImageId=image)
        self.register("taken (once) [a/b].c-d'e@f_g")

    def test_codes_come_with_the_snapshot(self):
        for name, platform, codes in [
            ("rhel-9-billed", "Red Hat Enterprise Linux", 0),
            ("rhel-9-unbilled", "Linux/UNIX", 0),
            ("marketplace-appliance", "Linux/UNIX", 1),
        ]:
            volume = self.volume(SnapshotId=self.snapshot_of(name))
            snapshot = self.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
            told = self.described(self.register("from " + name, snapshot))
            self.assertEqual((told["PlatformDetails"], len(told["ProductCodes"])), (platform, codes))

    def test_gone_and_unknown(self):
        image = self.register("short-lived")
        self.ec2.deregister_image(ImageId=image)
        with self.refused("InvalidAMIID.Unavailable"):
            self.ec2.deregister_image(ImageId=image)
        with self.refused("InvalidAMIID.NotFound"):
            self.ec2.deregister_image(ImageId="ami-00000000000000000")
        with self.refused("InvalidAMIID.NotFound"):
            self.described(image)
        snapshot = self.snapshot()
        both = [self.register(f"sibling {n}", snapshot) for n in (1, 2)]
        results = [
            self.ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)["DeleteSnapshotResults"][0]["ReturnCode"]
            for image in both
        ]
        self.assertEqual(results, ["skipped", "success"])

    def test_foreign_images(self):
        uefi = {"ImageId": self.image("foreign"), "Attribute": "uefiData"}
        with self.refused("AuthFailure"):
            self.ec2.describe_image_attribute(**uefi)
        with self.refused("InvalidAMIID.NotFound"):
            self.described(self.image("foreign-private"))
        with self.refused("AuthFailure"):
            self.ec2.deregister_image(ImageId=self.image("foreign"))
        with self.refused("InvalidSnapshot.NotFound"):
            self.volume(SnapshotId=self.snapshot_of("foreign-image-only"))
        self.volume(SnapshotId=self.snapshot_of("foreign"))

    def test_finding(self):
        def found(**how):
            return [image["Name"] for image in self.ec2.describe_images(**how)["Images"]]

        name = [{"Name": "name", "Values": ["debian-12-amd64-*"]}]
        self.assertEqual(len(found(Owners=["136693071363"], Filters=name)), 2)
        self.assertEqual(found(Owners=["self"], Filters=name), [])
        self.assertEqual(found(Owners=["aws-marketplace"]), ["marketplace-appliance"])
        arm = [{"Name": "architecture", "Values": ["arm64", "i386"]}, {"Name": "state", "Values": ["available"]}]
        self.assertEqual(found(Owners=["136693071363"], Filters=arm), ["debian-12-arm64-20261115-2015"])
        old = [{"Name": "name", "Values": ["debian-11-*"]}]
        self.assertEqual(found(Filters=old), [])
        self.assertEqual(len(found(Filters=old, IncludeDeprecated=True)), 1)
        with self.refused("InvalidParameterValue"):
            found(Filters=[{"Name": "colour", "Values": ["red"]}])


class Attributes(LabCase):
    def test_descriptions_and_imds(self):
        image = self.register("attributes", Description="one")
        change = self.ec2.modify_image_attribute
        change(ImageId=image, Description={"Value": "two"})
        change(ImageId=image, ImdsSupport={"Value": "v2.0"})
        told = self.described(image)
        self.assertEqual((told["Description"], told["ImdsSupport"]), ("two", "v2.0"))
        with self.refused("InvalidParameterCombination"):
            change(ImageId=image, Description={"Value": "x"}, ImdsSupport={"Value": "v2.0"})
        with self.refused("InvalidParameterCombination"):
            change(ImageId=image, ProductCodes=["abc"], Attribute="productCodes")
        with self.refused("AuthFailure"):
            self.ec2.describe_image_attribute(ImageId=image, Attribute="blockDeviceMapping")

    def test_launch_permissions(self):
        image = self.register("shared")
        theirs = self.client("ec2", key="LABOTHER")
        organization = f"arn:aws:organizations::{MAIN}:organization/o-lab0000000"
        for share in [{"UserId": OTHER}, {"OrganizationArn": organization}]:
            self.ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [share]})
            told = self.ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
            self.assertEqual(told["LaunchPermissions"], [share])
            self.assertEqual(self.described(image, theirs)["Tags"], [])
            self.ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
            with self.refused("InvalidAMIID.NotFound"):
                self.described(image, theirs)
        for wrong, code in [({"UserId": "12"}, "InvalidAMIAttributeItemValue"), ({"OrganizationArn": "o-x"}, "InvalidParameterValue")]:
            with self.refused(code):
                self.ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [wrong]})
        with self.refused("InvalidParameter"):
            self.ec2.modify_image_attribute(ImageId=self.image("encrypted-aws-key"), LaunchPermission={"Add": [{"UserId": OTHER}]})
        self.ec2.modify_image_attribute(ImageId=self.image("encrypted-own-key"), LaunchPermission={"Add": [{"UserId": OTHER}]})

    def test_public_images(self):
        image, everybody = self.register("for all"), {"Add": [{"Group": "all"}]}
        with self.refused("OperationNotPermitted"):
            self.ec2.modify_image_attribute(ImageId=image, LaunchPermission=everybody)
        self.ec2.disable_image_block_public_access()
        self.ec2.modify_image_attribute(ImageId=image, LaunchPermission=everybody)
        self.assertTrue(self.described(image)["Public"])
        self.assertIn("DeprecationTime", self.described(image))
        with self.refused("OperationNotPermitted"):
            self.ec2.disable_image_deprecation(ImageId=image)
        self.assertEqual(self.ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"], "unblocked")
        with self.refused("InvalidParameter"):
            self.ec2.modify_image_attribute(ImageId=self.image("encrypted-own-key"), LaunchPermission=everybody)
        self.ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")

    def test_deprecation_is_to_the_minute(self):
        image = self.register("deprecated")
        at = (datetime.now(timezone.utc) + timedelta(days=9)).replace(second=31, microsecond=0)
        self.ec2.enable_image_deprecation(ImageId=image, DeprecateAt=at)
        rounded = (at + timedelta(seconds=29)).strftime("%Y-%m-%dT%H:%M:00.000Z")
        self.assertEqual(self.described(image)["DeprecationTime"], rounded)
        for wrong in (timedelta(days=-1), timedelta(days=3700)):
            with self.refused("InvalidParameterValue"):
                self.ec2.enable_image_deprecation(ImageId=image, DeprecateAt=datetime.now(timezone.utc) + wrong)
        self.ec2.disable_image_deprecation(ImageId=image)
        self.assertNotIn("DeprecationTime", self.described(image))

    def test_protection(self):
        image = self.register("protected")
        self.ec2.enable_image_deregistration_protection(ImageId=image, WithCooldown=True)
        self.assertEqual(self.described(image)["DeregistrationProtection"], "enabled-with-cooldown")
        with self.refused("OperationNotPermitted"):
            self.ec2.deregister_image(ImageId=image)
        self.ec2.disable_image_deregistration_protection(ImageId=image)
        with self.refused("OperationNotPermitted"):
            self.ec2.deregister_image(ImageId=image)
        self.control("POST", "clock", {"advance": 24 * 3600 + 1})
        self.ec2.deregister_image(ImageId=image)

    def test_disabled_images_hide_and_lose_their_shares(self):
        image = self.register("disabled")
        self.ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": OTHER}]})
        self.ec2.disable_image(ImageId=image)
        name = [{"Name": "name", "Values": ["disabled"]}]
        self.assertEqual(self.ec2.describe_images(Owners=["self"], Filters=name)["Images"], [])
        told = self.ec2.describe_images(Owners=["self"], Filters=name, IncludeDisabled=True)["Images"]
        self.assertEqual(told[0]["State"], "disabled")
        self.ec2.enable_image(ImageId=image)
        self.assertEqual(self.ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"], [])

    def test_tags(self):
        image, snapshot = self.register("tagged"), self.snapshot()
        self.ec2.create_tags(Resources=[image, snapshot], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        self.ec2.delete_tags(Resources=[image], Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}])
        self.assertEqual(self.described(image)["Tags"], [{"Key": "b", "Value": "2"}])
        self.ec2.delete_tags(Resources=[snapshot])
        only = [{"Name": "resource-id", "Values": [snapshot, image]}]
        self.assertEqual([tag["Key"] for tag in self.ec2.describe_tags(Filters=only)["Tags"]], ["b"])
        with self.refused("InvalidAMIID.NotFound"):
            self.ec2.create_tags(Resources=[image, "ami-00000000000000000"], Tags=[{"Key": "c", "Value": ""}])
        self.assertEqual(len(self.described(image)["Tags"]), 1)


class Copies(LabCase):
    def copy(self, source, client=None, **how):
        asked = {"Name": "copy", "SourceImageId": source, "SourceRegion": REGION} | how
        return (client or self.client("ec2", "us-east-1")).copy_image(**asked)["ImageId"]

    def snapshot_behind(self, image, client):
        id = self.described(image, client)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        return client.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]

    def test_a_copy_has_its_own_tags_and_bytes(self):
        there = self.client("ec2", "us-east-1")
        source = self.register("source", BootMode="uefi", EnaSupport=True, TagSpecifications=[tags("image", a="b")])
        self.ec2.modify_image_attribute(ImageId=source, LaunchPermission={"Add": [{"UserId": OTHER}]})
        self.control("POST", "settings", {"copy": 0.4})
        copy = self.copy(source, there, TagSpecifications=[tags("image", i="1"), tags("snapshot", s="2")])
        self.assertEqual(self.described(copy, there)["State"], "pending")
        time.sleep(0.5)
        told = self.described(copy, there)
        self.assertEqual((told["State"], told["BootMode"], told["EnaSupport"]), ("available", "uefi", True))
        self.assertEqual(told["Tags"], [{"Key": "i", "Value": "1"}])
        self.assertEqual((told["SourceImageId"], told["SourceImageRegion"]), (source, REGION))
        snapshot = self.snapshot_behind(copy, there)
        self.assertEqual((snapshot["Tags"], snapshot["VolumeId"]), ([{"Key": "s", "Value": "2"}], "vol-ffffffff"))
        shares = there.describe_image_attribute(ImageId=copy, Attribute="launchPermission")["LaunchPermissions"]
        self.assertEqual(shares, [])

    def test_tokens(self):
        there = self.client("ec2", "us-east-1")
        source = self.register("tokens")
        first = self.copy(source, ClientToken="c1")
        self.assertEqual(self.copy(source, ClientToken="c1"), first)
        with self.refused("IdempotentParameterMismatch"):
            self.copy(source, ClientToken="c1", TagSpecifications=[tags("image", run="2")])
        self.copy(source, Name="twice")
        self.copy(source, Name="twice")  # a second one of the same name is taken
        self.assertEqual(len(there.describe_images(Filters=[{"Name": "name", "Values": ["twice"]}])["Images"]), 2)

    def test_keys_of_copies(self):
        there = self.client("ec2", "us-east-1")
        keys = self.facts["us-east-1"]["keys"]
        plain = self.register("plain")
        self.assertFalse(self.snapshot_behind(self.copy(plain), there)["Encrypted"])
        under = self.snapshot_behind(self.copy(plain, Encrypted=True, KmsKeyId="alias/lab"), there)
        self.assertEqual(under["KmsKeyId"], keys["alias/lab"])
        # Another region, no key: the default one of that region, whatever the source had.
        under = self.snapshot_behind(self.copy(self.image("encrypted-own-key")), there)
        self.assertEqual(under["KmsKeyId"], keys["alias/aws/ebs"])
        under = self.snapshot_behind(self.copy(self.image("encrypted-own-key"), self.ec2), self.ec2)
        self.assertEqual(under["KmsKeyId"], self.facts[REGION]["keys"]["alias/lab"])
        # A key that may not be used: the copy fails late.
        failed = self.described(self.copy(plain, Encrypted=True, KmsKeyId="alias/forbidden"), there)
        self.assertEqual(failed["State"], "failed")
        self.assertIn("not accessible", failed["StateReason"]["Message"])

    def test_what_is_refused(self):
        source = self.register("refused")
        with self.refused("InvalidRequest"):
            self.copy(self.image("foreign-image-only"))
        with self.refused("InvalidAMIID.NotFound"):
            self.copy("ami-00000000000000000")
        with self.refused("InvalidParameterValue"):
            self.copy(source, SourceRegion="mars-north-1")
        with self.refused("InvalidParameterValue"):
            self.copy(source, SnapshotCopyCompletionDurationMinutes=20)
        self.control("POST", "settings", {"copies": 2, "copy": 60})
        self.copy(source)
        self.copy(source)
        with self.refused("ResourceLimitExceeded"):
            self.copy(source)

    def test_snapshots(self):
        there = self.client("ec2", "us-east-1")
        made = there.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=self.snapshot(), TagSpecifications=[tags("snapshot", a="b")])
        told = there.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"][0]
        self.assertEqual((told["State"], told["Tags"]), ("completed", [{"Key": "a", "Value": "b"}]))


if __name__ == "__main__":
    unittest.main()
