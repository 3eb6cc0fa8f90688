//! `provision "shell"`: a script that runs in the image.

use super::every;
use crate::schema::{Block, Class, Default, Holds, Type, argument, block, once};

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
