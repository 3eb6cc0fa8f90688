//! The walk, carried out: the only caller of open and close, and the only writer of the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::choice::OnError;
use super::ledger::Ledger;
use super::opening::{Opened, explained};
use super::report::{NodeFailure, NodeReport};
use super::signals::Signals;
use super::task::{Done, Task};
use crate::address::{Address, ImageAddress};
use crate::diagnostic::Diagnostic;
use crate::event::{After, Event, Half};
use crate::journal::backend::JournalError;
use crate::nodes::context::StopSwitch;
use crate::nodes::image::ImageHandle;
use crate::nodes::regional_copy::CopyHandle;
use crate::nodes::{Context, Handle, Keeper, Need, Node, NodeData, NodeKind};
use crate::plan::steps::{Consequence, Fate, Outcome, Step, StepNode, Walk, When};
use crate::providers::Provider;
use crate::units::Duration;

/// How often a step that goes on after a stop is told again.
const REMINDER: std::time::Duration = std::time::Duration::from_millis(250);

/// An apply under way.
pub struct Executor {
    /// In the order of the plan.
    nodes: Arc<[Node]>,
    walk: Walk,
    ledger: Ledger,
    signals: Signals,
    on_error: OnError,
    parallelism: usize,
    /// What each context begins from.
    template: Context,
    logs: super::logs::Logs,
    /// By node; they stay known after a close, for the report.
    handles: BTreeMap<Address, Arc<Handle>>,
    running: BTreeSet<Step>,
    /// Volumes that stand or are being made.
    volumes: BTreeSet<usize>,
    /// Whether one of the providers is not on this host.
    elsewhere: bool,
    /// What ended last: steps begin only at the beginning and after another has ended.
    last: Option<Step>,
    tasks: JoinSet<(Step, Instant, Done)>,
    /// Images whose helper was ended because a close failed: what it held is gone.
    ended: BTreeSet<ImageAddress>,
    /// Images whose helper is in the journal.
    noted: BTreeSet<ImageAddress>,
    stopped: bool,
    outcome: Harvest,
}

/// What an executor brings home.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Every node.
    pub nodes: Vec<NodeReport>,
    /// Failures in their order.
    pub failures: Vec<NodeFailure>,
    /// Images by node.
    pub images: BTreeMap<Address, ImageHandle>,
    /// Copies in other regions by node.
    pub copies: BTreeMap<Address, CopyHandle>,
    /// Where the root of each image was mounted, as its helper sees it.
    pub roots: BTreeMap<ImageAddress, PathBuf>,
    /// Closes by kind.
    pub closed: BTreeMap<NodeKind, usize>,
    /// Nodes of which it could not be found out whether they stand.
    pub unclear: bool,
}

/// What an executor is made of.
pub struct Parts {
    /// The nodes that are to be opened.
    pub nodes: Vec<Node>,
    /// The walk over them.
    pub walk: Walk,
    /// What stands already, although nodes need it opened.
    pub standing: BTreeMap<Address, Arc<Handle>>,
    /// The journal.
    pub ledger: Ledger,
    /// Who may stop it.
    pub signals: Signals,
    /// What happens when a node fails.
    pub on_error: OnError,
    /// Steps at once, at least 1.
    pub parallelism: usize,
    /// What each context begins from.
    pub template: Context,
    /// Where steps write.
    pub logs: super::logs::Logs,
}

impl Executor {
    /// Ready to run.
    pub fn new(parts: Parts) -> Executor {
        let elsewhere = parts
            .template
            .providers
            .iter()
            .any(|(_, provider)| provider.is_shared());
        Executor {
            nodes: parts.nodes.into(),
            walk: parts.walk,
            ledger: parts.ledger,
            signals: parts.signals,
            on_error: parts.on_error,
            parallelism: parts.parallelism.max(1),
            template: parts.template,
            logs: parts.logs,
            handles: parts.standing,
            running: BTreeSet::new(),
            volumes: BTreeSet::new(),
            elsewhere,
            last: None,
            tasks: JoinSet::new(),
            ended: BTreeSet::new(),
            noted: BTreeSet::new(),
            stopped: false,
            outcome: Harvest::default(),
        }
    }

