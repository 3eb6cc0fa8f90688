//! Flags may be written with one dash or two, and switches with a value (`-json=false`): brings them into the form that
//! the parser knows.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{ArgAction, Command};

/// Rewrites the arguments behind the name of the program. What follows `--` is left alone.
///
/// A value that begins with a dash belongs to the flag before it (`-var -x`), unless it is itself a flag of the command.
pub fn two_dashes(definition: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let mut command = definition;
    let mut result: Vec<OsString> = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            result.push(argument);
            break;
        }
        let Some(flag) = Flag::read(&argument) else {
            if std::ptr::eq(command, definition) {
                command = definition.find_subcommand(&argument).unwrap_or(command);
            }
            result.push(argument);
            continue;
        };
        let known = flag.find(command, definition);
        match known.map(clap::Arg::get_action) {
            Some(ArgAction::SetTrue) if flag.value == Some(OsStr::new("false")) => {}
            Some(ArgAction::SetTrue) if flag.value == Some(OsStr::new("true")) => result.push(joined(flag.name, None)),
            Some(action) if action.takes_values() && flag.value.is_none() && !is_optional(known) => {
                result.push(joined(flag.name, None));
                let is_value = |next: &mut OsString| {
                    next != "--" && Flag::read(next).is_none_or(|flag| flag.find(command, definition).is_none())
                };
                if let Some(value) = arguments.next_if(|next| is_value(&mut next.clone())) {
                    let name = result.pop().unwrap_or_default();
                    result.push(with_value(name, &value));
                }
            }
            _ => result.push(joined(flag.name, flag.value)),
        }
    }
    result.extend(arguments);
    result
}

/// A flag as it was written, without its dashes.
struct Flag<'a> {
    name: &'a OsStr,
    value: Option<&'a OsStr>,
}

impl<'a> Flag<'a> {
    /// `-name`, `--name`, `-name=value`; not `-`, `--`, `-1`.
    fn read(argument: &'a OsStr) -> Option<Flag<'a>> {
        let bytes = argument.as_bytes();
        let text = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-"))?;
        text.first().filter(|byte| byte.is_ascii_alphabetic())?;
        let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
        Some(Flag {
            name: OsStr::from_bytes(&text[..end]),
            value: text.get(end + 1..).map(OsStr::from_bytes),
        })
    }

    fn find<'c>(&self, command: &'c Command, top: &'c Command) -> Option<&'c clap::Arg> {
        let global = top.get_arguments().filter(|known| known.is_global_set());
        let mut known = command.get_arguments().chain(global);
        known.find(|known| known.get_long().is_some_and(|long| self.name == long))
    }
}

/// Whether a flag may stand without its value (`-refresh`, `-refresh=false`).
fn is_optional(known: Option<&clap::Arg>) -> bool {
    known.is_some_and(|known| known.is_require_equals_set())
}

fn joined(name: &OsStr, value: Option<&OsStr>) -> OsString {
    // The one short flag.
    if name == "h" {
        return OsString::from("-h");
    }
    let flag = OsString::from_vec([b"--", name.as_bytes()].concat());
    match value {
        Some(value) => with_value(flag, value),
        None => flag,
    }
}

fn with_value(mut flag: OsString, value: &OsStr) -> OsString {
    flag.push("=");
    flag.push(value);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn rewritten(line: &str) -> String {
        let plan = Command::new("plan")
            .arg(Arg::new("var").long("var").action(ArgAction::Append))
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
            .arg(Arg::new("refresh").long("refresh").num_args(0..=1).require_equals(true));
        let top = Command::new("bake")
            .arg(Arg::new("chdir").long("chdir"))
            .subcommand(plan);
        let arguments = line.split_whitespace().map(OsString::from).collect();
        let result = two_dashes(&top, arguments);
        result
            .join(OsStr::new(" "))
            .into_string()
            .expect("what went in was text")
    }

    #[test]
    fn one_dash_becomes_two() {
        assert_eq!(rewritten("-chdir=a plan -json"), "--chdir=a plan --json");
        assert_eq!(rewritten("-chdir a plan --json"), "--chdir=a plan --json");
        assert_eq!(rewritten("plan -h -help"), "plan -h --help");
        assert_eq!(rewritten("plan - -1"), "plan - -1");
        assert_eq!(rewritten("plan -unknown=-x"), "plan --unknown=-x");
    }

    #[test]
    fn values_stay_what_they_are() {
        assert_eq!(rewritten("plan -var -x=1"), "plan --var=-x=1");
        assert_eq!(rewritten("plan -var x=-json"), "plan --var=x=-json");
        assert_eq!(rewritten("plan -var -json"), "plan --var --json");
        assert_eq!(rewritten("plan -var"), "plan --var");
        assert_eq!(rewritten("plan -refresh -var=a"), "plan --refresh --var=a");
        assert_eq!(rewritten("plan -refresh=false file"), "plan --refresh=false file");
        assert_eq!(rewritten("-chdir plan plan"), "--chdir=plan plan");
    }

    #[test]
    fn nothing_is_changed_behind_two_dashes() {
        assert_eq!(rewritten("plan -json -- -json"), "plan --json -- -json");
        assert_eq!(rewritten("plan -var -- -json"), "plan --var -- -json");
    }

    #[test]
    fn switches_take_true_and_false() {
        assert_eq!(rewritten("plan -json=true"), "plan --json");
        assert_eq!(rewritten("plan -json=false"), "plan");
        assert_eq!(rewritten("plan -json=maybe"), "plan --json=maybe");
    }
}
