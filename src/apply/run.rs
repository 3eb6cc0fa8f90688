//! A plan, applied: locks, a second look, the walk, and the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::again::{self, Remaining};
use super::choice::OnError;
use super::executor::{Executor, Harvest, Parts};
use super::ledger::Ledger;
use super::leftovers::Leftovers;
use super::logs::Logs;
use super::recover::{Scope, recover};
use super::signals::Signals;
use super::{Report, gc};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{ContentHasher, Digest};
use crate::event::{Event, Events};
use crate::host::helper;
use crate::host::locks::{Held, Lock};
use crate::host::machine::{self, Process};
use crate::host::{HostError, Kind};
use crate::journal::{Backend, Outcome, Record};
use crate::nodes::context::{Helpers, Outputs, Secrets, StepLog};
use crate::nodes::{Context, Handle, Image, Need, Node, NodeData};
use crate::plan::outputs::Known;
use crate::plan::steps::{Fate, StepNode, Walk};
use crate::plan::{ImagePlan, Plan, PlannedOutput, observe};
use crate::providers::{self, Contact, Providers, RunId};
use crate::spec::ProviderKey;

/// How a plan is applied.
#[derive(Clone)]
pub struct Settings {
    /// The `.bake` directory of the project: journals, logs.
    pub bake_directory: PathBuf,
    /// Steps at once.
    pub parallelism: usize,
    /// How long a lock is waited for; none: for ever.
    pub lock_timeout: Option<Duration>,
    /// What happens when a node fails.
    pub on_error: OnError,
    /// What must not be seen.
    pub secrets: Secrets,
    /// Who is told, and can be asked by the providers.
    pub contact: Contact,
    /// Who may stop it.
    pub signals: Signals,
    /// What is started as the helper, if not this program.
    pub executable: Option<PathBuf>,
    /// As others see it who wait for a lock: `bake apply`.
    pub command: String,
    /// The providers with which it was planned, if that was just now: they know what they have seen.
    pub providers: Option<Providers>,
}

/// Locks that are held while the plan is applied.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Of images that are changed.
    pub(super) own: BTreeMap<ImageAddress, Lock>,
    /// Of images that others are built on.
    shared: BTreeMap<ImageAddress, Lock>,
}

/// Applies a plan.
///
/// # Errors
/// What kept it from beginning: a lock, a world that has moved, a store that does not read. What failed later is in the
/// report.
pub async fn run(plan: Plan, settings: Settings) -> Result<Report, Diagnostics> {
    let providers = match &settings.providers {
        Some(known) => known.clone(),
        None => providers::open(&plan.providers, &settings.contact)?,
    };
    let recovered = recover(
        &settings.bake_directory,
        Scope::Dead,
        &settings.command,
        &settings.contact,
    )
    .await?;
    if let Some((_, why)) = recovered.into_iter().flat_map(|run| run.stuck).next() {
        return Err(why
            .help("an earlier run is not cleared up; bake recover tries again")
            .into());
    }
    let locks = lock(&plan, &providers, &settings).await?;
    let (world, left) = observe::observe_closely(&plan.owner, &providers)
        .await
        .map_err(Diagnostic::from)?;
    let remaining = again::look(&plan, &world, &crate::plan::assemble::standing(&world))?;
    let leftovers = Leftovers {
        plan: &plan,
        world: &world,
        locks: &locks,
        settings: &settings,
    };
    leftovers.clear(&providers, left).await?;
    if locks.own.is_empty() {
        return Ok(nothing(&plan));
    }
    execute(plan, remaining, providers, locks, settings).await
}

/// Takes the locks of all images that the plan touches, and shared ones of those that they are built on, in the order of
/// their addresses, so that no two wait for each other.
async fn lock(plan: &Plan, providers: &Providers, settings: &Settings) -> Result<Locks, Diagnostics> {
    let mut locks = Locks::default();
    for (image, (provider, alone)) in wanted_locks(plan) {
        let provider = providers.get(provider).map_err(Diagnostic::from)?;
        let path = gc::lock_path(provider, &settings.bake_directory, &plan.owner, image);
        let tell = |held: &Held| {
            settings.contact.events.send(Event::Waiting {
                address: image.itself(),
                reason: format!("the lock of {image}, {held}"),
            });
        };
        let taking = async {
            match alone {
                true => Lock::take(&path, &settings.command, settings.lock_timeout, tell).await,
                false => Lock::take_shared(&path, settings.lock_timeout, tell).await,
            }
        };
        let stop = settings.signals.token();
        let lock = tokio::select! {
            lock = taking => lock.map_err(|error| locked(image, error))?,
            () = stop.stopped() => return Err(Diagnostic::error("stopped while waiting for a lock").into()),
        };
        match alone {
            true => locks.own.insert(image.clone(), lock),
            false => locks.shared.insert(image.clone(), lock),
        };
    }
    Ok(locks)
}

