//! Finishes the teardown that journals of dead runs ask for. Doing it again, or being cut off in it, does no harm.

use std::path::Path;
use std::sync::Arc;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::Events;
use crate::host::helper;
use crate::host::machine::Process;
use crate::host::temporary;
use crate::journal::{Backend, Found, Journal, Outcome, Place, Record, Standing};
use crate::nodes::context::{Helpers, Outputs, Secrets, StepLog, StopSwitch};
use crate::nodes::{Context, Handle, Keeper, Lifetime, NodeError, NodeKind};
use crate::providers::{self, Contact, Marker, Providers, RunId};

/// Whose remains are cleared away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Runs that died.
    Dead,
    /// Also what `-on-error keep` left standing on purpose.
    DeadAndKept,
}

/// What was done about one run.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Which run; none if it died before its first line.
    pub run: Option<RunId>,
    /// When it began, RFC 3339.
    pub began: String,
    /// Nodes that were closed, newest first.
    pub closed: Vec<Address>,
    /// Nodes that could not be closed, and why.
    pub stuck: Vec<(Address, Diagnostic)>,
}

/// Recovers every dead run of a project, and removes what dead runs of this user have in temporary directories.
///
/// # Errors
/// A journal that does not read. What could not be closed is no error here but in the answer.
pub async fn recover(
    bake_directory: &Path,
    scope: Scope,
    command: &str,
    contact: &Contact,
) -> Result<Vec<Recovered>, Diagnostics> {
    let events = &contact.events;
    let backend = Backend::new(bake_directory);
    if scope == Scope::DeadAndKept {
        end_kept(&backend, command, events).await?;
    }
    temporary::sweep();
    let mut all = Vec::new();
    for found in backend.all(command).map_err(Diagnostic::from)? {
        match found {
            Found::Dead(_, journal) => all.push(recover_one(*journal, contact).await?),
            Found::Alive(run) => tell_alive(&backend, &run, events)?,
        }
    }
    Ok(all)
}

/// How often, and how many milliseconds apart, the lock of a run is looked at after its helper was ended.
const LOOKS: usize = 500;
const BETWEEN_LOOKS: u64 = 20;

/// Ends the helpers that outlive their runs, and waits until their locks are free.
async fn end_kept(backend: &Backend, command: &str, events: &Events) -> Result<(), Diagnostics> {
    for found in backend.all(command).map_err(Diagnostic::from)? {
        let Found::Alive(run) = found else { continue };
        for process in kept(&backend.look(&run).map_err(Diagnostic::from)?) {
            events.message(format!("ending what run {run} kept (process {})", process.pid));
            helper::end(&process).map_err(Diagnostic::from)?;
            until_free(backend, &run, command).await?;
        }
    }
    Ok(())
}

/// The lock of a kept run is held by the helper's inner process as well, which dies a moment after the outer one.
async fn until_free(backend: &Backend, run: &RunId, command: &str) -> Result<(), Diagnostics> {
    for _ in 0..LOOKS {
        let all = backend.all(command).map_err(Diagnostic::from)?;
        let held = |found: &Found| matches!(found, Found::Alive(alive) if alive == run);
        if !all.iter().any(held) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(BETWEEN_LOOKS)).await;
    }
    Err(
        Diagnostic::error(format!("what run {run} kept was ended, but its lock is still held"))
            .help("run bake recover again in a moment")
            .into(),
    )
}

/// Helpers that a run left on purpose and that still live; none as long as the run itself is not over.
fn kept(standing: &Standing) -> Vec<Process> {
    let over = standing.outcome.is_some();
    let kept = standing
        .helpers
        .iter()
        .filter(|(process, kept)| over && *kept && process.is_alive());
    kept.map(|(process, _)| *process).collect()
}

fn tell_alive(backend: &Backend, run: &RunId, events: &Events) -> Result<(), Diagnostics> {
    let standing = backend.look(run).map_err(Diagnostic::from)?;
    if !kept(&standing).is_empty() {
        events.message(format!("run {run} was kept after it failed; bake recover ends it"));
    }
    Ok(())
}

