//! Tables, file systems and mounts: what a step writes is in the volume, and reads back by the kernel or its own tools.

use super::bench::*;

use bake::host::command::Tool;
use bake::host::files;
use bake::nodes::filesystem::{Action, On};
use bake::nodes::partitions::Table;
use bake::nodes::volume::Origin;
use bake::spec::{PartitionTable, RootPartition};
use bake::units::Size;

#[tokio::test(flavor = "multi_thread")]
async fn a_tiny_image_from_scratch() {
    let mut bench = Bench::new();
    bench.rooted().await;
    bench
        .shell(&["echo hello > /etc/motd", "cat /etc/motd"])
        .await
        .map_err(words)
        .unwrap();
    assert_eq!(bench.output(), "hello");
    let root = bench.root().await;
    assert_eq!(root.read("/etc/motd").unwrap(), b"hello\n");
    drop(root);
    bench.finish().await.map_err(words).unwrap();
}

/// A data file system in each kind of table, written by a step, then read from a volume made of its snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn every_file_system_in_every_table_reads_back() {
    for table_kind in [Some(PartitionTable::Gpt), Some(PartitionTable::Mbr), None] {
        for kind in ["ext4", "xfs", "btrfs", "vfat"] {
            reads_back(table_kind, kind).await;
        }
    }
}

