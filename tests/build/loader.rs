//! GRUB in its places: BIOS boot partition or gap, and the ESP, mounted or not.

use std::path::{Path, PathBuf};

use super::bench::*;

use bake::host::command::Tool;
use bake::host::{files, sparse};
use bake::nodes::filesystem::On;
use bake::nodes::volume::Origin;
use bake::nodes::{BootLoader, NodeError, Ref};
use bake::spec::{Architecture, PartitionTable};
use bake::units::Size;

async fn loader(bench: &mut Bench, targets: &[&str]) -> Result<(), NodeError> {
    let node = BootLoader {
        kind: "grub".to_owned(),
        architecture: Architecture::X86_64,
        partitions: Ref::new(bench.at("partitions", "root")),
        root: Ref::new(bench.at("filesystem", "root")),
        arguments: plain([("targets", list(targets)), ("serial", true.into())]),
        within: bench.surroundings(),
    };
    bench.open("boot_loader", "", node).await
}

async fn gpt(bench: &mut Bench, mount_esp: bool) {
    let entries = [
        ("bios", "bios-boot", Some(1)),
        ("esp", "esp", Some(40)),
        ("root", "linux-root", None),
    ];
    bench
        .disk(
            "root",
            Size::mib(128),
            Origin::Blank,
            table(PartitionTable::Gpt, &entries),
        )
        .await;
    bench
        .filesystem("root", "root", On::Number(3), make("ext4"))
        .await
        .unwrap();
    bench
        .filesystem("root", "esp", On::Number(2), make("vfat"))
        .await
        .unwrap();
    bench.mount("root", "/", &[]).await.unwrap();
    if mount_esp {
        bench.mount("esp", "/boot/efi", &["/"]).await.unwrap();
    }
    bench.fill().await;
}

/// A disk with both loaders, not sealed.
async fn with_loaders(mount_esp: bool) -> (Bench, PathBuf) {
    let mut bench = Bench::new();
    gpt(&mut bench, mount_esp).await;
    bench
        .shell(&["mkdir -p /boot", "touch /boot/vmlinuz-6.1 /boot/initrd.img-6.1"])
        .await
        .map_err(words)
        .unwrap();
    loader(&mut bench, &["bios", "uefi"]).await.map_err(words).unwrap();
    let config = bench.root().await.read("/boot/grub/grub.cfg").unwrap();
    let config = String::from_utf8(config).unwrap();
    assert!(
        config.contains("root=PARTUUID=aaaaaaaa-0000-8000-8000-000000000002"),
        "{config}"
    );
    bench.finish().await.map_err(words).unwrap();
    let file = bench.file("root").await;
    (bench, file)
}

/// Boot code, the BIOS boot partition, and the loader at the path of removable media.
async fn loaders_of(disk: &Path) -> [Vec<u8>; 3] {
    let bytes = files::read(disk).unwrap();
    let image = format!("{}@@2M", disk.display());
    let efi = Tool::new("mtype", &["-i", &image, "::/EFI/BOOT/BOOTX64.EFI"])
        .env("MTOOLS_SKIP_CHECK", "1")
        .run()
        .await
        .unwrap();
    [bytes[..440].to_vec(), bytes[1 << 20..2 << 20].to_vec(), efi]
}

