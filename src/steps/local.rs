//! `provision "local"`: commands on the builder host, beside the mounted image.

use super::every;
use crate::schema::{Block, Class, Default, Holds, Type, argument, block};

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
