//! bake's end of the helper: starts it, asks it one thing at a time, and ends it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::{mpsc as streams, oneshot};

use super::protocol::{
    Answer, Chroot, Command, Exit, Extent, LoopDevice, Mount, Open, Place, Request, ShownDevice, Stream,
};
use super::wire::Channel;
use super::worker;
use crate::host::error::{Explain, HostError, Kind, Result};
use crate::host::inside::Root;
use crate::host::machine::Process;

/// Chunks of output that wait for a slow reader before the command is made to wait.
const WAITING_CHUNKS: usize = 16;

/// A handle on a helper process. Clones are handles on the same one; when the last is gone it ends.
#[derive(Debug, Clone)]
pub struct Helper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) jobs: mpsc::Sender<Job>,
    /// For `Stop`, which does not wait for its turn.
    pub(super) urgent: Arc<Mutex<Channel>>,
    /// How many stops there were: a command that was asked for before the last of them does not start.
    pub(super) stops: Arc<AtomicU64>,
    /// [`Job::serial`] of what is under way. It changes only under the lock of `urgent`.
    pub(super) under_way: Arc<AtomicU64>,
    /// How many jobs there were.
    pub(super) serials: AtomicU64,
    pub(super) process: Process,
}

/// What a command reads.
#[derive(Debug)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file, pipe or socket.
    Descriptor(OwnedFd),
}

/// Something for the helper's thread to do.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) descriptors: Vec<OwnedFd>,
    pub(super) output: Option<streams::Sender<(Stream, Vec<u8>)>>,
    /// [`Shared::stops`] when it was asked for, if a stop keeps it from starting.
    pub(super) stops: Option<u64>,
    /// Which one it is; the first is 1.
    pub(super) serial: u64,
    pub(super) reply: oneshot::Sender<Result<Reply>>,
}

/// An answer with the descriptors beside it.
pub(super) type Reply = (Answer, Vec<OwnedFd>);

/// A command that somebody waits for. It is stopped when nobody does any more: a command that writes nothing would not
/// notice otherwise, and the helper would be busy until its end.
struct Awaited<'a> {
    shared: &'a Shared,
    serial: u64,
    /// Gone once the answer has come.
    answer: Option<oneshot::Receiver<Result<Reply>>>,
}

impl Awaited<'_> {
    async fn exit(mut self) -> Result<Exit> {
        let answer = self.answer.as_mut().expect("it is taken only below and in `drop`");
        let reply = answer.await;
        self.answer = None;
        ended(reply.map_err(|_| lost())??.0)
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        // First: a command that waits for its turn does not start when nobody waits for it.
        if self.answer.take().is_some() {
            let urgent = self.shared.urgent.lock().unwrap_or_else(PoisonError::into_inner);
            if self.shared.under_way.load(Ordering::SeqCst) == self.serial {
                // A helper that is gone has stopped.
                let _ = urgent.send_message(&Request::Stop, &[]);
            }
        }
    }
}

impl Helper {
    /// Starts a helper: this program again, in namespaces of its own.
    ///
    /// `executable` is what is started instead of this program (tests drive the library with the real binary).
    ///
    /// # Errors
    /// [`Kind::Denied`] if bake does not run as root.
    pub async fn start(executable: Option<&Path>) -> Result<Helper> {
        let executable = executable.map(Path::to_owned);
        let (report, reported) = oneshot::channel();
        // The death signal follows the thread that started the process, so this thread lives as long as the helper.
        std::thread::Builder::new()
            .name("helper".into())
            .spawn(move || worker::work(executable.as_deref(), report))
            .doing(|| "start the thread of a helper".into())?;
        let shared = reported.await.map_err(|_| lost())??;
        Ok(Helper {
            shared: Arc::new(shared),
        })
    }

    /// The outer process of the helper, for the journal: when it is dead, everything it held is free.
    pub fn process(&self) -> Process {
        self.shared.process
    }

    /// Attaches a file as a loop device. The helper holds it, and a lock on the file, until [`Helper::detach`] or its end.
    ///
    /// # Errors
    /// [`Kind::Busy`] if another loop device or another helper has the file.
    pub async fn attach(&self, file: &Path, read_only: bool) -> Result<LoopDevice> {
        let file = std::path::absolute(file).doing(|| format!("find {}", file.display()))?;
        match self.ask(Request::Attach { file, read_only }).await? {
            Answer::Attached(device) => Ok(device),
            other => Err(unexpected(&other)),
        }
    }