    /// Runs every step to its end.
    pub async fn run(mut self) -> (Harvest, Ledger) {
        let stop = self.signals.token();
        loop {
            self.start_ready();
            if self.running.is_empty() {
                break;
            }
            let stopped = self.stopped;
            tokio::select! {
                Some(joined) = self.tasks.join_next() => {
                    let (step, begun, done) = joined.expect("a task catches the panics of its node");
                    self.settle(step, begun, done).await;
                }
                () = stop.stopped(), if !stopped => self.stop(),
                () = tokio::time::sleep(REMINDER), if stopped => self.remind().await,
            }
        }
        self.finish()
    }

    fn start_ready(&mut self) {
        loop {
            if self.signals.status().is_some() && !self.stopped {
                self.stop();
            }
            let Some(step) = self.next() else { return };
            self.walk.begin(step);
            self.running.insert(step);
            if matches!(self.nodes[step.node].data, NodeData::Volume(_)) {
                self.volumes.insert(step.node);
            }
            match self.task(step) {
                Ok(task) => {
                    self.tell_start(step);
                    self.tasks.spawn(task.run(step));
                }
                Err(error) => {
                    let failed = Done::refused(step.half, Diagnostic::from(error).into());
                    self.tasks.spawn(async move { (step, Instant::now(), failed) });
                }
            }
        }
    }

    /// The first ready step for which there is room: on this host for so many as were asked for; what only waits for a
    /// provider elsewhere takes nobody's place, but an image begins only where its provider has room for its volumes.
    fn next(&self) -> Option<Step> {
        if !self.elsewhere || self.parallelism == 1 {
            return self.walk.first().filter(|_| self.running.len() < self.parallelism);
        }
        let here = self.running.iter().filter(|step| self.away(**step).is_none()).count();
        let fits = |step: &Step| match self.away(*step) {
            None => here < self.parallelism,
            Some(provider) => !self.begins_an_image(*step) || self.volumes.len() < provider.slots(),
        };
        let step = self.walk.ready().find(fits);
        step.or_else(|| self.walk.first().filter(|_| self.running.is_empty()))
    }

    /// The provider that a step waits for, if that is not on this host.
    fn away(&self, step: Step) -> Option<&dyn Provider> {
        let key = match &self.nodes[step.node].data {
            NodeData::Attachment(attachment) => match self.handles.get(&attachment.volume.at)?.as_ref() {
                Handle::Volume { handle } => &handle.provider,
                _ => return None,
            },
            data => super::ledger::provider(data)?,
        };
        let provider = self.template.providers.get(key).ok()?;
        provider.is_shared().then_some(provider)
    }

    /// Whether a step makes the first volume of an image.
    fn begins_an_image(&self, step: Step) -> bool {
        let node = &self.nodes[step.node];
        let image = &node.address.image;
        let has_one = || {
            self.volumes
                .iter()
                .any(|volume| self.nodes[*volume].address.image == *image)
        };
        step.half == Half::Open && matches!(node.data, NodeData::Volume(_)) && !has_one()
    }

    fn task(&mut self, step: Step) -> Result<Task, JournalError> {
        let node = &self.nodes[step.node];
        let cx = self.context(node);
        if step.half == Half::Open {
            let marker = self.ledger.marker(node, 1);
            self.ledger.intend(node, &marker)?;
            return Ok(Task::open(self.nodes.clone(), marker, cx, self.on_error.clone()));
        }
        let handle = self.handles.get(&node.address).cloned();
        let handle = handle.expect("the walk closes what was opened, and every open brings a handle");
        let gone = node.data.kind().keeper() == Keeper::Helper && self.ended.contains(&node.address.image);
        Ok(if gone {
            Task::gone()
        } else {
            Task::close(self.nodes.clone(), handle, cx)
        })
    }

    /// The node's own view: the handles of what it needs, and nothing else.
    fn context(&self, node: &Node) -> Context {
        let mut cx = self.template.clone();
        let needs = node.data.needs().into_iter().filter_map(|need| match need {
            Need::Opened(address) => Some(address),
            Need::Closed(_) => None,
        });
        let handles = needs.filter_map(|at| self.handles.get(&at).map(|handle| (at, handle.clone())));
        cx.outputs = crate::nodes::context::Outputs::new(handles.collect());
        cx.log = self.logs.of(&node.address);
        cx.at = node.address.clone();
        if outlives_a_stop(node) {
            cx.stop = StopSwitch::new().token();
        }
        cx
    }

