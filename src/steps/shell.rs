//! `provision "shell"`: a script that runs in the image.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::script::{Script, run_all};
use super::{Every, Output, Site, Step, StepError, StepKind, every, guests};
use crate::host::helper::Command;
use crate::schema::{Block, Class, Default, Given, Holds, Type, argument, block, once};

/// Its table.
pub static BLOCK: Block = block("provision")
    .kind("shell")
    .labels(&["name"])
    .doc("Runs a script in the image, with a clean environment, as the first process of its own process tree.")
    .holds(Holds::SecretsAndBuild)
    .exactly_one(&["inline", "script", "scripts"])
    .arguments(&[
        argument("inline", Type::TextList, Class::Bytes).doc("Lines of a script."),
        argument("script", Type::File, Class::Bytes).doc("A script on the builder host."),
        argument("scripts", Type::FileList, Class::Bytes).doc("Scripts on the builder host, run one after the other."),
        argument("interpreter", Type::TextList, Class::Bytes)
            .default(Default::List(&["/bin/sh", "-e"]))
            .doc("The command in the image that gets the path of the script as its last argument."),
        argument("env", Type::TextMap, Class::Bytes)
            .doc("Environment variables beside PATH, HOME, LANG, BAKE_IMAGE and BAKE_RUN_ID."),
        argument("wrapper", Type::TextList, Class::Bytes)
            .doc("A command in the image, with arguments, that runs the interpreter: [\"nice\", \"-n\", \"10\"]."),
        argument("exit_codes", Type::IntegerList, Class::Bytes)
            .default(Default::Integers(&[0]))
            .doc("Exit codes that count as success."),
        argument("user", Type::Text, Class::Bytes)
            .default(Default::Text("root"))
            .doc("The user of the image that runs the script: a name or a number."),
        argument("working_directory", Type::Path, Class::Bytes)
            .default(Default::Text("/"))
            .doc("Where in the image the script begins. It must exist."),
        argument("inputs", Type::Globs, Class::Bytes)
            .doc("Patterns of further files on the builder host; when one of them changes, the step runs again."),
        every::TIMEOUT,
        every::RETRIES,
        every::PAUSE_BEFORE,
        every::WHEN,
        every::ALLOW_FAILURE,
        every::CHECKPOINT,
    ])
    .blocks(&[once(&LIMITS)]);

/// The table of `limits`.
pub static LIMITS: Block = block("limits")
    .doc("What each process of the step may use at most; see setrlimit(2).")
    .arguments(&[
        argument("memory", Type::Size, Class::Run).doc("Address space (RLIMIT_AS)."),
        argument("file_size", Type::Size, Class::Run).doc("Size of a file that it writes (RLIMIT_FSIZE)."),
        argument("open_files", Type::Integer(3, 1_048_576), Class::Run).doc("Open files (RLIMIT_NOFILE)."),
        argument("processes", Type::Integer(1, 4_194_304), Class::Run).doc("Processes of its user (RLIMIT_NPROC)."),
        argument("cpu_time", Type::Duration, Class::Run).doc("Processor time, in whole seconds (RLIMIT_CPU)."),
    ]);

/// `provision "shell"`.
pub const KIND: StepKind = StepKind {
    block: &BLOCK,
    decode: |given| Box::new(Shell::of(given)),
};

/// A script that runs in the image.
#[derive(Debug)]
struct Shell {
    script: Script,
    interpreter: Vec<String>,
    wrapper: Vec<String>,
    env: BTreeMap<String, String>,
    exit_codes: Vec<i64>,
    user: Option<String>,
    directory: Option<String>,
    limits: BTreeMap<String, u64>,
    every: Every,
}

impl Shell {
    fn of(given: &Given) -> Shell {
        Shell {
            script: Script::of(given),
            interpreter: given.texts("interpreter"),
            wrapper: given.texts("wrapper"),
            env: given.map("env"),
            exit_codes: given.integers("exit_codes"),
            user: given.text("user").filter(|user| user != "root"),
            directory: given.text("working_directory"),
            limits: limits(&given.nested(&LIMITS)),
            every: Every::of(given),
        }
    }
}

#[async_trait]
impl Step for Shell {
    async fn run(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let base = Command {
            env: site.image_environment(&self.env),
            directory: self.directory.clone(),
            root: Some(site.root.clone()),
            user: self.user.clone(),
            limits: self.limits.clone(),
            network: site.chroot.network,
            files: guests::handed(&site.chroot)?.into_iter().collect(),
            ..Command::default()
        };
        let wrapper = [site.wrapper.as_slice(), &self.wrapper].concat();
        let commands = self.script.commands(&wrapper, &self.interpreter, &base)?;
        let run = run_all(&site.helper, commands, &self.exit_codes, self.every.timeout, output);
        site.with_guests(run).await
    }
}

/// By the names of setrlimit(2).
fn limits(given: &Given) -> BTreeMap<String, u64> {
    let sizes = [("memory", "as"), ("file_size", "fsize")].map(|(name, limit)| {
        let bytes = given.size(name).map(|size| size.as_bytes());
        (limit, bytes)
    });
    let counts = [("open_files", "nofile"), ("processes", "nproc")].map(|(name, limit)| (limit, given.whole(name)));
    let time = given.duration("cpu_time").map(|time| time.as_std().as_secs().max(1));
    let all = sizes.into_iter().chain(counts).chain([("cpu", time)]);
    all.filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