/// Of a lock that somebody else has, the image says more than the file does.
fn locked(image: &ImageAddress, error: HostError) -> Diagnostic {
    match error.kind {
        Kind::Busy => Diagnostic::from(HostError {
            operation: format!("lock {image}"),
            ..error
        }),
        _ => Diagnostic::from(error),
    }
}

/// Images with their provider, and whether their lock is taken alone.
fn wanted_locks(plan: &Plan) -> BTreeMap<&ImageAddress, (&ProviderKey, bool)> {
    let mut wanted = BTreeMap::new();
    for image in plan.nodes.iter().filter_map(|node| image_of(node)) {
        if let Some(base) = &image.manifest.built_on {
            wanted.insert(&base.address, (&image.provider, false));
        }
    }
    let touched = |image: &&ImagePlan| plan.nodes.iter().any(|node| node.address.image == image.address);
    for image in plan.images.iter().filter(touched) {
        wanted.insert(&image.address, (&image.provider, true));
    }
    wanted
}

fn image_of(node: &Node) -> Option<&Image> {
    match &node.data {
        NodeData::Image(image) => Some(image),
        _ => None,
    }
}

async fn execute(
    plan: Plan,
    remaining: Remaining,
    providers: Providers,
    locks: Locks,
    settings: Settings,
) -> Result<Report, Diagnostics> {
    let (run, now) = (new_run(), now()?);
    let ledger = begin(&plan, &run, &now, &settings)?;
    let helpers = Helpers::new(settings.executable.clone());
    let logs = Logs::new(&settings.bake_directory, &now);
    logs.forget_old();
    settings.contact.events.send(Event::Started {
        run: run.0.clone(),
        nodes: remaining.nodes.len(),
        logs: Some(logs.directory().to_owned()),
    });
    let template = Context {
        at: ImageAddress::new("", None).itself(),
        outputs: Outputs::default(),
        providers,
        helpers: helpers.clone(),
        events: settings.contact.events.clone(),
        stop: settings.signals.token(),
        log: StepLog::new("", |_| ()),
        secrets: settings.secrets.clone(),
        run: run.clone(),
        took: Arc::default(),
        now: now.clone(),
    };
    let executor = Executor::new(Parts {
        walk: walk(&remaining)?,
        nodes: remaining.nodes,
        standing: remaining.standing.clone(),
        ledger,
        signals: settings.signals.clone(),
        on_error: settings.on_error.clone(),
        parallelism: settings.parallelism,
        template,
        logs,
    });
    let (harvest, mut ledger) = executor.run().await;
    end_helpers(&harvest, &helpers, &mut ledger, locks, &settings.contact.events).await?;
    let outcome = outcome(&harvest, &settings.signals);
    ledger.end(outcome).map_err(Diagnostic::from)?;
    let outputs = outputs(&plan, &harvest, &remaining.standing);
    Ok(Report {
        run,
        nodes: harvest.nodes,
        failures: harvest.failures,
        images: harvest.images,
        closed: harvest.closed,
        outputs,
        outcome,
        interrupted: settings.signals.status(),
        dropped: remaining.dropped,
    })
}

fn begin(plan: &Plan, run: &RunId, now: &str, settings: &Settings) -> Result<Ledger, Diagnostics> {
    let backend = Backend::new(&settings.bake_directory);
    let mut journal = backend.begin(run, &settings.command).map_err(Diagnostic::from)?;
    let plan_digest = Digest::of(&serde_json::to_vec(plan).expect("a plan is written down as JSON"));
    let began = Record::Began {
        run: run.clone(),
        plan: plan_digest,
        at: now.to_owned(),
        providers: plan.providers.clone(),
    };
    journal.write_through(&began).map_err(Diagnostic::from)?;
    Ok(Ledger::new(
        journal,
        run.clone(),
        plan.owner.clone(),
        machine::hostname(),
    ))
}

