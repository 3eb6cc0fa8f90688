//! What the parser of the command line has to say, in the form of every other message.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit::Exit;
use super::help;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ui::Terminal;

/// Answers a request for help, or says what is wrong.
pub fn answer(error: &clap::Error, arguments: &[OsString], terminal: &Terminal) -> Result<Exit, Diagnostics> {
    match error.kind() {
        ErrorKind::DisplayHelp => {
            terminal.data(&help::of(named_command(arguments)));
            Ok(Exit::Done)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if arguments.is_empty() => {
            terminal.say(help::of(None).trim_end());
            Ok(Exit::Failed)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(no_command(arguments).into())
        }
        ErrorKind::UnknownArgument => {
            let error = misplaced(error, arguments)
                .into_iter()
                .fold(diagnostic(error), Diagnostic::help);
            Err(error.help(hint(arguments)).into())
        }
        _ => Err(diagnostic(error).help(hint(arguments)).into()),
    }
}

/// Flags without a command; perhaps one of them has taken it for its value.
fn no_command(arguments: &[OsString]) -> Diagnostic {
    let definition = super::command();
    let taken = arguments.iter().filter_map(|argument| {
        let (flag, value) = argument.to_str()?.split_once('=')?;
        definition.find_subcommand(value)?;
        Some(format!("{} takes {value:?} for its value", one_dash(flag)))
    });
    let error = taken.fold(Diagnostic::error("no command is given"), Diagnostic::note);
    error.help("write bake -chdir=DIR COMMAND; bake -help lists the commands")
}

/// Where a flag belongs that stands on the wrong side of the command.
fn misplaced(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let flag = error.get(ContextKind::InvalidArg).map(shown)?;
    let name = flag.strip_prefix('-')?;
    let definition = super::command();
    let has = |command: &clap::Command| command.get_arguments().any(|known| known.get_long() == Some(name));
    let command = named_command(arguments)?;
    if has(&definition) {
        return Some(format!("it stands before the command: bake {flag} ... {command}"));
    }
    let is_known = definition.find_subcommand(&command).is_some_and(has);
    let stands_before = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .take_while(|argument| *argument != command.as_str())
        .any(|argument| argument.trim_start_matches('-').split('=').next() == Some(name));
    (is_known && stands_before).then(|| format!("it stands behind the command: bake {command} {flag}"))
}

/// What is wrong with the command line.
pub fn diagnostic(error: &clap::Error) -> Diagnostic {
    let text = |kind| error.get(kind).map(shown);
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let summary = match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!("unknown flag {argument}"),
        ErrorKind::UnknownArgument => format!("unexpected argument {argument:?}"),
        ErrorKind::InvalidSubcommand => {
            format!(
                "unknown command {:?}",
                text(ContextKind::InvalidSubcommand).unwrap_or_default()
            )
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} needs a value"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{value:?} is no value for {argument}"),
        ErrorKind::MissingRequiredArgument => format!("missing argument: {argument}"),
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_default();
            match other == argument {
                true => format!("{argument} is given more than once"),
                false => format!("{argument} and {other} do not go together"),
            }
        }
        ErrorKind::TooManyValues => format!("{argument} takes no value, not {value:?}"),
        _ => first_line(error),
    };
    let why = std::error::Error::source(error).map(ToString::to_string);
    let why = why.into_iter().chain(possible(error));
    let diagnostic = why.fold(Diagnostic::error(summary), Diagnostic::note);
    suggestions(error).into_iter().fold(diagnostic, Diagnostic::help)
}

fn possible(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(format!("it takes {}", values.join(", "))),
        _ => None,
    }
}

fn suggestions(error: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let found = kinds.into_iter().find_map(|kind| error.get(kind))?;
    let close = match found {
        ContextValue::String(one) => one_dash(one),
        ContextValue::Strings(several) => one_dash(several.last()?), // in rising order of likeness
        _ => return None,
    };
    Some(format!("did you mean {close}?"))
}

fn hint(arguments: &[OsString]) -> String {
    match named_command(arguments) {
        Some(name) => format!("bake {name} -help lists the flags and shows examples"),
        None => "bake -help lists the commands".to_owned(),
    }
}

/// The subcommand on a command line that could not be read whole.
fn named_command(arguments: &[OsString]) -> Option<String> {
    let definition = super::command();
    let named = arguments
        .iter()
        .find_map(|argument| definition.find_subcommand(argument));
    named.map(|command| command.get_name().to_owned())
}

fn shown(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(several) => several.iter().map(|one| one_dash(one)).collect::<Vec<_>>().join(", "),
        other => one_dash(&other.to_string()),
    }
}

/// `--out <FILE>` as bake writes it: `-out`.
fn one_dash(text: &str) -> String {
    match text.strip_prefix("--") {
        Some(flag) => format!("-{}", flag.split([' ', '=', '[']).next().unwrap_or(flag)),
        None => text.replace(['<', '>'], ""),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("the command line cannot be read");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
