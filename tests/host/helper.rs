//! Attach, mount, and leave nothing: at the orderly end, when the helper is killed, and when its owner is.

use std::os::unix::fs::FileExt;
use std::path::Path;

use bake::host::command::Tool;
use bake::host::helper::{self, Chroot, Exit, Mount, Place, ShownDevice};
use bake::host::locks::{self, Lock};
use bake::host::{Kind, loops};

use crate::bench::{Bench, ROOT, start};

#[tokio::test]
async fn a_whole_build_leaves_nothing() {
    let bench = Bench::new().await;
    let disk = bench.rooted().await;
    let (exit, output) = bench.sh("echo hello; echo world >&2; touch /made").await;
    assert_eq!(exit, Exit::Code(0));
    assert!(output.contains("hello") && output.contains("world"));
    bench.put_away(&disk).await;
    bench.assert_gone();
    let process = bench.helper.process();
    bench.helper.clone().end().await;
    assert!(!process.is_alive());
}

#[tokio::test]
async fn mounting_leaves_no_directory_of_its_own_in_the_image() {
    let bench = Bench::new().await;
    let (disk, partitions) = bench.attach().await;
    let device = partitions[1].display().to_string();
    Tool::new("mkfs.ext4", &["-q", &device])
        .run_in(&bench.helper)
        .await
        .expect("mkfs");
    bench.mount(&device, "/", "ext4", &[]).await;
    let chroot = Chroot {
        root: ROOT.into(),
        devices: Vec::new(),
    };
    bench.helper.enter_chroot(chroot).await.expect("entered");
    bench.helper.leave_chroot(Path::new(ROOT)).await.expect("left");
    let names = bench
        .helper
        .root(Path::new(ROOT))
        .await
        .expect("the root")
        .list("/")
        .expect("a list");
    assert_eq!(names, ["lost+found"]);
    bench.helper.unmount(Place::root(ROOT)).await.expect("unmounted");
    bench.helper.detach(&disk.path).await.expect("detached");
}

#[tokio::test]
async fn a_helper_that_ends_in_the_middle_leaves_nothing() {
    let bench = Bench::new().await;
    bench.rooted().await;
    bench.helper.clone().end().await;
    bench.until_gone().await;
}

#[tokio::test]
async fn a_helper_that_is_killed_leaves_nothing() {
    let bench = Bench::new().await;
    bench.rooted().await;
    bench.sh("sleep 1000 & echo").await;
    helper::end(&bench.helper.process()).expect("ended");
    bench.until_gone().await;
    let error = bench.helper.sync(Place::root(ROOT)).await.expect_err("nobody is there");
    assert_eq!(error.kind, Kind::Lost);
}

#[tokio::test]
async fn eight_helpers_at_once() {
    let mut all = tokio::task::JoinSet::new();
    for number in 0..8 {
        all.spawn(async move {
            let bench = Bench::new().await;
            let disk = bench.rooted().await;
            let (_, output) = bench.sh(&format!("echo {number} >/number; cat /number")).await;
            assert_eq!(output, format!("{number}\n"));
            bench.put_away(&disk).await;
            bench.assert_gone();
        });
    }
    all.join_all().await;
}

#[tokio::test]
async fn a_file_is_attached_once() {
    let bench = Bench::new().await;
    let disk = bench.helper.attach(&bench.image, false).await.expect("attached");
    let second = start().await;
    let error = second.attach(&bench.image, false).await.expect_err("it is in use");
    assert_eq!(error.kind, Kind::Busy, "{error}");
    bench.helper.detach(&disk.path).await.expect("detached");
    second.attach(&bench.image, true).await.expect("free again");
}

#[tokio::test]
async fn partitions_follow_the_table() {
    let bench = Bench::new().await;
    let (disk, _) = bench.attach().await;
    let other = [crate::bench::extent(2, 10, 20)];
    let devices = bench
        .helper
        .add_partitions(&disk.path, &other)
        .await
        .expect("other partitions");
    assert_eq!(devices, [loops::partition_path(&disk.path, 2)]);
    assert!(!loops::partition_path(&disk.path, 1).exists(), "the first is forgotten");
    let size = std::fs::read_to_string(format!("/sys/class/block/loop{}p2/size", disk.number)).expect("sysfs");
    assert_eq!(size.trim(), "40960");
    bench.helper.detach(&disk.path).await.expect("detached");
    assert!(!devices[0].exists());
}

#[tokio::test]
async fn raw_writes_to_a_partition_are_in_the_file() {
    let bench = Bench::new().await;
    let disk = bench.rooted().await;
    let partition = loops::partition_path(&disk.path, 1);
    let shown = ShownDevice {
        path: partition.clone(),
        links: vec!["disk/by-partlabel/boot".into()],
    };
    bench
        .helper
        .show_devices(Path::new(ROOT), &[shown])
        .await
        .expect("shown");
    let (exit, output) = bench
        .sh("dd if=/bin/busybox of=/dev/disk/by-partlabel/boot bs=1k count=300")
        .await;
    assert_eq!(exit, Exit::Code(0), "{output}");
    bench.put_away(&disk).await;
    let mut written = vec![0; 300 << 10];
    std::fs::File::open(&bench.image)
        .expect("the image")
        .read_exact_at(&mut written, 1 << 20)
        .expect("its bytes");
    let expected = std::fs::read("/bin/busybox").expect("busybox");
    assert!(written == expected[..300 << 10], "the image has other bytes");
}

