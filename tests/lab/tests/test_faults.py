"""Faults: each strikes when it should, has the effect that it should have, and is written down."""

import threading
import time
import unittest

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from support import ZONE, LabCase


class Faults(LabCase):
    def count(self):
        return len(self.control("GET", f"inventory?since={self.mark}")["volumes"])

    def setUp(self):
        super().setUp()
        self.mark = self.control("GET", "mark")["things"]

    def test_answers_that_are_errors(self):
        for kind, more, code, status in [
            ("status", {}, "InternalError", 500),
            ("status", {"status": 503}, "Unavailable", 503),
            ("throttle", {}, "RequestLimitExceeded", 503),
            ("error", {"code": "UnauthorizedOperation"}, "UnauthorizedOperation", 403),
            ("error", {"code": "VolumeLimitExceeded", "message": "too many"}, "VolumeLimitExceeded", 400),
        ]:
            with self.subTest(kind):
                self.fault("CreateVolume", kind, **more)
                with self.refused(code) as refusal:
                    self.volume()
                self.assertEqual(refusal.status, status)
        self.assertEqual(self.count(), 0)
        self.volume()
        self.assertEqual(self.count(), 1)

    def test_the_nth_call_and_how_often(self):
        self.fault("CreateVolume", "status", nth=2, times=2)
        outcomes = []
        for _ in range(5):
            try:
                self.volume()
                outcomes.append("ok")
            except self.ec2.exceptions.ClientError:
                outcomes.append("no")
        self.assertEqual("".join(o[0] for o in outcomes), "onnoo")
        self.fault("CreateVolume", "status", times=None)
        for _ in range(4):
            with self.refused("InternalError"):
                self.volume()

    def test_regions_and_other_services(self):
        self.fault("DescribeRegions", "status", region="us-east-1")
        self.ec2.describe_regions()
        with self.refused("InternalError"):
            self.client("ec2", "us-east-1").describe_regions()
        self.fault("ssm:GetParameters", "throttle")
        with self.refused("ThrottlingException"):
            self.client("ssm").get_parameters(Names=["/x"])
        self.fault("*", "error", code="Blocked")
        with self.refused("Blocked"):
            self.client("sts").get_caller_identity()

    def test_cut_before_and_after_the_effect(self):
        for kind, stand in [("cut_before", 0), ("cut_after", 1)]:
            with self.subTest(kind):
                before = self.count()
                self.fault("CreateVolume", kind)
                with self.assertRaises(ConnectionClosedError):
                    self.volume()
                self.assertEqual(self.count() - before, stand)
                self.assertEqual(self.control("GET", "log")[-1]["outcome"], "cut")

    def test_an_error_after_the_effect(self):
        self.fault("CreateVolume", "status_after")
        with self.refused("InternalError"):
            self.volume()
        self.assertEqual(self.count(), 1)

    def test_slow_and_hanging(self):
        self.fault("DescribeRegions", "slow", seconds=0.3)
        began = time.monotonic()
        self.ec2.describe_regions()
        self.assertGreater(time.monotonic() - began, 0.3)
        self.fault("DescribeRegions", "hang")
        with self.assertRaises(ReadTimeoutError):
            self.client("ec2", read_timeout=1).describe_regions()
        self.fault("CreateVolume", "hang_after", seconds=0.2)
        with self.assertRaises(ConnectionClosedError):
            self.volume()
        self.assertEqual(self.count(), 1)

    def test_held_calls(self):
        for kind, stand in [("hold_before", 0), ("hold_after", 1)]:
            with self.subTest(kind):
                before = self.count()
                self.fault("CreateVolume", kind)
                caller = threading.Thread(target=self.volume)
                caller.start()
                time.sleep(0.3)
                self.assertEqual(self.count() - before, stand)
                self.ec2.describe_regions()  # the lab itself goes on
                self.control("POST", "release", {})
                caller.join(5)
                self.assertEqual(self.count() - before, 1)

    def test_a_held_call_whose_caller_is_gone_never_came(self):
        for kind, stand in [("hold_before", 0), ("hold_after", 1)]:
            with self.subTest(kind):
                before = self.count()
                self.fault("CreateVolume", kind)
                with self.assertRaises(ReadTimeoutError):
                    self.client("ec2", read_timeout=1).create_volume(AvailabilityZone=ZONE, Size=1)
                self.control("POST", "release", {})
                time.sleep(0.3)
                self.assertEqual(self.count() - before, stand)

    def test_what_a_call_makes_may_fail_be_late_or_unknown(self):
        self.fault("CreateSnapshot", "ends_in_error", message="Client.Lab: so it was ordered")
        snapshot = self.snapshot()
        told = self.ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
        self.assertEqual((told["State"], told["StateMessage"]), ("error", "Client.Lab: so it was ordered"))
        self.fault("CreateVolume", "ends_in_error")
        self.assertEqual(self.state(self.volume())["State"], "error")
        self.fault("RegisterImage", "ends_in_error")
        self.assertEqual(self.described(self.register("failed"))["State"], "failed")
        self.fault("CreateVolume", "not_found", seconds=0.4)
        volume = self.volume()
        with self.refused("InvalidVolume.NotFound"):
            self.state(volume)
        time.sleep(0.5)
        self.state(volume)
        self.fault("CreateVolume", "delay", seconds=30)
        self.assertEqual(self.state(self.volume())["State"], "creating")

    def test_wrong_orders_are_told(self):
        for wrong in [{"action": "X", "kind": "none"}, {"kind": "slow"}, {"action": "X", "kind": "slow", "sedonds": 1}]:
            with self.subTest(wrong), self.assertRaises(Exception):
                self.control("POST", "faults", wrong)

    def test_the_log_has_every_call(self):
        begin = self.control("GET", "mark")["calls"]
        self.volume(ClientToken="logged")
        with self.refused("InvalidVolume.NotFound"):
            self.state("vol-00000000000000000")
        first, second = self.control("GET", f"log?since={begin}")
        told = (first["action"], first["token"], first["outcome"], first["region"], first["account"], first["key"])
        self.assertEqual(told, ("CreateVolume", "logged", "ok", "eu-central-1", "111122223333", "LABMAIN"))
        self.assertEqual(first["parameters"]["AvailabilityZone"], ZONE)
        self.assertEqual(second["outcome"], "InvalidVolume.NotFound")


if __name__ == "__main__":
    unittest.main()