    async fn settle(&mut self, step: Step, begun: Instant, done: Done) {
        self.running.remove(&step);
        self.last = Some(step);
        let elapsed = Duration::from(begun.elapsed());
        self.note_helper(step).await;
        let consequences = match done {
            Done::Opened(opened, choice) => {
                let outcome = self.opened(step, elapsed, *opened);
                let mut consequences = self.walk.settle(step, outcome);
                if outcome != Outcome::Done && choice == super::Choice::Keep {
                    let image = self.nodes[step.node].address.image.clone();
                    consequences.extend(self.walk.keep(&image));
                }
                consequences
            }
            Done::Closed(closed) => {
                let outcome = self.closed(step, elapsed, closed);
                self.walk.settle(step, outcome)
            }
            Done::Gone => {
                self.record_closed(step);
                self.walk.settle(step, Outcome::Failed)
            }
        };
        if !self.walk.stands(step.node) {
            self.volumes.remove(&step.node);
        }
        self.tell(&consequences);
    }

    fn opened(&mut self, step: Step, elapsed: Duration, opened: Opened) -> Outcome {
        let node = self.nodes[step.node].clone();
        match opened {
            Opened::Done(handle) => {
                self.tell_done(step, elapsed, name_of(&handle));
                Arc::make_mut(&mut self.template.took).insert(node.address.clone(), elapsed);
                self.keep_handle(&node, handle);
                Outcome::Done
            }
            Opened::Failed(error, Some(handle)) => {
                self.fail(step, elapsed, explained(error, &node.address));
                self.keep_handle(&node, handle);
                Outcome::Stands
            }
            Opened::Failed(error, None) => {
                self.fail(step, elapsed, explained(error, &node.address));
                let noted = self.ledger.made_nothing(&node);
                self.survive(noted);
                Outcome::Failed
            }
            Opened::Unclear(error, unclear) => {
                let unclear = Diagnostic::from(unclear).summary;
                let note = format!("whether it made something could not be found out: {unclear}");
                let help = "run bake recover when that works again";
                self.fail(step, elapsed, explained(error, &node.address).note(note).help(help));
                self.outcome.unclear = true;
                Outcome::Failed
            }
        }
    }

    fn keep_handle(&mut self, node: &Node, handle: Handle) {
        match &handle {
            Handle::Image { handle } | Handle::Adopt { handle } | Handle::Update { handle } => {
                self.outcome.images.insert(node.address.clone(), handle.clone());
            }
            Handle::RegionalCopy { handle } => {
                self.outcome.copies.insert(node.address.clone(), handle.clone());
            }
            _ => (),
        }
        let noted = self.ledger.opened(node, &handle);
        self.survive(noted);
        self.handles.insert(node.address.clone(), Arc::new(handle));
    }

    fn closed(&mut self, step: Step, elapsed: Duration, closed: super::task::Closed) -> Outcome {
        let node = self.nodes[step.node].clone();
        match closed.result {
            Ok(()) => {
                self.tell_done(step, elapsed, None);
                self.record_closed(step);
                Outcome::Done
            }
            Err(error) if closed.gone => {
                self.ended.insert(node.address.image.clone());
                self.fail(step, elapsed, explained(error, &node.address));
                self.record_closed(step);
                Outcome::Failed
            }
            Err(error) => {
                let diagnostic = explained(error, &node.address).help("bake recover tries again");
                let noted = self.ledger.stuck(&node.address, &diagnostic.summary);
                self.survive(noted);
                self.fail(step, elapsed, diagnostic);
                Outcome::Stands
            }
        }
    }

    fn record_closed(&mut self, step: Step) {
        let node = &self.nodes[step.node];
        *self.outcome.closed.entry(node.data.kind()).or_default() += 1;
        let noted = self.ledger.closed(&node.address);
        self.survive(noted);
    }