/// Two builds a second apart, in two directories, of disks that are not sealed.
#[tokio::test(flavor = "multi_thread")]
async fn loaders_are_the_same_bytes_each_time() {
    let (_one, first) = with_loaders(true).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let (_other, second) = with_loaders(false).await;
    let (first, second) = (loaders_of(&first).await, loaders_of(&second).await);
    for (one, other) in first.iter().zip(&second) {
        assert!(one.iter().any(|byte| *byte != 0), "there is a loader");
        assert!(one == other, "its bytes depend on more than its input");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loaders_for_both_firmwares_are_on_the_disk() {
    for mount_esp in [true, false] {
        let (_bench, file) = with_loaders(mount_esp).await;
        let disk = files::read(&file).unwrap();
        assert_eq!(
            disk[0x5C..0x64],
            2048_u64.to_le_bytes(),
            "boot.img points to the BIOS boot partition"
        );
        assert_eq!(disk[510..512], [0x55, 0xAA], "the protective table is still there");
        assert_eq!(
            disk[(1 << 20) + 0x1F4..][..8],
            2049_u64.to_le_bytes(),
            "core.img is in it"
        );
        let image = format!("{}@@2M", file.display());
        let listed = Tool::new("mdir", &["-b", "-i", &image, "::/EFI/BOOT"])
            .env("MTOOLS_SKIP_CHECK", "1")
            .run()
            .await;
        assert!(
            String::from_utf8_lossy(&listed.unwrap()).contains("BOOTX64.EFI"),
            "mounted: {mount_esp}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let mut bench = Bench::new();
    gpt(&mut bench, false).await;
    let error = words(loader(&mut bench, &["bios"]).await.expect_err("there is no kernel"));
    assert!(
        error.contains("no kernel in /boot") && error.contains("linux-image"),
        "{error}"
    );
    bench.finish().await.map_err(words).unwrap();

    let mut bare = Bench::new();
    bare.rooted().await;
    bare.shell(&["mkdir -p /boot", "touch /boot/vmlinuz-6.1"])
        .await
        .map_err(words)
        .unwrap();
    bare.open(
        "filesystem",
        "x",
        bake::nodes::Filesystem {
            partitions: Ref::new(bare.at("partitions", "root")),
            on: On::Whole,
            action: bake::nodes::filesystem::Action::Use { grow: false },
            sealed: false,
            checked: false,
        },
    )
    .await
    .unwrap();
    let error = words(loader(&mut bare, &["bios"]).await.expect_err("there is no place"));
    assert!(error.contains("no place for GRUB's BIOS loader"), "{error}");
    bare.finish().await.map_err(words).unwrap();
}

/// A whole Debian; takes a minute and the network. `BAKE_TEST_KEEP` keeps the disk to be booted.
#[tokio::test(flavor = "multi_thread")]
async fn a_debian_that_boots() {
    let mut bench = Bench::new();
    let entries = [
        ("bios", "bios-boot", Some(1)),
        ("esp", "esp", Some(64)),
        ("root", "linux-root", None),
    ];
    bench
        .disk(
            "root",
            Size::mib(1536),
            Origin::Blank,
            table(PartitionTable::Gpt, &entries),
        )
        .await;
    bench
        .filesystem("root", "root", On::Number(3), make("ext4"))
        .await
        .unwrap();
    bench
        .filesystem("root", "esp", On::Number(2), make("vfat"))
        .await
        .unwrap();
    bench.mount("root", "/", &[]).await.unwrap();
    bench.mount("esp", "/boot/efi", &["/"]).await.unwrap();
    let packages = list(&["systemd-sysv", "linux-image-cloud-amd64"]);
    let debian = plain([("suite", "bookworm".into()), ("packages", packages)]);
    bench.bootstrap("debian", debian).await.map_err(words).unwrap();
    let root = bench.root().await;
    assert_eq!(root.read("/etc/hostname").unwrap(), b"localhost\n");
    assert!(root.link_metadata("/etc/resolv.conf").unwrap().is_none());
    drop(root);
    loader(&mut bench, &["bios", "uefi"]).await.map_err(words).unwrap();
    let lines = [
        "apt-get -qq update",
        "apt-get -qq -y install --no-install-recommends systemd-resolved",
        "ls -la /etc/*resolv* /etc/.*resolv* || true",
        "apt-get clean",
    ];
    bench.shell(&lines).await.map_err(words).unwrap();
    let link = bench.root().await.read_link("/etc/resolv.conf").unwrap();
    assert_eq!(link, "../run/systemd/resolve/stub-resolv.conf", "{}", bench.output());
    bench.finish().await.map_err(words).unwrap();
    if let Some(keep) = std::env::var_os("BAKE_TEST_KEEP") {
        sparse::copy(&bench.file("root").await, std::path::Path::new(&keep)).unwrap();
    }
}
