//! `bake plan`.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Exit;
use super::format::{self, FormatArguments};
use super::session::{self, ModuleArguments, Session};
use crate::address::Selection;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::observe::World;
use crate::plan::{self, Mode, Options, Plan};
use crate::ui::Terminal;
use crate::ui::plan::View;
use crate::ui::waiting::Waiting;

/// Show what would change, and why
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what would change, and why. Nothing is changed, and no rights beyond reading are needed.",
    after_help = "\
bake plan
bake plan -out web.bakeplan -target image.web     # bake apply web.bakeplan then does exactly that
bake plan -replace image.base -var release=trixie
bake plan -detailed-exitcode                      # 2 if there are changes
bake plan -json | jq -r '.resource_changes[].action'
bake plan -format markdown > comment.md           # for a pull request"
)]
pub struct Args {
    #[command(flatten)]
    planning: PlanArguments,
    /// Keep the plan in a file, for bake apply FILE.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 if there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    format: FormatArguments,
    /// Only the first and the last lines.
    #[arg(long)]
    concise: bool,
}

/// Flags of all that makes a plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub module: ModuleArguments,
    /// Only this image, or those of this module, and what they need (when removing: what needs them); may be repeated.
    #[arg(long, value_name = "IMAGE")]
    target: Vec<Selection>,
    /// Not this image, or those of this module, nor what needs them (when removing: what they need); may be repeated.
    #[arg(long, value_name = "IMAGE")]
    exclude: Vec<Selection>,
    /// Build this image, or those of this module, again though nothing changed; may be repeated.
    #[arg(long, value_name = "IMAGE")]
    replace: Vec<Selection>,
    /// Remove every image.
    #[arg(long, conflicts_with = "replace")]
    pub destroy: bool,
    /// Only show what was changed outside of bake; such a plan cannot be applied.
    #[arg(long, conflicts_with_all = ["destroy", "replace"])]
    refresh_only: bool,
    /// With false: believe what was recorded instead of looking whether somebody changed it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set, conflicts_with = "refresh_only")]
    refresh: bool,
    /// Of warnings only the first line.
    #[arg(long)]
    compact_warnings: bool,
    /// With false: never ask, fail instead.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub input: bool,
    /// How many nodes may be under way at once; by default as many as suit this host.
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    pub parallelism: Option<u16>,
}

/// A plan with all that it was made from.
pub struct Planned {
    /// The module and its providers.
    pub session: Session,
    /// What is to be done.
    pub plan: Plan,
    /// What stands.
    world: World,
}

impl Planned {
    /// Leaves it to the end of the process to take it apart: of thousands of images that is a tenth of a plan.
    fn leave(self) {
        let Planned { session, plan, world } = self;
        std::mem::forget((session, plan, world));
    }
}

impl PlanArguments {
    /// Reads the module, looks at what stands, and plans. Warnings are shown.
    ///
    /// # Errors
    /// All that is wrong with the module, or with what it asks for.
    pub fn plan(&self, terminal: &Arc<Terminal>) -> Result<Planned, Diagnostics> {
        let _waiting = Waiting::show(terminal, "Reading the module and what stands ...");
        let contact = session::contact(terminal, self.input, session::saying(terminal));
        let session = Session::of(self.module.load_asking(terminal, self.input)?, &contact)?;
        // What is wrong with credentials, the next question says better.
        session
            .who()
            .unwrap_or_default()
            .iter()
            .for_each(|who| terminal.say(who));
        let mut world = session.world_to_plan()?;
        if !self.refresh {
            world.forget_drift();
        }
        let options = self.options();
        let mut plan = plan::make(&session.module, &world, &options)?;
        if session.look_closer(&plan, &mut world)? {
            plan = plan::make(&session.module, &world, &options)?;
        }
        terminal.diagnostics(&self.shortened(&plan.warnings));
        Ok(Planned { session, plan, world })
    }

    /// The first flag, if any, that says what is planned: of no use where a plan is there.
    pub fn shaping(&self) -> Option<&'static str> {
        let flags = [
            ("-target", !self.target.is_empty()),
            ("-exclude", !self.exclude.is_empty()),
            ("-replace", !self.replace.is_empty()),
            ("-destroy", self.destroy),
            ("-refresh-only", self.refresh_only),
            ("-refresh=false", !self.refresh),
        ];
        flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }

    /// Of a command that plans by itself.
    pub fn with_input(input: bool) -> PlanArguments {
        PlanArguments {
            input,
            ..PlanArguments::default()
        }
    }

    fn options(&self) -> Options {
        let mode = match (self.destroy, self.refresh_only) {
            (true, _) => Mode::Destroy,
            (_, true) => Mode::RefreshOnly,
            _ => Mode::Normal,
        };
        Options {
            mode,
            targets: self.target.clone(),
            exclude: self.exclude.clone(),
            replace: self.replace.clone(),
            now: jiff::Timestamp::now().to_string(),
        }
    }

    fn shortened(&self, warnings: &Diagnostics) -> Diagnostics {
        let short = |one: &Diagnostic| match self.compact_warnings {
            true => Diagnostic::warning(one.summary.clone()),
            false => one.clone(),
        };
        warnings.iter().map(short).collect()
    }
}

impl Args {
    /// Plans and prints.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let format = self.format.chosen();
        // Before anything is read: a long plan would hide it.
        self.out.as_deref().map_or(Ok(()), plan::file::check_place)?;
        let planned = self.planning.plan(terminal);
        let planned = planned.inspect_err(|errors| format::show_errors(errors, format, terminal))?;
        let plan = &planned.plan;
        let view = match self.concise {
            true => View::Concise,
            false => View::Whole,
        };
        format::show(plan, format, view, terminal);
        if let Some(file) = &self.out {
            let digest = plan::file::write(file, plan)?;
            let file = file.display();
            terminal.say(&format!(
                "\nKept in {file}: bake apply {file} does exactly this.\nTo approve it by name: bake apply {file} -expect {digest}"
            ));
        }
        // Of -refresh-only what was changed outside is what there is to tell.
        let drifted = plan.mode == Mode::RefreshOnly && plan.images.iter().any(|image| !image.drift.is_empty());
        let exit = match self.detailed_exitcode && (drifted || !plan.is_empty()) {
            true => Exit::Changes,
            false => Exit::Done,
        };
        planned.leave();
        Ok(exit)
    }
}

fn at_least_one(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "it takes a whole number from 1 to 65535".to_owned())
}
