//! `provision "local"`: commands on the builder host, beside the mounted image.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::script::{Script, run_all};
use super::{Every, Output, Site, Step, StepError, StepKind, every};
use crate::host::helper::Command;
use crate::schema::{Block, Class, Default, Given, Holds, Type, argument, block};

/// Its table.
pub static BLOCK: Block = block("provision")
    .kind("local")
    .labels(&["name"])
    .doc("Runs commands on the builder host; BAKE_ROOT is the mounted image, BAKE_DEVICE its disk, BAKE_IMAGE its address.")
    .holds(Holds::SecretsAndBuild)
    .exactly_one(&["inline", "script", "command"])
    .arguments(&[
        argument("inline", Type::TextList, Class::Bytes).doc("Lines of a script."),
        argument("script", Type::File, Class::Bytes).doc("A script on the builder host."),
        argument("command", Type::TextList, Class::Bytes).doc("A program with its arguments, run without a shell."),
        argument("interpreter", Type::TextList, Class::Bytes)
            .default(Default::List(&["/bin/sh", "-e"]))
            .doc("The command that gets the path of the script as its last argument."),
        argument("env", Type::TextMap, Class::Bytes).doc("Environment variables beside those of bake itself."),
        argument("exit_codes", Type::IntegerList, Class::Bytes)
            .default(Default::Integers(&[0]))
            .doc("Exit codes that count as success."),
        argument("working_directory", Type::Path, Class::Bytes)
            .doc("Where the commands begin. Default: the directory of the module."),
        argument("inputs", Type::Globs, Class::Bytes)
            .doc("Patterns of files that the commands read; when one of them changes, the step runs again."),
        every::TIMEOUT,
        every::RETRIES,
        every::PAUSE_BEFORE,
        every::WHEN,
        every::ALLOW_FAILURE,
        every::CHECKPOINT,
    ]);

/// `provision "local"`.
pub const KIND: StepKind = StepKind {
    block: &BLOCK,
    decode: |given| Box::new(Local::of(given)),
};

/// Commands on the builder host.
#[derive(Debug)]
pub struct Local {
    script: Script,
    interpreter: Vec<String>,
    env: BTreeMap<String, String>,
    exit_codes: Vec<i64>,
    directory: Option<String>,
    every: Every,
}

impl Local {
    /// From its arguments; a hook is decoded in the same way.
    pub fn of(given: &Given) -> Local {
        Local {
            script: Script::of(given),
            interpreter: given.texts("interpreter"),
            env: given.map("env"),
            exit_codes: given.integers("exit_codes"),
            directory: given.text("working_directory"),
            every: Every::of(given),
        }
    }
}

#[async_trait]
impl Step for Local {
    async fn run(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let own_directory = site.directory.display().to_string();
        let directory = match &self.directory {
            Some(path) => site.directory.join(path).display().to_string(),
            None => own_directory,
        };
        let base = Command {
            env: site.host_environment(&self.env),
            directory: Some(directory),
            network: crate::host::helper::Network::Host,
            ..Command::default()
        };
        let commands = self.script.commands(&[], &self.interpreter, &base)?;
        run_all(&site.helper, commands, &self.exit_codes, self.every.timeout, output).await
    }
}
