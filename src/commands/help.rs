//! `bake help`, and `-help` of every command: what it does, its flags, and examples.

use clap::{Arg, Command};

use super::exit::Exit;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ui::Terminal;

/// Show what a command does, its flags and examples
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake help
bake help plan")]
pub struct Args {
    /// The command; without it, all are listed.
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl Args {
    /// Prints the help of a command, or the list of all.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let known = super::command();
        if let Some(name) = self
            .command
            .as_deref()
            .filter(|name| known.find_subcommand(name).is_none())
        {
            return Err(unknown(&known, name).into());
        }
        terminal.data(&of(self.command));
        Ok(Exit::Done)
    }
}

/// The help of a command; without a name, of bake.
pub fn of(name: Option<String>) -> String {
    let mut top = super::command();
    top.build();
    let command = name
        .as_deref()
        .and_then(|name| top.find_subcommand(name))
        .unwrap_or(&top);
    let parts = [
        Some(format!("Usage: {}\n\n{}", usage(command), about(command))),
        list(
            "Commands",
            command
                .get_subcommands()
                .filter(|one| !one.is_hide_set())
                .map(command_row),
        ),
        list("Arguments", command.get_positionals().map(argument_row)),
        list("Flags", flags(command).map(flag_row)),
        examples(command),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// `bake plan [flags] [FILE]`.
fn usage(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let mut words = vec![name.to_owned(), "[flags]".to_owned()];
    words.extend(command.get_positionals().map(positional));
    words.extend(command.has_subcommands().then(|| "COMMAND".to_owned()));
    words.join(" ")
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    let text = about.map(ToString::to_string).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{text}{stop}\n")
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_opts()
        .chain(
            command
                .get_arguments()
                .filter(|arg| !arg.is_positional() && !takes_value(arg)),
        )
        .filter(|arg| !arg.is_hide_set())
}

fn list(title: &str, rows: impl Iterator<Item = (String, String)>) -> Option<String> {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max()?;
    let lines = rows
        .iter()
        .map(|(name, text)| format!("  {name:width$}  {text}").trim_end().to_owned() + "\n");
    Some(format!("{title}:\n{}", lines.collect::<String>()))
}

fn command_row(command: &Command) -> (String, String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    (command.get_name().to_owned(), about)
}

fn argument_row(arg: &Arg) -> (String, String) {
    (positional(arg), help_text(arg))
}

fn flag_row(arg: &Arg) -> (String, String) {
    let long = arg.get_long().unwrap_or_default();
    let name = match (takes_value(arg), arg.is_require_equals_set()) {
        (false, _) => format!("-{long}"),
        (true, true) => format!("-{long}={}", value_name(arg)),
        (true, false) => format!("-{long} {}", value_name(arg)),
    };
    (name, help_text(arg))
}

fn help_text(arg: &Arg) -> String {
    let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    let values = (takes_value(arg) && values.len() > 2).then(|| format!(" ({})", values.join(", ")));
    text + &values.unwrap_or_default()
}

fn positional(arg: &Arg) -> String {
    match arg.is_required_set() {
        true => value_name(arg),
        false => format!("[{}]", value_name(arg)),
    }
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names
        .first()
        .map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn examples(command: &Command) -> Option<String> {
    let text = command.get_after_help()?.to_string();
    let lines = text
        .lines()
        .map(|line| format!("  {line}").trim_end().to_owned() + "\n");
    Some(format!("Examples:\n{}", lines.collect::<String>()))
}

fn unknown(known: &Command, name: &str) -> Diagnostic {
    let names = known.get_subcommands().map(Command::get_name);
    let close = names
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let diagnostic = Diagnostic::error(format!("unknown command {name:?}"));
    match close.filter(|(likeness, _)| *likeness > 0.8) {
        Some((_, close)) => diagnostic.help(format!("did you mean {close}?")),
        None => diagnostic.help("bake -help lists the commands"),
    }
}