    /// Flushes a loop device and its partitions, gives it back, waits until no loop device of the host names the file
    /// any more, and flushes the file.
    ///
    /// # Errors
    /// [`Kind::Busy`] if something still holds it; [`Kind::Io`] and [`Kind::Full`] if its bytes could not be written.
    pub async fn detach(&self, device: &Path) -> Result<()> {
        let device = device.to_owned();
        self.done(Request::Detach { device }).await
    }

    /// Flushes a block device that was attached otherwise, and its partitions.
    ///
    /// # Errors
    /// [`Kind::Io`] and [`Kind::Full`] if its bytes could not be written.
    pub async fn flush(&self, device: &Path) -> Result<()> {
        let device = device.to_owned();
        self.done(Request::Flush { device }).await
    }

    /// Tells the kernel of partitions, and answers their devices in the same order.
    ///
    /// # Errors
    /// [`Kind::Busy`] if one of other extent is there and in use.
    pub async fn add_partitions(&self, device: &Path, partitions: &[Extent]) -> Result<Vec<PathBuf>> {
        let request = Request::AddPartitions {
            device: device.to_owned(),
            partitions: partitions.to_vec(),
        };
        match self.ask(request).await? {
            Answer::Partitions(devices) => Ok(devices),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a directory and its parents in the helper's namespace. What lies under [`super::protocol::PRIVATE`] is
    /// seen by the helper alone and goes with it.
    ///
    /// # Errors
    /// As mkdir(2).
    pub async fn make_dir(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.done(Request::MakeDir { path }).await
    }

    /// Mounts, in the helper's namespace only.
    ///
    /// # Errors
    /// [`Kind::Invalid`] with the kernel's own words about a bad option or a bad file system.
    pub async fn mount(&self, mount: Mount) -> Result<()> {
        self.done(Request::Mount(mount)).await
    }

    /// Writes a mounted file system back (syncfs(2)).
    ///
    /// # Errors
    /// [`Kind::Io`] if anything written to it since the last time was lost, for example because the store is full.
    pub async fn sync(&self, place: Place) -> Result<()> {
        self.done(Request::Sync(place)).await
    }

    /// Writes a mounted file system back, and tells its device which blocks it does not use: a loop device gives them back
    /// to its file, and what was deleted is not in it any more. A device that knows nothing of it is left as it is.
    ///
    /// # Errors
    /// Those of [`Helper::sync`].
    pub async fn discard(&self, place: Place) -> Result<()> {
        self.done(Request::Discard(place)).await
    }

    /// Writes a mounted file system back, then unmounts it.
    ///
    /// # Errors
    /// Those of [`Helper::sync`] (it is unmounted all the same); [`Kind::Busy`] if it is still in use.
    pub async fn unmount(&self, place: Place) -> Result<()> {
        self.done(Request::Unmount(place)).await
    }

    /// Mounts what steps expect around them: a private `/dev`, `/proc`, a read-only `/sys` and an empty `/run`.
    ///
    /// # Errors
    /// [`Kind::WrongType`] if one of the targets is a symbolic link.
    pub async fn enter_chroot(&self, chroot: Chroot) -> Result<()> {
        self.done(Request::EnterChroot(chroot)).await
    }

    /// Takes those mounts off again, and with them directories that had to be made for them.
    ///
    /// # Errors
    /// [`Kind::Busy`] if one is in use.
    pub async fn leave_chroot(&self, root: &Path) -> Result<()> {
        let root = root.to_owned();
        self.done(Request::LeaveChroot { root }).await
    }

    /// Shows further devices in the private `/dev` of a chroot that was entered.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if a device is not there.
    pub async fn show_devices(&self, root: &Path, devices: &[ShownDevice]) -> Result<()> {
        let request = Request::ShowDevices {
            root: root.to_owned(),
            devices: devices.to_vec(),
        };
        self.done(request).await
    }

    /// Runs a command to its end, then kills and reaps everything that it left running. Its output is handed on as it
    /// comes, in pieces of any length. Dropping the future stops the command.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and the like if it could not be started; how it ended is no error.
    pub async fn run(
        &self,
        command: Command,
        input: Input,
        mut on_output: impl FnMut(Stream, &[u8]) + Send,
    ) -> Result<Exit> {
        let (sender, mut receiver) = streams::channel(WAITING_CHUNKS);
        let descriptors = vec![input.into_descriptor()?];
        let awaited = self.command(command, descriptors, Some(sender))?;
        while let Some((stream, bytes)) = receiver.recv().await {
            on_output(stream, &bytes);
        }
        awaited.exit().await
    }

    /// Runs a command on a terminal given as its three descriptors. Dropping the future stops the command.
    ///
    /// # Errors
    /// As [`Helper::run`].
    pub async fn run_on_terminal(&self, command: Command, terminal: OwnedFd) -> Result<Exit> {
        let command = Command {
            terminal: true,
            ..command
        };
        self.command(command, vec![terminal], None)?.exit().await
    }

    /// Ends the command that runs, and keeps those that wait from starting. Later ones start as usual.
    pub fn stop(&self) {
        let urgent = self.shared.urgent.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.stops.fetch_add(1, Ordering::SeqCst);
        // A helper that is gone has stopped.
        let _ = urgent.send_message(&Request::Stop, &[]);
    }

    /// Opens a root as a directory of bake's own, to read and write in it (see [`Root`]). While it is held the file
    /// systems in it cannot be unmounted.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn root(&self, root: &Path) -> Result<Root> {
        Ok(Root::new(self.open(Place::root(root), Open::Directory).await?))
    }

    /// Opens one thing inside a root.
    ///
    /// # Errors
    /// As openat2(2); no link leads out of the root.
    pub async fn open(&self, place: Place, how: Open) -> Result<OwnedFd> {
        let (_, reply) = self.submit(Request::Open { place, how }, Vec::new(), None)?;
        match reply.await.map_err(|_| lost())?? {
            (Answer::Done, mut descriptors) if descriptors.len() == 1 => Ok(descriptors.remove(0)),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// Lets the helper outlive bake, with its mounts and devices and with the descriptors in `hold` (locks). It answers
    /// no request afterwards. [`super::end`] ends it.
    ///
    /// # Errors
    /// [`Kind::Lost`].
    pub async fn keep(&self, hold: Vec<OwnedFd>) -> Result<Process> {
        let (_, reply) = self.submit(Request::Keep, hold, None)?;
        match reply.await.map_err(|_| lost())??.0 {
            Answer::Kept(process) => Ok(process),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends the helper: whatever runs in it dies, and its mounts and devices go. Answers when it is gone.
    pub async fn end(self) {
        self.shared
            .urgent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shut_down();
        let process = self.process();
        drop(self);
        while process.is_alive() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    async fn done(&self, request: Request) -> Result<()> {
        match self.ask(request).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer> {
        let (_, reply) = self.submit(request, Vec::new(), None)?;
        Ok(reply.await.map_err(|_| lost())??.0)
    }

    fn command(
        &self,
        command: Command,
        descriptors: Vec<OwnedFd>,
        output: Option<streams::Sender<(Stream, Vec<u8>)>>,
    ) -> Result<Awaited<'_>> {
        let (serial, answer) = self.submit(Request::Run(Box::new(command)), descriptors, output)?;
        Ok(Awaited {
            shared: &self.shared,
            serial,
            answer: Some(answer),
        })
    }

    /// Hands a request to the helper's thread; answers its number and where the answer comes.
    fn submit(
        &self,
        request: Request,
        descriptors: Vec<OwnedFd>,
        output: Option<streams::Sender<(Stream, Vec<u8>)>>,
    ) -> Result<(u64, oneshot::Receiver<Result<Reply>>)> {
        let serial = self.shared.serials.fetch_add(1, Ordering::SeqCst) + 1;
        let (reply, answer) = oneshot::channel();
        let runs = matches!(request, Request::Run(_));
        let job = Job {
            request,
            descriptors,
            output,
            stops: runs.then(|| self.shared.stops.load(Ordering::SeqCst)),
            serial,
            reply,
        };
        self.shared.jobs.send(job).map_err(|_| lost())?;
        Ok((serial, answer))
    }
}

impl Input {
    /// A descriptor from which it can be read.
    fn into_descriptor(self) -> Result<OwnedFd> {
        match self {
            Input::Nothing => Ok(std::fs::File::open("/dev/null")
                .doing(|| "open /dev/null".into())?
                .into()),
            Input::Bytes(bytes) => crate::host::files::in_memory("input", &bytes),
            Input::Descriptor(descriptor) => Ok(descriptor),
        }
    }
}

fn ended(answer: Answer) -> Result<Exit> {
    match answer {
        Answer::Ended(exit) => Ok(exit),
        other => Err(unexpected(&other)),
    }
}

/// The helper is gone.
pub(super) fn lost() -> HostError {
    HostError::new(
        Kind::Lost,
        "speak with the helper",
        "it is gone, and with it everything that it held",
    )
}

fn unexpected(answer: &Answer) -> HostError {
    HostError::new(
        Kind::Invalid,
        "hear the helper",
        format!("an answer to something else: {answer:?}"),
    )
}
