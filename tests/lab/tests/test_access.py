"""Who may do what: keys, policies, roles; and the services beside EC2."""

import json
import time
import unittest
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from support import REGION, ZONE, LabCase


class Keys(LabCase):
    def test_keys_that_are_not_good(self):
        for key, ec2, sts, ssm in [
            ("LABEXPIRED", "RequestExpired", "ExpiredToken", "ExpiredTokenException"),
            ("NOBODY", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"),
        ]:
            with self.subTest(key):
                with self.refused(ec2):
                    self.client("ec2", key=key).describe_regions()
                with self.refused(sts):
                    self.client("sts", key=key).get_caller_identity()
                with self.refused(ssm):
                    self.client("ssm", key=key).get_parameters(Names=["/x"])
        for key, code in [("LABBLOCKED", "Blocked"), ("LABPENDING", "PendingVerification"), ("LABOPTIN", "OptInRequired")]:
            with self.refused(code):
                self.client("ec2", key=key).describe_regions()

    def test_a_key_expires_in_the_middle(self):
        self.control("POST", "key", {"key": "LABSHORT", "account": "111122223333"})
        client = self.client("ec2", key="LABSHORT")
        client.describe_regions()
        self.control("POST", "key", {"key": "LABSHORT", "state": "expired"})
        with self.refused("RequestExpired"):
            client.describe_regions()

    def test_identity_and_roles(self):
        sts = self.client("sts")
        told = sts.get_caller_identity()
        self.assertEqual((told["Account"], told["Arn"]), ("111122223333", "arn:aws:iam::111122223333:user/builder"))
        role = "arn:aws:iam::444455556666:role/bake"
        made = sts.assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]
        told = self.client("sts", key=made["AccessKeyId"]).get_caller_identity()
        self.assertEqual(told["Arn"], "arn:aws:sts::444455556666:assumed-role/bake/one")
        with self.refused("AccessDenied"):
            sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/forbidden", RoleSessionName="one")
        with self.refused("AccessDenied"):
            sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/external", RoleSessionName="one")
        sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/external", RoleSessionName="one", ExternalId="lab-external")

    def test_other_ways_to_credentials(self):
        sts, role = self.client("sts"), "arn:aws:iam::111122223333:role/"
        with self.refused("AccessDenied"):
            sts.assume_role(RoleArn=role + "mfa", RoleSessionName="one")
        sts.assume_role(RoleArn=role + "mfa", RoleSessionName="one", SerialNumber="arn:aws:iam::111122223333:mfa/me", TokenCode="123456")
        self.assertEqual(self.control("GET", "log")[-1]["parameters"]["TokenCode"], "123456")
        web = boto3.client("sts", region_name=REGION, endpoint_url=self.endpoint, config=Config(signature_version=UNSIGNED))
        made = web.assume_role_with_web_identity(RoleArn=role + "web", RoleSessionName="one", WebIdentityToken="x" * 8)
        told = self.client("sts", key=made["Credentials"]["AccessKeyId"]).get_caller_identity()
        self.assertEqual(told["Arn"], "arn:aws:sts::111122223333:assumed-role/web/one")
        self.assertEqual(self.control("GET", "credentials?key=LABREAD")["AccessKeyId"], "LABREAD")
        sso = boto3.client("sso", region_name=REGION, endpoint_url=self.endpoint)
        told = sso.get_role_credentials(roleName="r", accountId="111122223333", accessToken="t")
        self.assertEqual(told["roleCredentials"]["accessKeyId"], "LABROLE")

    def test_a_denied_call_says_so_and_its_message_decodes(self):
        with self.refused("UnauthorizedOperation") as refusal:
            self.client("ec2", key="LABDENIED").describe_regions()
        encoded = refusal.text.rsplit(": ", 1)[1]
        decoded = json.loads(self.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
        self.assertEqual(decoded["context"]["action"], "ec2:DescribeRegions")
        reader = self.client("ec2", key="LABREAD")
        reader.describe_images(Owners=["self"])
        with self.refused("UnauthorizedOperation"):
            reader.create_volume(AvailabilityZone=ZONE, Size=1)

    def test_dry_run(self):
        with self.refused("DryRunOperation") as refusal:
            self.volume(DryRun=True)
        self.assertEqual(refusal.status, 412)
        with self.refused("UnauthorizedOperation"):
            self.client("ec2", key="LABREAD").create_volume(AvailabilityZone=ZONE, Size=1, DryRun=True)


class Policies(LabCase):
    """A policy like one of least privilege: what it makes must carry a tag, what it deletes too."""

    POLICY = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["ec2:CreateVolume", "ec2:CreateSnapshot"],
                "Resource": ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*::snapshot/*"],
                "Condition": {"StringEquals": {"aws:RequestTag/bake:project": "acme"}},
            },
            {
                "Effect": "Allow",
                "Action": ["ec2:DeleteVolume", "ec2:CreateSnapshot"],
                "Resource": "arn:aws:ec2:*:*:volume/*",
                "Condition": {"StringEquals": {"aws:ResourceTag/bake:project": "acme"}},
            },
            {
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": "*",
                "Condition": {"StringLike": {"ec2:CreateAction": "Create*"}},
            },
            {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
        ],
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.control("POST", "key", {"key": "LABLEAST", "policies": [cls.POLICY]})

    def tagged(self, kind, project="acme"):
        return [{"ResourceType": kind, "Tags": [{"Key": "bake:project", "Value": project}]}]

    def test_it_holds(self):
        least = self.client("ec2", key="LABLEAST")
        make = {"AvailabilityZone": ZONE, "Size": 1}
        volume = least.create_volume(**make, TagSpecifications=self.tagged("volume"))["VolumeId"]
        for wrong in [[], self.tagged("volume", "other")]:
            with self.subTest(wrong), self.refused("UnauthorizedOperation"):
                least.create_volume(**make, TagSpecifications=wrong)
        least.create_snapshot(VolumeId=volume, TagSpecifications=self.tagged("snapshot"))
        foreign = self.volume()
        with self.refused("UnauthorizedOperation"):
            least.create_snapshot(VolumeId=foreign, TagSpecifications=self.tagged("snapshot"))
        with self.refused("UnauthorizedOperation"):
            least.delete_volume(VolumeId=foreign)
        with self.refused("UnauthorizedOperation"):
            least.create_tags(Resources=[foreign], Tags=[{"Key": "bake:project", "Value": "acme"}])
        with self.refused("UnauthorizedOperation"):
            least.attach_volume(VolumeId=volume, InstanceId=self.host, Device="/dev/sdf")
        with self.refused("UnauthorizedOperation"):
            self.client("ec2", "eu-west-1", "LABLEAST").describe_images()
        least.delete_volume(VolumeId=volume)

    def test_keys_need_rights_of_their_own(self):
        allow = [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]
        grant = {"Effect": "Allow", "Action": "kms:*", "Resource": self.facts[REGION]["keys"]["alias/lab"]}
        for statements, stands in [(allow, False), (allow + [grant], True)]:
            self.control("POST", "key", {"key": "LABKEYS", "policies": [{"Statement": statements}]})
            client = self.client("ec2", key="LABKEYS")
            volume = client.create_volume(AvailabilityZone=ZONE, Size=1, Encrypted=True, KmsKeyId="alias/lab")["VolumeId"]
            time.sleep(0.4)
            if stands:
                client.describe_volumes(VolumeIds=[volume])
            else:
                with self.refused("InvalidVolume.NotFound"):
                    client.describe_volumes(VolumeIds=[volume])


class Services(LabCase):
    def test_keys(self):
        kms = self.client("kms")
        told = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
        self.assertEqual((told["KeyManager"], told["Enabled"]), ("AWS", True))
        self.assertFalse(kms.describe_key(KeyId="alias/disabled")["KeyMetadata"]["Enabled"])
        self.assertEqual(kms.describe_key(KeyId="alias/deleting")["KeyMetadata"]["KeyState"], "PendingDeletion")
        self.assertEqual(kms.describe_key(KeyId=told["KeyId"])["KeyMetadata"]["Arn"], told["Arn"])
        with self.refused("NotFoundException"):
            kms.describe_key(KeyId="alias/none")

    def test_parameters(self):
        ssm = self.client("ssm")
        ssm.put_parameter(Name="/lab/text", Value="x", Type="String", Tags=[{"Key": "a", "Value": "b"}])
        with self.refused("ParameterAlreadyExists"):
            ssm.put_parameter(Name="/lab/text", Value="y", Type="String")
        with self.refused("ValidationException"):
            ssm.put_parameter(Name="/lab/text", Value="y", Type="String", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])
        ssm.put_parameter(Name="/lab/text", Value="y", Type="String", Overwrite=True)
        self.assertEqual(ssm.get_parameters(Names=["/lab/text", "/lab/none"])["InvalidParameters"], ["/lab/none"])
        self.assertEqual(ssm.get_parameter(Name="/lab/text:1")["Parameter"]["Value"], "x")
        with self.refused("ParameterNotFound"):
            ssm.get_parameter(Name="/lab/none")
        with self.refused("ValidationException"):
            ssm.get_parameters(Names=[f"/lab/{n}" for n in range(11)])
        for wrong in ["lab/text", "/" + "/".join("abcdefghijklmnop"), "/lab/ä"]:
            with self.refused("ValidationException"):
                ssm.put_parameter(Name=wrong, Value="x", Type="String")
        with self.refused("AccessDeniedException"):
            ssm.put_parameter(Name="/aws/x", Value="x", Type="String")
        debian = ssm.get_parameter(Name="/aws/service/debian/release/12/latest/amd64")["Parameter"]["Value"]
        self.assertEqual(debian, self.image("debian-12-amd64-20261115-2015"))
        tag = [{"Key": "bake:image", "Value": 'web["arm64"]'}]
        with self.refused("ValidationException"):
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/lab/text", Tags=tag)
        self.assertEqual(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/lab/text")["TagList"][0]["Key"], "a")
        self.assertEqual(self.client("ssm", key="LABOTHER").get_parameters(Names=["/lab/text"])["Parameters"], [])
        self.assertEqual(self.client("ssm", "us-east-1").get_parameters(Names=["/lab/text"])["Parameters"], [])

    def test_parameters_that_are_images(self):
        ssm, image = self.client("ssm"), self.image("whole-disk")

        def put(value):
            return ssm.put_parameter(Name="/lab/image", Value=value, Type="String", DataType="aws:ec2:image", Overwrite=True)

        def read():
            return [p["Value"] for p in ssm.get_parameters(Names=["/lab/image"])["Parameters"]]

        put("ami-00000000000000000")  # answered as if all were well
        self.assertEqual(read(), [])
        self.control("POST", "settings", {"parameter": 0.3})
        put(image)
        self.assertEqual(read(), [])
        time.sleep(0.5)
        self.assertEqual(read(), [image])

    def test_versions_and_labels_of_parameters(self):
        ssm = self.client("ssm")
        for value in ("one", "two"):
            ssm.put_parameter(Name="/lab/secure", Value=value, Type="SecureString", Overwrite=True, KeyId="alias/lab")
        ssm.label_parameter_version(Name="/lab/secure", ParameterVersion=1, Labels=["old"])

        def read(name):
            return ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]

        self.assertEqual([read("/lab/secure" + selector)["Value"] for selector in ("", ":1", ":old")], ["two", "one", "one"])
        self.assertEqual(read("/lab/secure:old")["Selector"], ":old")
        self.assertNotEqual(ssm.get_parameter(Name="/lab/secure")["Parameter"]["Value"], "two")
        for selector in (":7", ":none"):
            with self.refused("ParameterVersionNotFound"):
                read("/lab/secure" + selector)
        self.assertEqual(ssm.label_parameter_version(Name="/lab/secure", Labels=["1st"])["InvalidLabels"], ["1st"])
        self.assertNotIn('"two"', json.dumps(self.control("GET", "log")))

    def test_secrets(self):
        secrets = self.client("secretsmanager")
        secrets.create_secret(Name="lab/stages", SecretString="one")
        arn = secrets.put_secret_value(SecretId="lab/stages", SecretString="two")["ARN"]
        read = secrets.get_secret_value
        self.assertEqual(read(SecretId="lab/stages")["SecretString"], "two")
        self.assertEqual(read(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"], "one")
        self.assertEqual(read(SecretId=arn[:-7], VersionId=read(SecretId=arn)["VersionId"])["SecretString"], "two")
        for missing in ({"SecretId": "lab/none"}, {"SecretId": arn, "VersionStage": "AWSPENDING"}):
            with self.refused("ResourceNotFoundException"):
                read(**missing)
        with self.refused("ResourceExistsException"):
            secrets.create_secret(Name="lab/stages", SecretString="x")
        secrets.create_secret(Name="lab/bytes", SecretBinary=b"\0\xff", KmsKeyId="alias/forbidden")
        with self.refused("AccessDeniedException"):
            read(SecretId="lab/bytes")
        secrets.delete_secret(SecretId="lab/stages")
        with self.refused("InvalidRequestException"):
            read(SecretId="lab/stages")

    def test_secrets_are_not_in_the_log(self):
        secrets = self.client("secretsmanager")
        secrets.create_secret(Name="lab", SecretString="very hidden")
        self.assertEqual(secrets.get_secret_value(SecretId="lab")["SecretString"], "very hidden")
        self.assertNotIn("very hidden", json.dumps(self.control("GET", "log")))


class Metadata(LabCase):
    def ask(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.endpoint + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def test_tokens(self):
        self.assertEqual(self.ask("/latest/meta-data/instance-id")[0], 401)
        self.assertEqual(self.ask("/latest/api/token", "PUT")[0], 400)
        self.assertEqual(self.ask("/latest/api/other", "PUT")[0], 403)
        _, token = self.ask("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
        ask = lambda path: self.ask(path, X_aws_ec2_metadata_token=token)
        self.assertEqual(ask("/latest/meta-data/instance-id"), (200, self.host))
        document = json.loads(ask("/latest/dynamic/instance-identity/document")[1])
        self.assertEqual((document["region"], document["availabilityZone"]), (REGION, ZONE))
        self.assertEqual(json.loads(ask("/latest/meta-data/iam/security-credentials/lab-host")[1])["AccessKeyId"], "LABROLE")
        self.assertEqual(ask("/latest/meta-data/nothing")[0], 404)
        self.control("POST", "clock", {"advance": 61})
        self.assertEqual(ask("/latest/meta-data/instance-id")[0], 401)

    def test_modes(self):
        self.control("POST", "settings", {"imds": "v1"})
        self.assertEqual(self.ask("/latest/meta-data/instance-id"), (200, self.host))
        self.control("POST", "settings", {"imds": "off"})
        self.assertEqual(self.ask("/latest/meta-data/instance-id")[0], 403)


class Instances(LabCase):
    def test_a_run_instance_can_be_the_host(self):
        asked = {"ImageId": self.image("whole-disk"), "MinCount": 1, "MaxCount": 1, "ClientToken": "r1"}
        made = self.ec2.run_instances(**asked)["Instances"][0]
        self.assertEqual(self.ec2.run_instances(**asked)["Instances"][0]["InstanceId"], made["InstanceId"])
        self.control("POST", "host", {"region": REGION, "instance": made["InstanceId"]})
        self.addCleanup(self.control, "POST", "host", {"region": REGION, "instance": self.host})
        self.control("POST", "settings", {"imds": "v1"})
        with urllib.request.urlopen(self.endpoint + "/latest/meta-data/instance-id", timeout=5) as answer:
            self.assertEqual(answer.read().decode(), made["InstanceId"])
        self.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
        with self.refused("IncorrectInstanceState"):
            self.ec2.attach_volume(VolumeId=self.volume(), InstanceId=made["InstanceId"], Device="/dev/sdf")
        types = self.ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"]
        self.assertEqual(types[0]["EbsInfo"]["AttachmentLimitType"], "shared")

    def test_regions_and_zones(self):
        self.assertEqual(len(self.ec2.describe_regions()["Regions"]), 3)
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual((zones[0]["ZoneName"], zones[0]["ZoneId"]), (ZONE, "euc1-az1"))


if __name__ == "__main__":
    unittest.main()
