//! What a step or a hook runs: lines, script files, or a program with its arguments.

use std::time::{Duration, Instant};

use super::{Output, StepError};
use crate::host::helper::{Command, Exit, HANDED, HandedFile, Helper, Input};
use crate::schema::{Given, GivenFile};

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// Lines of a script of their own.
    Inline(Vec<String>),
    /// Files on the builder host, one after the other.
    Files(Vec<GivenFile>),
    /// A program with its arguments.
    Program(Vec<String>),
}

/// A command that is ready but for where it runs.
#[derive(Debug, Clone)]
pub struct Ready {
    /// As messages name it: `scripts/nginx.sh`, `the script`.
    pub name: String,
    /// The command line and the files that it finds.
    pub command: Command,
}

impl Script {
    /// From `inline`, `script`, `scripts` or `command`.
    pub fn of(given: &Given) -> Script {
        let files: Vec<GivenFile> = [given.files("script"), given.files("scripts")].concat();
        let (inline, program) = (given.texts("inline"), given.texts("command"));
        if !files.is_empty() {
            Script::Files(files)
        } else if !program.is_empty() {
            Script::Program(program)
        } else {
            Script::Inline(inline)
        }
    }

    /// The commands, in order: `wrapper`, then `interpreter`, then the path of the script.
    ///
    /// # Errors
    /// [`StepError::Changed`] if a file is not what was planned with.
    pub fn commands(
        &self,
        wrapper: &[String],
        interpreter: &[String],
        base: &Command,
    ) -> Result<Vec<Ready>, StepError> {
        let script = |name: String, file_name: String, content: Vec<u8>| {
            let path = format!("{HANDED}/{file_name}");
            let handed = HandedFile {
                name: file_name,
                content,
                mode: 0o755,
            };
            Ready {
                name,
                command: Command {
                    argv: [wrapper, interpreter, &[path]].concat(),
                    files: [base.files.as_slice(), &[handed]].concat(),
                    ..base.clone()
                },
            }
        };
        match self {
            Script::Inline(lines) => {
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                Ok(vec![script(
                    "the script".to_owned(),
                    "inline".to_owned(),
                    text.into_bytes(),
                )])
            }
            Script::Files(files) => files
                .iter()
                .map(|file| {
                    Ok(script(
                        file.path.display().to_string(),
                        file_name(file),
                        read_planned(file)?,
                    ))
                })
                .collect(),
            Script::Program(program) => Ok(vec![Ready {
                name: program.first().cloned().unwrap_or_default(),
                command: Command {
                    argv: [wrapper, program].concat(),
                    ..base.clone()
                },
            }]),
        }
    }
}

fn file_name(file: &GivenFile) -> String {
    let name = file
        .absolute
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "script".to_owned())
}

/// Runs commands one after the other, until one ends with a status that is none of `exit_codes`. `timeout` is for all of
/// them together.
///
/// # Errors
/// [`StepError::Ended`] with the last lines of its output.
pub async fn run_all(
    helper: &Helper,
    commands: Vec<Ready>,
    exit_codes: &[i64],
    timeout: Option<Duration>,
    output: &Output,
) -> Result<(), StepError> {
    let begun = Instant::now();
    for Ready { name, mut command } in commands {
        command.timeout = timeout.map(|limit| limit.saturating_sub(begun.elapsed()));
        let mut writer = output.writer();
        let exit = helper
            .run(command, Input::Nothing, |stream, bytes| writer.write(stream, bytes))
            .await?;
        let tail = writer.finish();
        match exit {
            Exit::Stopped => return Err(StepError::Stopped),
            Exit::Code(code) if exit_codes.contains(&i64::from(code)) => {}
            exit => {
                return Err(StepError::Ended {
                    what: name,
                    exit,
                    timeout,
                    tail,
                });
            }
        }
    }
    Ok(())
}

/// The bytes of a file, if they are those that the plan was made with.
///
/// # Errors
/// [`StepError::Changed`] if they are not, [`StepError::Unreadable`].
pub fn read_planned(file: &GivenFile) -> Result<Vec<u8>, StepError> {
    let content = std::fs::read(&file.absolute).map_err(|why| StepError::unreadable(file, &why))?;
    if crate::digest::Digest::of(&content) != file.digest {
        return Err(StepError::Changed {
            path: file.path.clone(),
        });
    }
    Ok(content)
}
