//! The thread behind a [`Helper`](super::Helper): starts the process and carries one request after another to it.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::{mpsc as streams, oneshot};

use super::client::{Job, Reply, Shared, lost};
use super::protocol::{Answer, Exit, Request, Stream};
use super::wire::{Channel, ERROR, Frame, OUTPUT};
use crate::host::command::this_program;
use crate::host::error::{Explain, HostError, Result};
use crate::host::machine::Process;

/// The helper's first argument.
pub(in crate::host) const ARGUMENT: &str = "__helper";

/// Lives as long as the helper: starts it, reports, serves jobs, and reaps it.
pub(super) fn work(executable: Option<&Path>, report: oneshot::Sender<Result<Shared>>) {
    let (jobs, waiting) = mpsc::channel();
    let (mut child, worker) = match start(executable) {
        Ok(started) => started,
        Err(error) => return drop(report.send(Err(error))),
    };
    let shared = worker.shared(jobs, child.id());
    let mut kept = false;
    if report.send(shared).is_ok() {
        kept = worker.serve(&waiting);
    }
    worker.channel.shut_down();
    drop(worker);
    if !kept {
        // Its status says nothing; what matters is that it is gone.
        let _ = child.wait();
    }
}

/// Starts the process and waits until it is ready.
fn start(executable: Option<&Path>) -> Result<(Child, Worker)> {
    let (ours, theirs) = UnixStream::pair().doing(|| "make a socket for the helper".into())?;
    // No environment: credentials in it would be there to read (proc(5)) for the steps, which see the helper's first
    // process, and for as long as a kept helper lives. Each command gets its own.
    let child = this_program(executable)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .doing(|| "start the helper process".into())?;
    let channel = Channel::new(ours.into());
    let worker = Worker {
        urgent: Arc::new(Mutex::new(channel.try_clone()?)),
        stops: Arc::new(AtomicU64::new(0)),
        under_way: Arc::new(AtomicU64::new(0)),
        channel,
    };
    let (answer, _) = worker.answer(None)?;
    match answer {
        Answer::Done => Ok((child, worker)),
        _ => Err(lost()),
    }
}

struct Worker {
    channel: Channel,
    urgent: Arc<Mutex<Channel>>,
    stops: Arc<AtomicU64>,
    under_way: Arc<AtomicU64>,
}

impl Worker {
    fn shared(&self, jobs: mpsc::Sender<Job>, pid: u32) -> Result<Shared> {
        Ok(Shared {
            jobs,
            urgent: Arc::clone(&self.urgent),
            stops: Arc::clone(&self.stops),
            under_way: Arc::clone(&self.under_way),
            serials: AtomicU64::new(0),
            process: Process::of(pid)?,
        })
    }

    /// Serves until the last handle is gone; answers whether the helper was asked to live on.
    fn serve(&self, waiting: &mpsc::Receiver<Job>) -> bool {
        while let Ok(job) = waiting.recv() {
            let keep = matches!(job.request, Request::Keep);
            let reply = self.carry(&job);
            let kept = keep && reply.is_ok();
            // Whoever asked may have stopped waiting.
            let _ = job.reply.send(reply);
            if kept {
                return true;
            }
        }
        false
    }

    fn carry(&self, job: &Job) -> Result<Reply> {
        if !self.begin(job)? {
            return Ok((Answer::Ended(Exit::Stopped), Vec::new()));
        }
        match self.answer(job.output.as_ref())? {
            (Answer::Failed(error), _) => Err(error),
            reply => Ok(reply),
        }
    }

    /// Sends the request, unless a stop came since it was made, or it is a command for which nobody waits any more.
    fn begin(&self, job: &Job) -> Result<bool> {
        let urgent = self.urgent.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = |stops| stops != self.stops.load(Ordering::SeqCst) || job.reply.is_closed();
        if job.stops.is_some_and(stopped) {
            return Ok(false);
        }
        self.under_way.store(job.serial, Ordering::SeqCst);
        let descriptors: Vec<_> = job.descriptors.iter().map(AsFd::as_fd).collect();
        urgent.send_message(&job.request, &descriptors)?;
        Ok(true)
    }

    /// Hands on output until the answer comes. Whoever does not read it any more has stopped the command.
    fn answer(&self, output: Option<&streams::Sender<(Stream, Vec<u8>)>>) -> Result<Reply> {
        loop {
            let frame = self.channel.receive()?.ok_or_else(lost)?;
            let stream = match frame.tag {
                OUTPUT => Stream::Output,
                ERROR => Stream::Error,
                _ => return reply(frame),
            };
            if let Some(output) = output {
                let _ = output.blocking_send((stream, frame.bytes));
            }
        }
    }
}

fn reply(frame: Frame) -> Result<Reply> {
    match frame.message()? {
        Answer::Failed(error) => Err::<Reply, HostError>(error),
        answer => Ok((answer, frame.descriptors)),
    }
}