#[tokio::test]
async fn a_full_store_is_an_error_when_the_image_is_written_back() {
    let bench = Bench::new().await;
    let store = "/run/bake/store";
    let helper = &bench.helper;
    helper.make_dir(Path::new(store)).await.expect("a directory");
    let tmpfs = Mount {
        source: "store".into(),
        target: Place::root(store),
        kind: "tmpfs".into(),
        options: vec!["size=24m".into()],
    };
    helper.mount(tmpfs).await.expect("a small store");
    let image = format!("{store}/disk.raw");
    Tool::new("truncate", &["-s", "200M", &image])
        .run_in(helper)
        .await
        .expect("a sparse file");
    let disk = helper.attach(Path::new(&image), false).await.expect("attached");
    let device = disk.path.display().to_string();
    Tool::new("mkfs.ext4", &["-q", &device])
        .run_in(helper)
        .await
        .expect("mkfs");
    bench.mount(&device, "/", "ext4", &[]).await;
    bench.fill().await;
    let (exit, output) = bench.sh("dd if=/dev/zero of=/big bs=1M count=60").await;
    // There is no /dev in this root: the file is made from what is at hand.
    assert_ne!(exit, Exit::Code(0), "{output}");
    let (exit, output) = bench
        .sh("for i in 1 2 3 4 5 6 7 8 9 10; do cat /bin/busybox /bin/busybox; done >/a; cat /a /a >/b")
        .await;
    assert_eq!(exit, Exit::Code(0), "the step does not notice: {output}");
    let error = helper.sync(Place::root(ROOT)).await.expect_err("bytes were lost");
    assert!(matches!(error.kind, Kind::Io | Kind::Full), "{error}");
}

#[tokio::test]
async fn an_open_root_keeps_it_mounted_and_it_can_be_tried_again() {
    let bench = Bench::new().await;
    let disk = bench.rooted().await;
    let root = bench.helper.root(Path::new(ROOT)).await.expect("the root");
    bench.helper.leave_chroot(Path::new(ROOT)).await.expect("left");
    let error = bench.helper.unmount(Place::root(ROOT)).await.expect_err("it is in use");
    assert_eq!(error.kind, Kind::Busy);
    drop(root);
    bench.helper.unmount(Place::root(ROOT)).await.expect("unmounted");
    bench.helper.detach(&disk.path).await.expect("detached");
}

#[tokio::test]
async fn a_kept_helper_lives_on_with_its_lock() {
    let bench = Bench::new().await;
    bench.rooted().await;
    let path = bench.directory().join("lock");
    let lock = Lock::try_take(&path, "test").expect("a lock file").expect("free");
    let kept = bench
        .helper
        .keep(vec![lock.share().expect("shared")])
        .await
        .expect("kept");
    lock.hand_over(kept, "test").expect("written");
    assert_eq!(kept, bench.helper.process());
    assert!(!locks::is_free(&path).expect("the lock file"));
    assert_eq!(loops::holders(&bench.image).expect("sysfs").len(), 1);
    let entered = bake()
        .args(helper::entering(&kept, Path::new(ROOT)))
        .args(["/bin/sh", "-c", "echo entered >/entered; exit 7"])
        .status()
        .expect("started");
    assert_eq!(entered.code(), Some(7));
    helper::end(&kept).expect("ended");
    bench.until_gone().await;
    assert!(locks::is_free(&path).expect("the lock file"));
}

#[tokio::test]
async fn a_mount_that_cannot_be_says_why() {
    let bench = Bench::new().await;
    let (_, partitions) = bench.attach().await;
    bench.helper.make_dir(Path::new(ROOT)).await.expect("a directory");
    let mut mount = Mount {
        source: partitions[1].display().to_string(),
        target: Place::root(ROOT),
        kind: "ext4".into(),
        options: Vec::new(),
    };
    let error = bench
        .helper
        .mount(mount.clone())
        .await
        .expect_err("there is no file system");
    assert_eq!(error.kind, Kind::Invalid, "{error}");
    mount.kind = "nosuchfs".into();
    let error = bench
        .helper
        .mount(mount.clone())
        .await
        .expect_err("there is no such kind");
    assert_eq!(error.kind, Kind::Unsupported, "{error}");
    mount.kind = "tmpfs".into();
    mount.options = vec!["size=nonsense".into()];
    let error = bench.helper.mount(mount).await.expect_err("that is no size");
    assert!(error.to_string().contains("size"), "{error}");
}

#[allow(clippy::disallowed_methods)] // As a person starts it.
fn bake() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_bake"))
}
