//! `provision "file"`: a file or a directory tree, put into the image or taken out of it.

use super::every;
use crate::schema::{Block, Class, Default, Holds, Type, argument, block};

/// Its table.
pub static BLOCK: Block = block("provision")
    .kind("file")
    .labels(&["name"])
    .doc("Copies a file or a directory tree into the image, or out of it. Paths in the image are resolved inside it.")
    .holds(Holds::SecretsAndBuild)
    .exactly_one(&["source", "content"])
    .arguments(&[
        argument("source", Type::Tree, Class::Bytes)
            .unless("direction", "download")
            .doc("A file or directory on the builder host; with direction = \"download\" one in the image."),
        argument("content", Type::Text, Class::Bytes).doc("What the file in the image holds."),
        argument("destination", Type::Path, Class::Bytes)
            .required()
            .doc("Where in the image, absolute; with direction = \"download\" where on the builder host."),
        argument("mode", Type::Mode, Class::Bytes).doc(
            "Mode of files. Without it 0755 where the source is executable, else 0644; \"keep\" takes all bits of the source.",
        ),
        argument("owner", Type::Text, Class::Bytes)
            .default(Default::Text("root"))
            .doc("A user of the image: a name or a number."),
        argument("group", Type::Text, Class::Bytes)
            .default(Default::Text("root"))
            .doc("A group of the image: a name or a number."),
        argument("direction", Type::Choice(&["upload", "download"]), Class::Bytes)
            .default(Default::Text("upload"))
            .doc("Into the image, or out of it."),
        argument("transient", Type::Bool, Class::Bytes)
            .default(Default::Bool(false))
            .doc("Whether it is taken out again before the snapshot."),
        every::TIMEOUT,
        every::RETRIES,
        every::PAUSE_BEFORE,
        every::WHEN,
        every::ALLOW_FAILURE,
        every::CHECKPOINT,
    ]);
