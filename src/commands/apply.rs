//! `bake apply`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::ValueEnum;

use super::attendant::AtTerminal;
use super::exit::Exit;
use super::format::{self, Format};
use super::plan::{PlanArguments, Planned};
use super::rights::Rights;
use super::session::Session;
use super::{confirm, ending, locking, record, saved, session};
use crate::apply::recover::Scope;
use crate::apply::{self, OnError, Settings, Signals};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::event::Events;
use crate::host::machine;
use crate::lang::Value;
use crate::nodes::context::Secrets;
use crate::plan::{Action, Mode, Plan};
use crate::ui::plan::View;
use crate::ui::progress::{Progress, Style};
use crate::ui::{self, Terminal};
use crate::units::Duration;

/// Plan, ask, and do exactly that
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Plan, ask, and do exactly that; or do what a plan file says, without asking. What an earlier run left is \
                  cleared away first. Ctrl-C stops in good order; a second one at once, and the next apply clears up.",
    after_help = "\
bake apply
bake apply web.bakeplan
bake apply web.bakeplan -expect sha256:4f1c...   # only the plan that was approved
bake apply -auto-approve -target image.web
bake apply -on-error shell                # a shell in the image where a step failed
bake apply -auto-approve -json > events.jsonl"
)]
pub struct Args {
    /// A plan that bake plan -out has kept.
    #[arg(value_name = "PLAN")]
    file: Option<PathBuf>,
    /// Apply the plan file only if this is its SHA-256: the one that was approved.
    #[arg(long, value_name = "DIGEST", requires = "file")]
    expect: Option<Digest>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Flags of all that changes images.
#[derive(Debug, clap::Args)]
pub struct Flags {
    #[command(flatten)]
    pub planning: PlanArguments,
    /// What happens when a step fails.
    #[arg(long, value_name = "WHAT", default_value = "cleanup")]
    on_error: WhenFailed,
    #[command(flatten)]
    pub(super) carrying: Carrying,
}

/// Flags of all that carries out a plan.
#[derive(Debug, clap::Args)]
pub struct Carrying {
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
    /// How long the lock of an image is waited for, such as 90s; 0: fail at once. By default as long as it takes.
    #[arg(long, value_name = "TIME", value_parser = locking::timeout)]
    lock_timeout: Option<Duration>,
    /// Print what happens as JSON, one object per line.
    #[arg(long)]
    pub(super) json: bool,
}

/// `-on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhenFailed {
    /// Tear down.
    Cleanup,
    /// Leave what stands, to be looked at; bake recover ends it.
    Keep,
    /// Ask.
    Ask,
    /// Open a shell in the image, then ask.
    Shell,
}

impl Args {
    /// Plans or reads the plan, asks, applies, and says what came of it.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        match &self.file {
            None => self.flags.run(terminal),
            Some(file) => self.flags.run_saved(file, self.expect.as_ref(), terminal),
        }
    }
}

impl Flags {
    /// Plans, asks and applies.
    ///
    /// # Errors
    /// What kept it from beginning.
    pub fn run(&self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        self.check(terminal)?;
        let rights = Rights::obtain();
        self.recover(terminal)?;
        let Planned { session, plan, .. } = self.planning.plan(terminal)?;
        if plan.mode == Mode::RefreshOnly {
            return Err(not_to_be_applied().into());
        }
        self.carry_out(plan, &session, &rights, terminal)
    }

    /// Of a command that plans by itself.
    pub fn only_carrying(carrying: Carrying, input: bool) -> Flags {
        Flags {
            planning: PlanArguments::with_input(input),
            on_error: WhenFailed::Cleanup,
            carrying,
        }
    }

    /// Clears away what an earlier run left, before anything is looked at.
    ///
    /// # Errors
    /// A journal that does not read.
    pub fn recover(&self, terminal: &Arc<Terminal>) -> Result<(), Diagnostics> {
        let runtime = session::runtime()?;
        let early = match self.carrying.json {
            true => Events::nowhere(),
            false => session::saying(terminal),
        };
        let early = session::contact(terminal, self.planning.input, early);
        let work = apply::recover(Path::new(BAKE_DIRECTORY), Scope::Dead, COMMAND, &early);
        runtime.block_on(work).map(drop)
    }

    /// Shows a plan, asks, and does what it says.
    ///
    /// # Errors
    /// What kept it from beginning.
    pub fn carry_out(
        &self,
        plan: Plan,
        session: &Session,
        rights: &Rights,
        terminal: &Arc<Terminal>,
    ) -> Result<Exit, Diagnostics> {
        if !self.carrying.json {
            format::show(&plan, Format::Text, View::Whole, terminal);
        }
        rights.check(&plan)?;
        if !plan.is_empty() {
            let may_ask = self.planning.input;
            let asked = confirm::asked(terminal, self.carrying.auto_approve, may_ask, question(&plan));
            if !asked.map_err(|nobody| or_keep(&plan, nobody))? {
                return Ok(Exit::Failed);
            }
        }
        let secrets = session.module.hidden().collect();
        self.execute(plan, secrets, Some(session), terminal)
    }

