//! What the tests of the helper share: a disk image on the bench, and looks at what is left of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bake::host::command::Tool;
use bake::host::helper::{Chroot, Command, Exit, Extent, Helper, Input, LoopDevice, Mount, Place, Stream};
use bake::host::{loops, sparse};

pub const ROOT: &str = "/run/bake/root";
const MIB: u64 = 1 << 20;

/// An image file in a directory of its own, and a helper.
pub struct Bench {
    directory: tempfile::TempDir,
    pub image: PathBuf,
    pub helper: Helper,
}

impl Bench {
    pub async fn new() -> Bench {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let image = directory.path().join("disk.raw");
        sparse::create(&image, 64 * MIB).expect("a sparse file");
        let helper = start().await;
        Bench {
            directory,
            image,
            helper,
        }
    }

    /// Attaches the image with two partitions.
    pub async fn attach(&self) -> (LoopDevice, Vec<PathBuf>) {
        let disk = self.helper.attach(&self.image, false).await.expect("attached");
        let extents = [extent(1, 1, 1), extent(2, 2, 60)];
        let partitions = self
            .helper
            .add_partitions(&disk.path, &extents)
            .await
            .expect("partitions");
        (disk, partitions)
    }

    /// Attaches the image with an ext4 on its second partition, mounted, with busybox in it and the chroot entered.
    pub async fn rooted(&self) -> LoopDevice {
        let (disk, partitions) = self.attach().await;
        let device = partitions[1].display().to_string();
        Tool::new("mkfs.ext4", &["-q", &device])
            .run_in(&self.helper)
            .await
            .expect("mkfs");
        self.mount(&device, "/", "ext4", &[]).await;
        self.fill().await;
        let chroot = Chroot {
            root: ROOT.into(),
            devices: Vec::new(),
        };
        self.helper.enter_chroot(chroot).await.expect("entered");
        disk
    }

    pub async fn mount(&self, source: &str, path: &str, kind: &str, options: &[&str]) {
        self.helper.make_dir(Path::new(ROOT)).await.expect("a directory");
        let mount = Mount {
            source: source.into(),
            target: Place::new(ROOT, path),
            kind: kind.into(),
            options: options.iter().map(|&one| one.to_owned()).collect(),
        };
        self.helper.mount(mount).await.expect("mounted");
    }

    /// A shell and what it takes, of Debian's busybox-static.
    pub async fn fill(&self) {
        let root = self.helper.root(Path::new(ROOT)).await.expect("the root");
        root.make_dirs("/bin").expect("a directory");
        root.make_dirs("/etc").expect("a directory");
        let busybox = fs::read("/bin/busybox").expect("busybox-static is installed");
        let program = bake::host::inside::Attributes {
            mode: Some(0o755),
            ..Default::default()
        };
        root.write("/bin/busybox", &busybox, &program).expect("written");
        for name in [
            "sh", "cat", "ls", "sleep", "mount", "id", "env", "dd", "setsid", "kill", "touch", "readlink", "ip",
        ] {
            root.symlink("busybox".as_ref(), &format!("/bin/{name}"))
                .expect("linked");
        }
        let users = b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n";
        root.write("/etc/passwd", users, &Default::default()).expect("written");
        root.write(
            "/etc/group",
            b"root:x:0:\nweb:x:34:\nextra:x:77:web\n",
            &Default::default(),
        )
        .expect("written");
    }

    /// Takes the root's mounts off and detaches.
    pub async fn put_away(&self, disk: &LoopDevice) {
        self.helper.leave_chroot(Path::new(ROOT)).await.expect("left");
        self.helper.unmount(Place::root(ROOT)).await.expect("unmounted");
        self.helper.detach(&disk.path).await.expect("detached");
    }

    /// Runs a script in the root; how it ended, and what it wrote.
    pub async fn sh(&self, script: &str) -> (Exit, String) {
        self.run(shell(script)).await
    }

    pub async fn run(&self, command: Command) -> (Exit, String) {
        let mut output = Vec::new();
        let collect = |_: Stream, bytes: &[u8]| output.extend_from_slice(bytes);
        let exit = self
            .helper
            .run(command, Input::Nothing, collect)
            .await
            .expect("it could be started");
        (exit, String::from_utf8_lossy(&output).into_owned())
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until nothing of the image is left: the kernel takes a moment after a process was killed.
    pub async fn until_gone(&self) {
        for _ in 0..1000 {
            if loops::holders(&self.image).expect("sysfs").is_empty() {
                return self.assert_gone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        self.assert_gone();
    }

    /// Nothing of the image is left on the host.
    pub fn assert_gone(&self) {
        assert_eq!(
            loops::holders(&self.image).expect("sysfs"),
            Vec::<String>::new(),
            "loop devices"
        );
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("proc");
        assert!(!mounts.contains(ROOT), "a mount in the host's namespace");
    }
}

pub async fn start() -> Helper {
    Helper::start(Some(Path::new(env!("CARGO_BIN_EXE_bake"))))
        .await
        .expect("a helper; these tests need root")
}

pub fn extent(number: u32, start: u64, size: u64) -> Extent {
    Extent {
        number,
        start: start * MIB,
        size: size * MIB,
    }
}

/// A script in the root.
pub fn shell(script: &str) -> Command {
    Command {
        argv: ["/bin/sh", "-ec", script].map(String::from).to_vec(),
        env: BTreeMap::from([("PATH".into(), "/bin".into())]),
        root: Some(ROOT.into()),
        ..Command::default()
    }
}
