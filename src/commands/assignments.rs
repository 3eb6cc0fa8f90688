//! `-var` and `-var-file`, in the order in which they were written: the last one counts.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::module::Assignment;

/// Values of variables from the command line, from left to right.
#[derive(Debug, Clone, Default)]
pub struct Assignments(pub Vec<Assignment>);

impl clap::Args for Assignments {
    fn augment_args(command: Command) -> Command {
        let var = Arg::new("var")
            .long("var")
            .value_name("NAME=VALUE")
            .action(ArgAction::Append);
        let file = Arg::new("var_file")
            .long("var-file")
            .value_name("FILE")
            .action(ArgAction::Append);
        command
            .arg(
                var.value_parser(ValueParser::new(variable))
                    .help("Give a variable a value; may be repeated"),
            )
            .arg(
                file.value_parser(value_parser!(PathBuf))
                    .help("Read values of variables from a file; may be repeated"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Assignments::augment_args(command)
    }
}

impl clap::FromArgMatches for Assignments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Assignments, clap::Error> {
        let places = |name| matches.indices_of(name).into_iter().flatten();
        let values = matches.get_many::<(String, String)>("var").into_iter().flatten();
        let values = values.map(|(name, text)| Assignment::Value {
            name: name.clone(),
            text: text.clone(),
        });
        let files = matches.get_many::<PathBuf>("var_file").into_iter().flatten();
        let files = files.map(|path| Assignment::File(path.clone()));
        let mut all: Vec<_> = places("var").zip(values).chain(places("var_file").zip(files)).collect();
        all.sort_by_key(|(place, _)| *place);
        Ok(Assignments(all.into_iter().map(|(_, assignment)| assignment).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Assignments::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    match name.is_empty() {
        true => Err("the name is missing; write NAME=VALUE".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    #[test]
    fn values_and_files_stay_in_order() {
        let command = Assignments::augment_args(Command::new("plan").no_binary_name(true));
        let line = ["--var=a=1", "--var-file=f", "--var=a=x=y"];
        let matches = command.try_get_matches_from(line).expect("the line is right");
        let Assignments(all) = Assignments::from_arg_matches(&matches).expect("the line is right");
        let shown: Vec<_> = all
            .iter()
            .map(|one| match one {
                Assignment::Value { name, text } => format!("{name}: {text}"),
                Assignment::File(path) => path.display().to_string(),
            })
            .collect();
        assert_eq!(shown, ["a: 1", "f", "a: x=y"]);
        for bad in ["--var=a", "--var==1"] {
            let command = Assignments::augment_args(Command::new("plan").no_binary_name(true));
            assert!(command.try_get_matches_from([bad]).is_err());
        }
    }
}
