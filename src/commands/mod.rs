//! One file per subcommand: its arguments, its help, and what it does.

mod apply;
mod arguments;
mod assignments;
mod attendant;
mod completion;
mod confirm;
mod console;
mod destroy;
mod ending;
mod exit;
mod export;
mod fmt;
mod force_unlock;
mod format;
mod gc;
mod graph;
mod help;
mod images;
mod import;
mod init;
mod locking;
mod man;
mod output;
mod panic;
mod plan;
mod policy;
mod record;
mod recover;
mod rights;
mod saved;
mod schema;
mod session;
mod show;
mod update;
mod usage;
mod validate;
mod verify;
mod version;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::diagnostic::Diagnostics;
use crate::host::HostError;
use crate::ui::Terminal;
use crate::ui::terminal::Wish;
use exit::Exit;
use format::Errors;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "bake",
    about = "Builds machine images from declarations, shows what would change before it does, and leaves nothing behind.",
    version,
    disable_version_flag = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND",
    after_help = "\
bake init                                # write a starter module into this directory
bake plan                                # what would change, and why
bake apply                               # plan, ask, and do exactly that
bake -chdir=images/web plan -out plan    # a module elsewhere, the plan kept in a file"
)]
struct Cli {
    /// Run as if started in this directory.
    #[arg(long, value_name = "DIR")]
    chdir: Option<PathBuf>,
    /// No colours, whatever the terminal can do.
    #[arg(long, global = true)]
    no_color: bool,
    /// Show what a command does, its flags and examples.
    #[arg(long, short, global = true, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

/// Every subcommand, in the order in which help lists them.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Fmt(fmt::Args),
    Validate(validate::Args),
    Update(update::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Destroy(destroy::Args),
    Show(show::Args),
    Graph(graph::Args),
    Console(console::Args),
    Output(output::Args),
    Images(images::Args),
    Import(import::Args),
    Export(export::Args),
    Verify(verify::Args),
    Recover(recover::Args),
    Gc(gc::Args),
    Policy(policy::Args),
    ForceUnlock(force_unlock::Args),
    Schema(schema::Args),
    Completion(completion::Args),
    Man(man::Args),
    Version(version::Args),
    Help(help::Args),
}

impl Command {
    /// How what is wrong is said to programs, where that was asked for and is not the command's own business.
    fn errors(&self) -> Option<Errors> {
        let (json, form) = match self {
            Command::Apply(args) => (args.flags.carrying.json, Errors::Lines),
            Command::Destroy(args) => (args.flags.carrying.json, Errors::Lines),
            Command::Import(args) => (args.carrying.json, Errors::Lines),
            Command::Images(args) => (args.json, Errors::Document),
            Command::Output(args) => (args.json, Errors::Document),
            Command::Verify(args) => (args.json, Errors::Document),
            _ => (false, Errors::Document),
        };
        json.then_some(form)
    }

    fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        match self {
            Command::Init(args) => args.run(terminal),
            Command::Fmt(args) => args.run(terminal),
            Command::Validate(args) => args.run(terminal),
            Command::Update(args) => args.run(terminal),
            Command::Plan(args) => args.run(terminal),
            Command::Apply(args) => args.run(terminal),
            Command::Destroy(args) => args.run(terminal),
            Command::Show(args) => args.run(terminal),
            Command::Graph(args) => args.run(terminal),
            Command::Console(args) => args.run(terminal),
            Command::Output(args) => args.run(terminal),
            Command::Images(args) => args.run(terminal),
            Command::Import(args) => args.run(terminal),
            Command::Export(args) => args.run(terminal),
            Command::Verify(args) => args.run(terminal),
            Command::Recover(args) => args.run(terminal),
            Command::Gc(args) => args.run(terminal),
            Command::Policy(args) => args.run(terminal),
            Command::ForceUnlock(args) => args.run(terminal),
            Command::Schema(args) => args.run(terminal),
            Command::Completion(args) => args.run(terminal),
            Command::Man(args) => args.run(terminal),
            Command::Version(args) => args.run(terminal),
            Command::Help(args) => args.run(terminal),
        }
    }
}

/// Runs bake with the arguments behind its name.
pub fn main(mut arguments: Vec<OsString>) -> ExitCode {
    if let Some(first) = arguments
        .first_mut()
        .filter(|first| ["-version", "--version", "-V"].iter().any(|flag| *first == flag))
    {
        *first = "version".into();
    }
    let arguments = arguments::two_dashes(&command(), arguments);
    let no_color = arguments.iter().any(|argument| argument == "--no-color");
    let terminal = Arc::new(Terminal::new(Wish::read(no_color, |name| std::env::var(name).ok())));
    panic::report_as_bugs();
    // What panicked has said so; the exit code is that of any other error.
    let result = catch_unwind(AssertUnwindSafe(|| run(arguments, &terminal)));
    let exit = result.unwrap_or(Ok(Exit::Failed)).unwrap_or_else(|diagnostics| {
        terminal.diagnostics(&diagnostics);
        Exit::Failed
    });
    match terminal.failure() {
        Some(error) => {
            terminal.diagnostics(&HostError::of_io("write to standard output", error).into());
            Exit::Failed.code()
        }
        None => exit.code(),
    }
}

fn run(arguments: Vec<OsString>, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
    let matches = match command().no_binary_name(true).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage::answer(&error, &arguments, terminal),
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| usage::diagnostic(&error))?;
    if let Some(directory) = &cli.chdir {
        change_directory(directory)?;
    }
    let errors = cli.command.errors();
    cli.command.run(terminal).inspect_err(|diagnostics| {
        if let Some(form) = errors {
            format::say_errors(diagnostics, form, terminal);
        }
    })
}

/// Flags of `apply` that say nothing where everything is removed: taken, but not listed.
const OF_NO_USE_TO_DESTROY: [&str; 4] = ["destroy", "replace", "refresh_only", "on_error"];

/// The whole definition of the command line.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_name() {
        "destroy" => OF_NO_USE_TO_DESTROY
            .iter()
            .fold(command, |command, flag| command.mut_arg(flag, |flag| flag.hide(true))),
        _ => command,
    })
}

fn change_directory(directory: &Path) -> Result<(), Diagnostics> {
    std::env::set_current_dir(directory).map_err(|error| {
        let error = HostError::on_path("work in", directory, error);
        error.help("-chdir wants the directory of a module").into()
    })
}
