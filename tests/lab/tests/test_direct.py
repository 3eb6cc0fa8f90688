"""EBS direct: blocks of snapshots, and volumes made of them."""

import base64
import hashlib
import unittest

from support import REGION, LabCase

BLOCK = 512 << 10


def checksum(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Direct(LabCase):
    def setUp(self):
        super().setUp()
        self.ebs = self.client("ebs")

    def put(self, snapshot, index, data, **how):
        how = {"DataLength": len(data), "Checksum": checksum(data), "ChecksumAlgorithm": "SHA256"} | how
        return self.ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, **how)

    def written(self, blocks, **how):
        """A snapshot of 1 GiB with these blocks."""
        snapshot = self.ebs.start_snapshot(VolumeSize=1, **how)["SnapshotId"]
        for index, data in blocks.items():
            self.put(snapshot, index, data)
        self.ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(blocks))
        return snapshot

    def test_what_is_written_is_what_a_volume_has(self):
        one, two = b"1" * BLOCK, b"2" * BLOCK
        snapshot = self.written({0: one, 2047: two}, Tags=[{"Key": "a", "Value": "b"}])
        told = self.ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
        self.assertEqual((told["State"], told["Tags"][0]["Key"], told["VolumeSize"]), ("completed", "a", 1))
        volume = self.volume(SnapshotId=snapshot)
        with open(self.control("GET", f"disk?region={REGION}&id={volume}")["file"], "rb") as disk:
            self.assertEqual(disk.read(BLOCK), one)
            disk.seek(2047 * BLOCK)
            self.assertEqual(disk.read(), two)
        listed = self.ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
        self.assertEqual([block["BlockIndex"] for block in listed], [0, 2047])
        read = self.ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=2047, BlockToken=listed[1]["BlockToken"])
        self.assertEqual(read["BlockData"].read(), two)

    def test_a_child_has_what_its_parent_had(self):
        parent = self.written({0: b"1" * BLOCK, 1: b"2" * BLOCK})
        child = self.written({1: b"3" * BLOCK}, ParentSnapshotId=parent)
        changed = self.ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)["ChangedBlocks"]
        self.assertEqual([block["BlockIndex"] for block in changed], [1])
        with self.refused("ValidationException"):
            self.ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=parent, Encrypted=True)

    def test_tokens(self):
        first = self.ebs.start_snapshot(VolumeSize=1, ClientToken="d1")["SnapshotId"]
        self.assertEqual(self.ebs.start_snapshot(VolumeSize=1, ClientToken="d1")["SnapshotId"], first)
        with self.refused("ConflictException"):
            self.ebs.start_snapshot(VolumeSize=2, ClientToken="d1")

    def test_what_is_refused(self):
        snapshot = self.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        data = b"x" * BLOCK
        with self.refused("ValidationException"):
            self.put(snapshot, 0, data[1:])
        with self.refused("ValidationException"):
            self.put(snapshot, 2048, data)
        with self.refused("ValidationException"):
            self.put(snapshot, 0, data, Checksum=checksum(b""))
        self.put(snapshot, 0, data)
        for how in [{"ChangedBlocksCount": 2}, {"ChangedBlocksCount": 1, "Checksum": checksum(data)}]:
            with self.refused("ValidationException"):
                self.ebs.complete_snapshot(SnapshotId=snapshot, **how)
        with self.refused("IncorrectState"):
            self.volume(SnapshotId=snapshot)
        with self.refused("ValidationException"):
            self.ebs.list_snapshot_blocks(SnapshotId=snapshot)
        linear = checksum(hashlib.sha256(data).digest())
        how = {"Checksum": linear, "ChecksumAlgorithm": "SHA256", "ChecksumAggregationMethod": "LINEAR"}
        self.ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=1, **how)
        with self.refused("ValidationException"):
            self.put(snapshot, 0, data)
        with self.refused("ResourceNotFoundException"):
            self.ebs.list_snapshot_blocks(SnapshotId="snap-00000000000000000")
        self.fault("ebs:StartSnapshot", "throttle")
        with self.refused("ThrottlingException"):
            self.ebs.start_snapshot(VolumeSize=1)


if __name__ == "__main__":
    unittest.main()