    fn run_saved(&self, file: &Path, expected: Option<&Digest>, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        self.check(terminal)?;
        if let Some(flag) = self.planning.shaping() {
            let error = Diagnostic::error(format!(
                "{flag} does not go with a plan file: what is done stands in it"
            ));
            return Err(error
                .help(format!("plan again with {flag}: bake plan -out FILE"))
                .into());
        }
        let rights = Rights::obtain();
        let (plan, secrets) = saved::read(file, expected, &self.planning, terminal)?;
        if plan.mode == Mode::RefreshOnly {
            return Err(not_to_be_applied().into());
        }
        rights.check(&plan)?;
        self.execute(plan, secrets, None, terminal)
    }

    fn execute(
        &self,
        plan: Plan,
        secrets: Vec<Value>,
        session: Option<&Session>,
        terminal: &Arc<Terminal>,
    ) -> Result<Exit, Diagnostics> {
        let json = self.carrying.json;
        let style = if json { Style::Json } else { Style::People };
        let changed = plan.images.iter().filter(|image| image.action != Action::None);
        let images: Vec<_> = changed.map(|image| image.address.clone()).collect();
        let progress = Progress::begin(terminal, style, &images);
        if json {
            ui::plan::events(&plan).iter().for_each(|line| terminal.data(line));
        }
        let begun = Instant::now();
        let signals = Signals::watch(progress.events(), {
            let progress = progress.clone();
            move || progress.finish()
        })?;
        let runtime = session::runtime()?;
        let secrets = Secrets::new(
            secrets
                .iter()
                .chain(&crate::plan::secrets(&plan))
                .flat_map(Value::texts),
        );
        let events = record::keeping(progress.events(), secrets.clone());
        let providers = session.map(|session| {
            // What they have to say belongs to the apply from now on.
            session.contact.turn_to(&events);
            session.providers.clone()
        });
        let settings = Settings {
            providers,
            ..self.settings(&plan, secrets, events, signals.clone(), terminal)
        };
        let report = runtime.block_on(apply::run(plan.clone(), settings));
        // A question that was cut off by a signal still waits for its answer.
        runtime.shutdown_background();
        progress.finish();
        if let (Err(cause), Some(status)) = (&report, signals.status()) {
            terminal.diagnostics(cause);
            return Ok(Exit::Signal(status));
        }
        let ending = ending::Ending {
            plan: &plan,
            took: begun.elapsed().into(),
            json,
        };
        Ok(ending.say(&report?, terminal))
    }

    fn settings(
        &self,
        plan: &Plan,
        secrets: Secrets,
        events: Events,
        signals: Signals,
        terminal: &Arc<Terminal>,
    ) -> Settings {
        let on_error = match self.on_error {
            WhenFailed::Cleanup => OnError::Cleanup,
            WhenFailed::Keep => OnError::Keep,
            WhenFailed::Ask => OnError::Consult(Arc::new(AtTerminal::asking(terminal))),
            WhenFailed::Shell => OnError::Consult(Arc::new(AtTerminal::with_shell(terminal))),
        };
        Settings {
            bake_directory: plan.inputs.directory.join(BAKE_DIRECTORY),
            parallelism: self.planning.parallelism.map_or_else(default_parallelism, usize::from),
            lock_timeout: self.carrying.lock_timeout.map(Duration::as_std),
            on_error,
            secrets,
            signals,
            contact: session::contact(terminal, self.planning.input, events),
            executable: None,
            command: match plan.mode {
                Mode::Import => "bake import".to_owned(),
                _ => COMMAND.to_owned(),
            },
            providers: None,
        }
    }

    /// What cannot work is said before anything is done.
    fn check(&self, terminal: &Terminal) -> Result<(), Diagnostic> {
        let asks = matches!(self.on_error, WhenFailed::Ask | WhenFailed::Shell);
        match asks && !(terminal.can_ask() && self.planning.input) {
            true => Err(Diagnostic::error("-on-error ask and shell want a terminal").help("use -on-error keep")),
            false => Ok(()),
        }
    }
}

/// The directory of journals, logs and locks, beside the module.
pub const BAKE_DIRECTORY: &str = ".bake";
/// As others see it who wait for a lock.
pub const COMMAND: &str = "bake apply";

/// As many as there are processors, but enough that one who waits does not hold up the others.
pub(super) fn default_parallelism() -> usize {
    machine::processors().clamp(4, 16)
}

fn question(plan: &Plan) -> &'static str {
    match plan.mode {
        Mode::Import => "\nTake this image over? Later plans may replace and retire it. Only \"yes\" will do: ",
        Mode::Destroy => "\nRemove these images? There is no way back. Only \"yes\" will do: ",
        _ => "\nApply these changes? Only \"yes\" will do: ",
    }
}

/// A plan that nobody can say yes to now can be looked at later; what an import does is in no plan file.
fn or_keep(plan: &Plan, nobody: Diagnostic) -> Diagnostic {
    let imports = plan.images.iter().any(|image| image.action == Action::Import);
    match (plan.mode, imports) {
        (_, true) => nobody,
        (Mode::Destroy, _) => nobody.help("or keep the plan: bake plan -destroy -out FILE, then bake apply FILE"),
        _ => nobody.help("or keep the plan: bake plan -out FILE, then bake apply FILE"),
    }
}

fn not_to_be_applied() -> Diagnostic {
    Diagnostic::error("a plan of -refresh-only only shows what was changed; it cannot be applied")
        .help("bake plan shows what bake would do about it")
}
