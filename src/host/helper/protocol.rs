//! What bake and its helper say to each other: one request, one answer, descriptors beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::host::error::HostError;
use crate::host::machine::Process;

/// Where the helper keeps mount points: a tmpfs that only its own mount namespace sees.
pub const PRIVATE: &str = "/run/bake";

/// Where a step finds the files that are handed to it ([`Command::files`]): on a tmpfs of its own, never in the image.
pub const HANDED: &str = "/run/bake/step";

/// What the helper is asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A file as a loop device.
    Attach {
        /// The file, absolute.
        file: PathBuf,
        /// Whether writes are refused.
        read_only: bool,
    },
    /// Flushes a loop device, gives it back, and makes sure that the kernel has let go of the file.
    Detach {
        /// `/dev/loop0`.
        device: PathBuf,
    },
    /// Flushes a block device that bake did not attach (fsync of it and of its partitions).
    Flush {
        /// `/dev/nvme1n1`.
        device: PathBuf,
    },
    /// Tells the kernel of partitions.
    AddPartitions {
        /// The whole disk.
        device: PathBuf,
        /// What it shall show.
        partitions: Vec<Extent>,
    },
    /// Makes a directory and its parents, in the helper's namespace.
    MakeDir {
        /// Absolute.
        path: PathBuf,
    },
    /// Mounts.
    Mount(Mount),
    /// Writes a mounted file system back; the error of earlier writes comes out here.
    Sync(Place),
    /// Writes it back, and tells its device which blocks it does not use.
    Discard(Place),
    /// Writes it back and unmounts it.
    Unmount(Place),
    /// The mounts of a chroot.
    EnterChroot(Chroot),
    /// Takes them off.
    LeaveChroot {
        /// The image's root.
        root: PathBuf,
    },
    /// Shows devices in the private `/dev` of a chroot.
    ShowDevices {
        /// The image's root.
        root: PathBuf,
        /// Which.
        devices: Vec<ShownDevice>,
    },
    /// Runs a command; its descriptors come beside.
    Run(Box<Command>),
    /// Ends the command that runs. Not answered by itself: the answer to `Run` says so.
    Stop,
    /// Opens something inside a root; the answer brings the descriptor.
    Open {
        /// Where.
        place: Place,
        /// How.
        how: Open,
    },
    /// The helper outlives bake, with the descriptors beside held open (locks).
    Keep,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done; for `Open` with a descriptor beside.
    Done,
    /// Attached.
    Attached(LoopDevice),
    /// The devices, in the order asked.
    Partitions(Vec<PathBuf>),
    /// A command ended.
    Ended(Exit),
    /// The helper stays.
    Kept(Process),
    /// Not done.
    Failed(HostError),
}

/// A loop device that the helper holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopDevice {
    /// `/dev/loop0`.
    pub path: PathBuf,
    /// 0.
    pub number: u32,
}

/// Where a partition lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// From 1.
    pub number: u32,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// A path inside a root, resolved by the kernel so that no link leads out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The root, as the helper sees it: `/run/bake/root`.
    pub root: PathBuf,
    /// In the root: `/`, `/boot/efi`.
    pub path: String,
}

impl Place {
    /// A path in a root.
    pub fn new(root: impl Into<PathBuf>, path: impl Into<String>) -> Place {
        Place {
            root: root.into(),
            path: path.into(),
        }
    }

    /// The root itself.
    pub fn root(root: impl Into<PathBuf>) -> Place {
        Place::new(root, "/")
    }
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// A device, a path of the host for `bind`, or free text (tmpfs: what mountinfo shows as the source).
    pub source: String,
    /// Where; the target is made if it is missing, and removed at the unmount if it was made.
    pub target: Place,
    /// `ext4`, `tmpfs`, `proc`, ..., or `bind` (with everything mounted below it).
    pub kind: String,
    /// As in fstab: `ro`, `nosuid`, `nouuid`, `size=64M`, ...
    pub options: Vec<String>,
}

/// The surroundings of steps: private `/dev`, `/proc`, read-only `/sys`, an empty `/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chroot {
    /// The image's root.
    pub root: PathBuf,
    /// Devices of the image itself.
    pub devices: Vec<ShownDevice>,
}

/// A block device of the image as its steps see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDevice {
    /// `/dev/loop0p3`, on the host and in the image alike.
    pub path: PathBuf,
    /// Links to it, under `/dev`: `disk/by-uuid/UUID`.
    pub links: Vec<String>,
}

/// A command. Its environment is `env` and nothing else (`HOME` is added from the passwd file if it is missing).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments; a name without a slash is looked up in `env`'s `PATH`.
    pub argv: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Where it starts; `/` if not given.
    pub directory: Option<String>,
    /// The image's root, which becomes its `/` in a mount namespace of its own; `None`: the host's file system.
    pub root: Option<PathBuf>,
    /// Name or number, with `:group` if not the user's own; looked up inside the root. `None`: root.
    pub user: Option<String>,
    /// Resource limits by name (`nofile`, `nproc`, `as`, `cpu`, `fsize`, `core`, `stack`, `data`), soft and hard alike.
    pub limits: BTreeMap<String, u64>,
    /// After this it is killed.
    pub timeout: Option<Duration>,
    /// What network it sees.
    pub network: Network,
    /// Files that it finds under [`HANDED`].
    pub files: Vec<HandedFile>,
    /// Mounts that only it sees, made in order; targets are inside its root.
    pub mounts: Vec<Mount>,
    /// Whether the descriptors beside are a terminal that becomes its controlling terminal.
    pub terminal: bool,
    /// Whether nothing that it writes is worth a flush.
    pub unflushed: bool,
}

/// What network a command sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The host's.
    #[default]
    Host,
    /// Loopback only.
    None,
}

/// A file handed to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFile {
    /// Name under [`HANDED`], without a slash.
    pub name: String,
    /// Its bytes.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// With an exit status.
    Code(i32),
    /// By a signal of its own making.
    Signal(i32),
    /// Killed after its timeout.
    TimedOut,
    /// Killed by a request to stop.
    Stopped,
}

/// One of the two streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How something is opened inside a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// A file for reading.
    Read,
    /// A file for writing, emptied or made with these permission bits.
    Create {
        /// Permission bits.
        mode: u32,
    },
    /// A directory.
    Directory,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
}
