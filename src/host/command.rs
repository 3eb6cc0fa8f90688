//! Programs of the builder host: found with the Debian package that brings them, run, and their complaints kept.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::error::{Explain, HostError, Kind, Result};
use super::helper::{Command, Exit, Helper, Input, Mount, Stream};
use super::sys;

/// Where host programs are looked for when bake's own `PATH` leaves out the administrator's.
const FURTHER: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Bytes of a program's complaints that an error carries.
const TAIL: usize = 4096;

/// Program to Debian package.
const PACKAGES: &[(&str, &str)] = &[
    ("ansible-playbook", "ansible"),
    ("apt-get", "apt"),
    ("blkid", "util-linux"),
    ("btrfs", "btrfs-progs"),
    ("debootstrap", "debootstrap"),
    ("debugfs", "e2fsprogs"),
    ("dpkg-deb", "dpkg"),
    ("e2fsck", "e2fsprogs"),
    ("fsck.vfat", "dosfstools"),
    ("grub-editenv", "grub-common"),
    ("grub-mkimage", "grub-common"),
    ("mcopy", "mtools"),
    ("mdir", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.erofs", "erofs-utils"),
    ("mkfs.ext2", "e2fsprogs"),
    ("mkfs.ext3", "e2fsprogs"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mkfs.xfs", "xfsprogs"),
    ("mksquashfs", "squashfs-tools"),
    ("mkswap", "util-linux"),
    ("mmd", "mtools"),
    ("mmdebstrap", "mmdebstrap"),
    ("mtype", "mtools"),
    ("newgidmap", "uidmap"),
    ("newuidmap", "uidmap"),
    ("qemu-img", "qemu-utils"),
    ("resize2fs", "e2fsprogs"),
    ("tar", "tar"),
    ("tune2fs", "e2fsprogs"),
    ("unsquashfs", "squashfs-tools"),
    ("xfs_admin", "xfsprogs"),
    ("xfs_growfs", "xfsprogs"),
    ("xfs_repair", "xfsprogs"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// A program of the host with its arguments.
#[derive(Debug, Clone, Default)]
pub struct Tool {
    /// Name or path.
    pub program: String,
    /// Arguments.
    pub arguments: Vec<String>,
    /// Added to bake's own environment, over it.
    pub env: BTreeMap<String, String>,
    /// What it reads on standard input.
    pub input: Vec<u8>,
    /// Where it runs; bake's own directory if not given.
    pub directory: Option<PathBuf>,
    /// How many bytes it may write to standard output, and as many to standard error, before it is killed.
    pub most: Option<u64>,
    /// Mounts that only it sees, if it runs in a helper.
    pub mounts: Vec<Mount>,
    /// Whether nothing that it writes is worth a flush, if it runs in a helper: a file that is read once and goes.
    pub unflushed: bool,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub exit: Exit,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub complaints: Vec<u8>,
}

impl Tool {
    /// A program with arguments.
    pub fn new(program: &str, arguments: &[&str]) -> Tool {
        Tool {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
            ..Tool::default()
        }
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Tool {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Gives it bytes to read.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Tool {
        self.input = bytes.into();
        self
    }

    /// Runs it as a child of bake and answers what it wrote to standard output. It is killed if the future is dropped, and
    /// when bake dies.
    ///
    /// # Errors
    /// [`Kind::NotFound`] with the package to install; [`Kind::Failed`] with the end of what it complained of.
    pub async fn run(&self) -> Result<Vec<u8>> {
        let output = self.start().await.doing(|| format!("run {}", self.line()));
        let output = output?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failed(&self.line(), &ended(output.status), &output.stderr))
    }

    async fn start(&self) -> std::io::Result<std::process::Output> {
        let program = find(&self.program).map_err(std::io::Error::other)?;
        let mut command = tokio::process::Command::new(program);
        command.args(&self.arguments).envs(&self.env).kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        sys::dies_with_us(&mut command);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("it was asked for above");
        let feed = async {
            // A program that does not read to the end is no error of ours: its exit status tells.
            let _ = stdin.write_all(&self.input).await;
            drop(stdin);
        };
        let most = self.most.unwrap_or(u64::MAX);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let read = async { tokio::try_join!(all_of(stdout, most), all_of(stderr, most)) };
        let (stdout, stderr) = tokio::join!(feed, read).1?;
        let status = child.wait().await?;
        Ok(std::process::Output { status, stdout, stderr })
    }

    /// Runs it as a child of the helper, in its namespaces but on the host's file system, and answers what it wrote to
    /// standard output.
    ///
    /// # Errors
    /// As [`Tool::run`].
    pub async fn run_in(&self, helper: &Helper) -> Result<Vec<u8>> {
        let ended = self.ask_in(helper).await?;
        match ended.exit {
            Exit::Code(0) => Ok(ended.output),
            exit => Err(failed(&self.line(), &exit.to_string(), &ended.complaints)),
        }
    }

    /// The same of a program whose exit status is an answer.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn ask_in(&self, helper: &Helper) -> Result<Ended> {
        let (mut output, mut complaints) = (Vec::new(), Vec::new());
        let exit = helper.run(
            self.command()?,
            Input::Bytes(self.input.clone()),
            |stream, bytes| match stream {
                Stream::Output => output.extend_from_slice(bytes),
                Stream::Error => complaints.extend_from_slice(bytes),
            },
        );
        let exit = exit.await?;
        Ok(Ended {
            exit,
            output,
            complaints,
        })
    }

    fn command(&self) -> Result<Command> {
        let program = find(&self.program)?;
        let mut env = BTreeMap::from([
            ("PATH".to_owned(), search_path()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ]);
        env.extend(self.env.clone());
        Ok(Command {
            argv: std::iter::once(program.display().to_string())
                .chain(self.arguments.clone())
                .collect(),
            env,
            directory: self.directory.as_ref().map(|directory| directory.display().to_string()),
            mounts: self.mounts.clone(),
            unflushed: self.unflushed,
            ..Command::default()
        })
    }

    /// Program and arguments, as people would type them.
    pub fn line(&self) -> String {
        std::iter::once(self.program.as_str())
            .chain(self.arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// All that a program writes, if it is not more than so many bytes.
async fn all_of(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
    }
    match bytes.len() as u64 > most {
        true => Err(std::io::Error::other(format!("it wrote more than {most} bytes"))),
        false => Ok(bytes),
    }
}

/// Where a program of the host is. A name with a slash is taken as it stands.
///
/// # Errors
/// [`Kind::NotFound`], with the Debian package to install if that is known.
pub fn find(program: &str) -> Result<PathBuf> {
    if program.contains('/') {
        return is_program(Path::new(program))
            .then(|| program.into())
            .ok_or_else(|| missing(program));
    }
    let path = search_path();
    let found = path
        .split(':')
        .map(|directory| Path::new(directory).join(program))
        .find(|path| is_program(path));
    found.ok_or_else(|| missing(program))
}

/// The Debian package that brings a program.
pub fn package_of(program: &str) -> Option<&'static str> {
    let known = PACKAGES.iter().find(|(name, _)| *name == program);
    known.map(|(_, package)| *package)
}

/// bake's `PATH`, with the administrator's directories.
pub fn search_path() -> String {
    let mut path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    for directory in FURTHER {
        if !path.split(':').any(|one| one == *directory) {
            path.push(':');
            path.push_str(directory);
        }
    }
    path
}

/// This program again: by the file that runs, so that an upgrade under way cannot put another in its place.
pub(super) fn this_program(executable: Option<&Path>) -> std::process::Command {
    program(executable.unwrap_or(Path::new("/proc/self/exe")))
}

/// A child process that the rest of `host` sets up.
#[allow(clippy::disallowed_methods)] // This is the place where child processes begin.
pub(super) fn program(name: impl AsRef<OsStr>) -> std::process::Command {
    std::process::Command::new(name)
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn ended(status: std::process::ExitStatus) -> String {
    status.to_string()
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit status {code}"),
            Exit::Signal(signal) => write!(f, "killed by signal {signal}"),
            Exit::TimedOut => f.write_str("killed after its timeout"),
            Exit::Stopped => f.write_str("stopped"),
        }
    }
}

fn missing(program: &str) -> HostError {
    let error = HostError::new(
        Kind::NotFound,
        format!("run {program}"),
        "there is no such program on this host",
    );
    match package_of(program) {
        Some(package) => error.help(format!("install it: apt install {package}")),
        None => error,
    }
}

fn failed(line: &str, how: &str, complaints: &[u8]) -> HostError {
    let tail = &complaints[complaints.len().saturating_sub(TAIL)..];
    let tail = String::from_utf8_lossy(tail);
    let reason = match tail.trim() {
        "" => how.to_owned(),
        words => format!("{how}\n{words}"),
    };
    HostError::new(Kind::Failed, format!("run `{line}`"), reason)
}