    /// The journal cannot be written after the fact: the work goes on, since what it does not know of it looks up, but no
    /// new thing is begun.
    fn survive(&mut self, noted: Result<(), JournalError>) {
        if let Err(error) = noted {
            self.template.events.message(Diagnostic::from(error).summary);
            self.outcome.unclear = true;
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        let consequences = self.walk.stop();
        self.tell(&consequences);
    }

    /// Stops what runs in the helpers of images where nothing but opens is under way.
    async fn remind(&mut self) {
        let helpers = self.template.helpers.running().await;
        for (image, helper) in helpers {
            let of_image = |step: &&Step| self.nodes[step.node].address.image == image;
            let mut steps = self.running.iter().filter(of_image).peekable();
            if steps.peek().is_some()
                && steps.all(|step| step.half == Half::Open && !outlives_a_stop(&self.nodes[step.node]))
            {
                helper.stop();
            }
        }
    }

    /// A helper that was started by a step is known to the journal before anything stands on it for long.
    async fn note_helper(&mut self, step: Step) {
        let node = &self.nodes[step.node];
        if node.data.kind().keeper() != Keeper::Helper || self.noted.contains(&node.address.image) {
            return;
        }
        let running = self.template.helpers.running().await;
        if let Some(helper) = running.get(&node.address.image) {
            let noted = self.ledger.helper(&node.address, helper.process(), false);
            self.noted.insert(node.address.image.clone());
            self.survive(noted);
        }
    }

    fn finish(mut self) -> (Harvest, Ledger) {
        let report = |(place, node): (usize, &Node)| NodeReport {
            address: node.address.clone(),
            kind: node.data.kind(),
            fate: self.walk.fate(place),
        };
        self.outcome.nodes = self.nodes.iter().enumerate().map(report).collect();
        let roots = self.handles.iter().filter_map(|(at, handle)| match handle.as_ref() {
            Handle::Mount { handle } if handle.target == "/" => Some((at.image.clone(), handle.root.clone())),
            _ => None,
        });
        self.outcome.roots = roots.collect();
        (self.outcome, self.ledger)
    }

    fn tell(&self, consequences: &[Consequence]) {
        for consequence in consequences.iter().filter(|one| one.fate == Fate::Skipped) {
            let address = self.nodes[consequence.node].address.clone();
            self.template.events.send(Event::NodeSkipped { address });
        }
    }

    fn tell_start(&self, step: Step) {
        let node = &self.nodes[step.node];
        self.template.events.send(Event::NodeStarted {
            address: node.address.clone(),
            half: step.half,
            summary: node.summary.clone(),
            after: self.last.map(|last| After {
                address: self.nodes[last.node].address.clone(),
                half: last.half,
            }),
        });
    }

    fn tell_done(&self, step: Step, elapsed: Duration, id: Option<String>) {
        self.template.events.send(Event::NodeDone {
            address: self.nodes[step.node].address.clone(),
            half: step.half,
            elapsed,
            id,
        });
    }

    fn fail(&mut self, step: Step, elapsed: Duration, diagnostic: Diagnostic) {
        let node = &self.nodes[step.node];
        let diagnostic = match &node.span {
            Some(span) if diagnostic.labels.is_empty() => diagnostic.at(span),
            _ => diagnostic,
        };
        self.template.events.send(Event::NodeFailed {
            address: node.address.clone(),
            half: step.half,
            elapsed,
            diagnostic: diagnostic.clone(),
        });
        self.outcome.failures.push(NodeFailure {
            address: node.address.clone(),
            half: step.half,
            diagnostic,
        });
    }
}

/// Whether a node is opened after a stop too.
fn outlives_a_stop(node: &Node) -> bool {
    StepNode::from(node).when == When::Always
}

/// What people call the thing that came of an open.
fn name_of(handle: &Handle) -> Option<String> {
    match handle {
        Handle::Volume { handle } => Some(handle.id.to_string()),
        Handle::Snapshot { handle } => Some(handle.id.to_string()),
        Handle::Image { handle } | Handle::Adopt { handle } | Handle::Update { handle } => Some(handle.id.to_string()),
        Handle::RegionalCopy { handle } => Some(handle.id.to_string()),
        _ => None,
    }
}