async fn recover_one(mut journal: Journal, contact: &Contact) -> Result<Recovered, Diagnostics> {
    let events = &contact.events;
    let standing = journal.standing().map_err(Diagnostic::from)?;
    let mut done = Recovered {
        run: standing.run.clone(),
        began: standing.began.clone(),
        closed: Vec::new(),
        stuck: Vec::new(),
    };
    if let Some(run) = &standing.run {
        events.message(format!(
            "run {run} of {} did not finish: clearing up after it",
            standing.began
        ));
        for (process, _) in &standing.helpers {
            helper::end(process).map_err(Diagnostic::from)?;
        }
        let cx = context(run.clone(), providers::open(&standing.providers, contact)?, events);
        for (address, place) in standing.nodes.iter().rev() {
            clear(&mut journal, &cx, address, place, &mut done).await?;
        }
        for (_, provider) in cx.providers.iter() {
            provider.inventory().tidy().await.map_err(Diagnostic::from)?;
        }
    }
    match done.stuck.is_empty() {
        true => journal.remove().map_err(Diagnostic::from)?,
        false => write(
            &mut journal,
            &Record::Ended {
                outcome: Outcome::Incomplete,
            },
        )?,
    }
    Ok(done)
}

/// Brings one node to its end, as far as that is possible.
async fn clear(
    journal: &mut Journal,
    cx: &Context,
    address: &Address,
    place: &Place,
    done: &mut Recovered,
) -> Result<(), Diagnostics> {
    let closed = match place {
        Place::Closed => return Ok(()),
        Place::Open { handle } => close(handle, address, cx).await,
        Place::Intended { kind, marker } => match find(*kind, marker, cx).await {
            Ok(Some(handle)) => close(&handle, address, cx).await,
            Ok(None) => Ok(Closed::Nothing),
            Err(error) => Err(error),
        },
    };
    match closed {
        Ok(Closed::Stays) => return Ok(()),
        Ok(Closed::Nothing) => {}
        Ok(Closed::Now) => {
            cx.events.message(format!("  {address}: closed"));
            done.closed.push(address.clone());
        }
        Err(error) => {
            let diagnostic = Diagnostic::from(error).about(address);
            let error = diagnostic.summary.clone();
            cx.events.message(format!("  {address}: {error}"));
            done.stuck.push((address.clone(), diagnostic));
            return write(
                journal,
                &Record::Stuck {
                    address: address.clone(),
                    error,
                },
            );
        }
    }
    write(
        journal,
        &Record::Closed {
            address: address.clone(),
        },
    )
}

enum Closed {
    /// It was there, and is gone now.
    Now,
    /// There was nothing.
    Nothing,
    /// It is meant to stay: an image, or the snapshot from which the next apply goes on.
    Stays,
}

async fn close(handle: &Handle, address: &Address, cx: &Context) -> Result<Closed, NodeError> {
    let kind = handle.kind();
    match (kind.lifetime(), kind.keeper()) {
        (Lifetime::Lasting | Lifetime::Part, _) => Ok(Closed::Stays),
        // The helper is dead, so the kernel has taken it.
        (_, Keeper::Helper) => Ok(Closed::Now),
        (_, Keeper::Journal) => handle.close(address, cx).await.map(|()| Closed::Now),
    }
}

/// The time since the call was made is not known, so "nothing there" must be answered for as long as after a fresh one.
async fn find(kind: NodeKind, marker: &Marker, cx: &Context) -> Result<Option<Handle>, NodeError> {
    let Some(provider) = &marker.provider else {
        return Ok(None);
    };
    super::opening::look(kind, marker, cx.providers.get(provider)?.settle(), cx).await
}

fn context(run: RunId, providers: Providers, events: &Events) -> Context {
    let at = crate::address::ImageAddress::new("", None).itself();
    Context {
        at,
        outputs: Outputs::default(),
        providers,
        helpers: Helpers::default(),
        events: events.clone(),
        stop: StopSwitch::new().token(),
        log: StepLog::new("", |_| ()),
        secrets: Secrets::default(),
        run,
        took: Arc::default(),
        now: String::new(),
    }
}

fn write(journal: &mut Journal, record: &Record) -> Result<(), Diagnostics> {
    Ok(journal.write_through(record).map_err(Diagnostic::from)?)
}