/// The walk over what remains; what stands already is no need any more.
fn walk(remaining: &Remaining) -> Result<Walk, Diagnostics> {
    let is_left = |need: &Need| !remaining.dropped.contains(&need.address().image);
    let steps: Vec<StepNode> = remaining
        .nodes
        .iter()
        .map(|node| {
            let mut step = StepNode::from(node);
            step.needs.retain(is_left);
            step
        })
        .collect();
    Ok(Walk::new(&steps).map_err(Diagnostic::from)?)
}

/// Ends every helper but those whose image is kept: these take over the locks.
async fn end_helpers(
    harvest: &Harvest,
    helpers: &Helpers,
    ledger: &mut Ledger,
    mut locks: Locks,
    events: &Events,
) -> Result<(), Diagnostics> {
    for image in helpers.running().await.into_keys() {
        let Some(helper) = helpers.take(&image).await else {
            continue;
        };
        let kept = harvest
            .nodes
            .iter()
            .find(|node| node.fate == Fate::Kept && node.address.image == image);
        let Some(node) = kept else {
            helper.end().await;
            continue;
        };
        let mut hold = vec![ledger.share().map_err(Diagnostic::from)?];
        let lock = locks.own.remove(&image);
        if let Some(lock) = &lock {
            hold.push(lock.share().map_err(Diagnostic::from)?);
        }
        let process: Process = helper.keep(hold).await.map_err(Diagnostic::from)?;
        ledger.helper(&node.address, process, true).map_err(Diagnostic::from)?;
        if let Some(lock) = lock {
            lock.hand_over(process, "bake apply -on-error keep")
                .map_err(Diagnostic::from)?;
        }
        let root = harvest.roots.get(&image).map_or(Path::new("/"), PathBuf::as_path);
        let enter = helper::entering(&process, root).join(" ");
        events.message(format!("{image} is kept as it is. To look around in it: bake {enter}"));
    }
    Ok(())
}

fn outcome(harvest: &Harvest, signals: &Signals) -> Outcome {
    let any = |fate: Fate| harvest.nodes.iter().any(|node| node.fate == fate);
    match () {
        () if any(Fate::Stuck) || any(Fate::Kept) || harvest.unclear => Outcome::Incomplete,
        () if signals.status().is_some() => Outcome::Interrupted,
        () if !harvest.failures.is_empty() => Outcome::Failed,
        () => Outcome::Done,
    }
}

/// The outputs of the module with what is known now.
fn outputs(
    plan: &Plan,
    harvest: &Harvest,
    standing: &BTreeMap<crate::address::Address, Arc<Handle>>,
) -> BTreeMap<String, PlannedOutput> {
    let mut known = Known::default();
    let before = standing.iter().filter_map(|(at, handle)| match handle.as_ref() {
        Handle::Image { handle } => Some((at, handle)),
        _ => None,
    });
    for (at, handle) in before.chain(&harvest.images) {
        known.name(&at.image, &handle.name);
        let made = harvest.copies.iter().filter(|(copy, _)| copy.image == at.image);
        known.id(&at.image, &handle.id, handle.ids(made.map(|(_, copy)| copy)));
    }
    let settled = |output: &PlannedOutput| PlannedOutput {
        value: known.settle(&output.value),
        before: None,
        description: output.description.clone(),
    };
    plan.outputs
        .iter()
        .map(|(name, output)| (name.clone(), settled(output)))
        .collect()
}

/// Of a plan without changes.
fn nothing(plan: &Plan) -> Report {
    Report {
        run: new_run(),
        nodes: Vec::new(),
        failures: Vec::new(),
        images: BTreeMap::new(),
        closed: BTreeMap::new(),
        outputs: plan.outputs.clone(),
        outcome: Outcome::Done,
        interrupted: None,
        dropped: Vec::new(),
    }
}

/// 8 hex digits that no other run of this host has.
fn new_run() -> RunId {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mut hasher = ContentHasher::new("run", 1);
    hasher
        .text("host", &machine::hostname())
        .text("boot", &machine::boot_id());
    hasher
        .text("process", &std::process::id().to_string())
        .text("time", &since.as_nanos().to_string());
    RunId(hasher.finish().hex()[..8].to_owned())
}

/// RFC 3339, in whole seconds.
fn now() -> Result<String, Diagnostics> {
    let seconds = machine::seconds_since_epoch().map_err(Diagnostic::from)?;
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let time = time.ok_or_else(|| Diagnostic::error("the clock of this host stands beyond all dates"))?;
    Ok(time.to_string())
}
