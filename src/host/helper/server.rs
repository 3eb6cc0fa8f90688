//! Pid 1 of the helper's namespaces: does what it is asked, one thing at a time, and holds what comes of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::mount::MountFlags;
use rustix::process::{Signal, WaitOptions};

use super::outer::ask_to_keep;
use super::private;
use super::protocol::{Answer, Open, Place, Request};
use super::run;
use super::wire::{Channel, Frame};
use crate::host::chroot::Entered;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::files;
use crate::host::inside::Root;
use crate::host::loops::{self, Loop};
use crate::host::machine::Process;
use crate::host::mounts::{Links, Mounted};

/// Permission bits that new files do not get, in the helper and its commands.
const UMASK: u32 = 0o022;

/// Serves until bake closes the socket. What is held then goes with this process.
///
/// # Errors
/// When it cannot begin; bake has been told.
pub(super) fn serve() -> Result<()> {
    let (channel, control) = sockets().doing(|| "start the helper".into())?;
    let begun = begin();
    let answer = begun.clone().map_or_else(Answer::Failed, |()| Answer::Done);
    channel.send_message(&answer, &[])?;
    begun?;
    let mut held = Held::default();
    while let Some(frame) = channel.receive()? {
        let request = frame.message()?;
        match request {
            // What it was to stop has ended by itself.
            Request::Stop => {}
            Request::Keep => return keep(&channel, control, frame.descriptors, &held),
            request => held.answer(request, frame, &channel)?,
        }
    }
    held.drop_in_order();
    Ok(())
}

/// The one to bake is standard input, the one to the outer process standard output. Commands shall have neither.
fn sockets() -> std::io::Result<(Channel, UnixStream)> {
    let channel = Channel::new(std::io::stdin().as_fd().try_clone_to_owned()?);
    let control = UnixStream::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    Ok((channel, control))
}

/// Its own view of processes, and a place for mounts that nobody else sees.
fn begin() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).doing(|| "tie the helper to bake".into())?;
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(UMASK));
    let hardened = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", "/proc", "proc", hardened, None).doing(|| "mount /proc".into())?;
    private::mount()
}

/// Everything that goes when this process ends.
#[derive(Default)]
struct Held {
    loops: BTreeMap<PathBuf, Loop>,
    /// In the order in which they were made.
    mounts: Vec<Mounted>,
    chroots: BTreeMap<PathBuf, Entered>,
}

impl Held {
    fn answer(&mut self, request: Request, frame: Frame, channel: &Channel) -> Result<()> {
        let mut descriptors = Vec::new();
        let done = match request {
            Request::Run(command) => match run::run(&command, frame.descriptors, channel) {
                Err(error) if error.kind == Kind::Lost => return Err(error),
                other => other.map(Answer::Ended),
            },
            Request::Open { place, how } => open(&place, how).map(|opened| {
                descriptors.push(opened);
                Answer::Done
            }),
            request => self.change(request),
        };
        let answer = done.unwrap_or_else(Answer::Failed);
        let beside: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        channel.send_message(&answer, &beside)
    }

    fn change(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Attach { file, read_only } => return self.attach(&file, read_only),
            Request::Detach { device } => self.detach(&device)?,
            Request::Flush { device } => loops::flush(&device)?,
            Request::AddPartitions { device, partitions } => {
                return loops::add_partitions(&device, &partitions).map(Answer::Partitions);
            }
            Request::MakeDir { path } => files::create_dir_all(&path)?,
            Request::Mount(mount) => self.mounts.push(Mounted::mount(&mount, Links::Follow)?),
            Request::Sync(place) => self.mounts[self.find(&place)?].sync()?,
            Request::Discard(place) => self.mounts[self.find(&place)?].discard()?,
            Request::Unmount(place) => {
                let at = self.find(&place)?;
                self.unmount(at)?;
            }
            Request::EnterChroot(chroot) => {
                let entered = Entered::enter(&chroot)?;
                self.chroots.insert(chroot.root, entered);
            }
            Request::LeaveChroot { root } => self.leave(&root)?,
            Request::ShowDevices { root, devices } => {
                let entered = self.chroots.get(&root).ok_or_else(|| no_chroot(&root))?;
                entered.show(&devices)?;
            }
            Request::Run(_) | Request::Open { .. } | Request::Stop | Request::Keep => {
                unreachable!("answered by the callers")
            }
        }
        Ok(Answer::Done)
    }

    fn attach(&mut self, file: &Path, read_only: bool) -> Result<Answer> {
        let attached = Loop::attach(file, read_only)?;
        let device = super::LoopDevice {
            path: attached.path(),
            number: attached.number(),
        };
        self.loops.insert(device.path.clone(), attached);
        Ok(Answer::Attached(device))
    }

    fn detach(&mut self, device: &Path) -> Result<()> {
        let held = self.loops.remove(device).ok_or_else(|| {
            let operation = format!("detach {}", device.display());
            HostError::new(Kind::NotFound, operation, "this helper does not hold it")
        })?;
        held.detach()
    }

    /// One that is busy stays in the list, to be tried again.
    fn unmount(&mut self, at: usize) -> Result<()> {
        let done = self.mounts[at].unmount();
        if done.as_ref().is_err_and(|error| error.kind == Kind::Busy) {
            return done;
        }
        self.mounts.remove(at);
        done
    }

    /// One that could not be entered needs no leaving.
    fn leave(&mut self, root: &Path) -> Result<()> {
        if let Some(entered) = self.chroots.get_mut(root) {
            entered.leave()?;
        }
        self.chroots.remove(root);
        Ok(())
    }

    /// The newest mount at a place.
    fn find(&self, place: &Place) -> Result<usize> {
        self.mounts
            .iter()
            .rposition(|mounted| mounted.place() == place)
            .ok_or_else(|| {
                HostError::new(
                    Kind::NotFound,
                    format!("find the mount at {}", place.path),
                    "nothing is mounted there",
                )
            })
    }

    /// Lets go of descriptors on mounts; the namespace's end unmounts, and the loop devices' last close frees them.
    fn drop_in_order(self) {
        run::kill_all();
        drop(self.chroots);
        drop(self.mounts);
        drop(self.loops);
    }
}

fn no_chroot(root: &Path) -> HostError {
    let operation = format!("find the chroot of {}", root.display());
    HostError::new(Kind::NotFound, operation, "it was not entered")
}

fn open(place: &Place, how: Open) -> Result<OwnedFd> {
    let root = Root::open(&place.root)?;
    match how {
        Open::Read => root.open_file(&place.path).map(OwnedFd::from),
        Open::Create { mode } => root.create_file(&place.path, mode).map(OwnedFd::from),
        Open::Directory => root.open_dir(&place.path),
    }
}

/// Lives on without bake, holding everything and the locks that came beside, until it is killed.
fn keep(channel: &Channel, mut control: UnixStream, locks: Vec<OwnedFd>, held: &Held) -> Result<()> {
    let kept: Result<Process> = ask_to_keep(&mut control);
    let answer = kept.clone().map_or_else(Answer::Failed, Answer::Kept);
    channel.send_message(&answer, &[])?;
    kept?;
    // The end of the outer process is the end of this one, by its death signal and by this socket.
    loop {
        let mut polled = [PollFd::new(&control, PollFlags::empty())];
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        let ended = rustix::event::poll(&mut polled, Some(&second)).is_ok_and(|count| count > 0);
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        if ended {
            drop(locks);
            let _ = held;
            return Ok(());
        }
    }
}