async fn reads_back(table_kind: Option<PartitionTable>, kind: &str) {
    let what = format!("{kind} in {table_kind:?}");
    let (layout, on) = match table_kind {
        Some(table_kind) => (
            table(table_kind, &[("pad", "linux", Some(2)), ("data", "linux", None)]),
            On::Number(2),
        ),
        None => (Table::None, On::Whole),
    };
    let mut bench = Bench::new();
    bench.rooted().await;
    bench.disk("data", Size::mib(340), Origin::Blank, layout).await;
    bench
        .filesystem("data", "data", on.clone(), make(kind))
        .await
        .map_err(words)
        .expect(&what);
    bench
        .mount("data", "/srv/data", &["/"])
        .await
        .map_err(words)
        .expect(&what);
    let lines = [
        "mkdir /srv/data/sub",
        "echo written > /srv/data/sub/file.txt",
        "grep ' /srv/data ' /proc/mounts",
    ];
    bench.shell(&lines).await.map_err(words).expect(&what);
    assert!(bench.output().contains("/dev/loop"), "{what}: {}", bench.output());
    bench.finish().await.map_err(words).expect(&what);
    let snapshot = bench.snapshot("data").await;

    let mut copy = bench.again("copy");
    copy.rooted().await;
    let read = if table_kind.is_some() {
        Table::Read { grow: true }
    } else {
        Table::None
    };
    copy.disk("data", Size::mib(400), Origin::Snapshot(snapshot), read)
        .await;
    let grow = kind != "vfat";
    copy.filesystem("data", "data", on, Action::Use { grow })
        .await
        .map_err(words)
        .expect(&what);
    copy.mount("data", "/srv/data", &["/"])
        .await
        .map_err(words)
        .expect(&what);
    copy.shell(&["cat /srv/data/sub/file.txt"])
        .await
        .map_err(words)
        .expect(&what);
    assert!(copy.output().ends_with("written"), "{what}: {}", copy.output());
    copy.finish().await.map_err(words).expect(&what);
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_writes_of_a_step_are_in_the_volume() {
    let mut bench = Bench::new();
    let layout = table(
        PartitionTable::Gpt,
        &[("bios", "bios-boot", Some(1)), ("root", "linux-root", None)],
    );
    bench.disk("root", Size::mib(64), Origin::Blank, layout).await;
    bench
        .filesystem("root", "root", On::Number(2), make("ext4"))
        .await
        .unwrap();
    bench.mount("root", "/", &[]).await.unwrap();
    bench.fill().await;
    bench
        .shell(&["printf raw-bytes | dd of=$(ls /dev/loop*p1) conv=notrunc"])
        .await
        .map_err(words)
        .unwrap();
    bench.finish().await.map_err(words).unwrap();
    let disk = files::read(&bench.file("root").await).unwrap();
    assert_eq!(&disk[1 << 20..][..9], b"raw-bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fat_is_written_back_changed_and_refuses_what_it_cannot_hold() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let layout = table(PartitionTable::Gpt, &[("esp", "esp", None)]);
    bench.disk("boot", Size::mib(48), Origin::Blank, layout).await;
    bench
        .filesystem("boot", "esp", On::Number(1), make("vfat"))
        .await
        .unwrap();
    bench.mount("esp", "/boot/efi", &["/"]).await.unwrap();
    let lines = [
        "cd /boot/efi",
        "mkdir EFI",
        "echo one > EFI/one",
        "echo two > EFI/two",
        "echo Big > 'A long name.txt'",
    ];
    bench.shell(&lines).await.map_err(words).unwrap();
    bench.finish().await.map_err(words).unwrap();
    let snapshot = bench.snapshot("boot").await;

    let mut copy = bench.again("copy");
    copy.rooted().await;
    copy.disk(
        "boot",
        Size::mib(48),
        Origin::Snapshot(snapshot),
        Table::Read { grow: false },
    )
    .await;
    copy.filesystem("boot", "esp", On::Number(1), Action::Use { grow: false })
        .await
        .unwrap();
    copy.mount("esp", "/boot/efi", &["/"]).await.unwrap();
    let lines = [
        "cd /boot/efi",
        "cat 'A long name.txt'",
        "rm EFI/one",
        "echo 2 > EFI/two",
        "echo three > EFI/three",
    ];
    copy.shell(&lines).await.map_err(words).unwrap();
    assert_eq!(copy.output(), "Big");
    copy.finish().await.map_err(words).unwrap();
    let image = format!("{}@@1M", copy.file("boot").await.display());
    let show = |path: &str| Tool::new("mtype", &["-i", &image, path]).env("MTOOLS_SKIP_CHECK", "1");
    assert_eq!(show("::/EFI/two").run().await.unwrap(), b"2\n");
    assert_eq!(show("::/EFI/three").run().await.unwrap(), b"three\n");
    assert!(show("::/EFI/one").run().await.is_err());

    let mut bad = copy.again("bad");
    bad.rooted().await;
    bad.disk(
        "boot",
        Size::mib(48),
        Origin::Blank,
        table(PartitionTable::Gpt, &[("esp", "esp", None)]),
    )
    .await;
    bad.filesystem("boot", "esp", On::Number(1), make("vfat"))
        .await
        .unwrap();
    bad.mount("esp", "/boot/efi", &["/"]).await.unwrap();
    bad.shell(&["touch /boot/efi/a /boot/efi/A"])
        .await
        .map_err(words)
        .unwrap();
    let error = words(bad.finish().await.expect_err("two names that a FAT holds as one"));
    assert!(error.contains("only in case"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_of_a_source_is_found_by_its_content() {
    let mut bench = Bench::new();
    let layout = table(PartitionTable::Mbr, &[("data", "83", Some(16)), ("root", "83", None)]);
    bench.disk("root", Size::mib(80), Origin::Blank, layout).await;
    bench
        .filesystem("root", "data", On::Number(1), make("ext4"))
        .await
        .unwrap();
    bench
        .filesystem("root", "root", On::Number(2), make("ext4"))
        .await
        .unwrap();
    bench.mount("root", "/", &[]).await.unwrap();
    bench.fill().await;
    bench.finish().await.map_err(words).unwrap();
    let snapshot = bench.snapshot("root").await;

    let mut copy = bench.again("copy");
    copy.disk(
        "root",
        Size::mib(80),
        Origin::Snapshot(snapshot),
        Table::Read { grow: false },
    )
    .await;
    let on = On::Root(RootPartition::Auto);
    copy.filesystem("root", "root", on, Action::Use { grow: false })
        .await
        .map_err(words)
        .unwrap();
    copy.mount("root", "/", &[]).await.unwrap();
    copy.shell(&["grep ' / ' /proc/mounts"]).await.map_err(words).unwrap();
    assert!(copy.output().contains("p2 "), "{}", copy.output());
    copy.finish().await.map_err(words).unwrap();
}
