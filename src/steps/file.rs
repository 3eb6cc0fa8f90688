//! `provision "file"`: a file or a directory tree, put into the image or taken out of it.

use async_trait::async_trait;

use super::copy::{self, Copy};
use super::{Every, Output, Site, Step, StepError, StepKind, every, transient};
use crate::schema::{Block, Class, Default, Given, GivenFile, Holds, Type, argument, block};

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

/// `provision "file"`.
pub const KIND: StepKind = StepKind {
    block: &BLOCK,
    decode: |given| Box::new(FileStep::of(given)),
};

/// A copy into the image or out of it.
#[derive(Debug)]
struct FileStep {
    source: Source,
    destination: String,
    mode: Option<String>,
    owner: String,
    group: String,
    transient: bool,
    every: Every,
}

#[derive(Debug)]
enum Source {
    Content(String),
    /// What the plan found, the directory of a tree first.
    Host(Vec<GivenFile>, String),
    Image(String),
}

impl FileStep {
    fn of(given: &Given) -> FileStep {
        let source = given.text("source").unwrap_or_default();
        let is_download = given.text("direction").as_deref() == Some("download");
        FileStep {
            source: match given.text("content") {
                Some(content) => Source::Content(content),
                None if is_download => Source::Image(source),
                None => Source::Host(given.files("source").to_vec(), source),
            },
            destination: given.text("destination").unwrap_or_default(),
            mode: given.text("mode"),
            owner: given.text("owner").unwrap_or_default(),
            group: given.text("group").unwrap_or_default(),
            transient: given.flag("transient"),
            every: Every::of(given),
        }
    }

    async fn copy(&self, site: &Site) -> Result<(), StepError> {
        let root = site.helper.root(&site.root).await?;
        if let Source::Image(source) = &self.source {
            let destination = site.directory.join(&self.destination);
            return copy::out(&root, source, &destination, self.destination.ends_with('/'));
        }
        let copy = self.plan(&root)?;
        if self.transient {
            transient::note(site, &root, copy.destination()).await?;
        }
        let copied = tokio::task::spawn_blocking(move || copy.run(&root)).await;
        copied.unwrap_or_else(|panic| {
            Err(StepError::Unfit {
                what: panic.to_string(),
                help: "report this".to_owned(),
            })
        })
    }

    fn plan(&self, root: &crate::host::inside::Root) -> Result<Copy, StepError> {
        let attributes = copy::Ownership::of(root, &self.owner, &self.group, self.mode.as_deref())?;
        match &self.source {
            Source::Host(files, written) => Copy::of_files(files, written, &self.destination, attributes),
            Source::Content(content) => Copy::of_content(content, &self.destination, attributes),
            Source::Image(_) => unreachable!("a download is no copy into the image"),
        }
    }
}

#[async_trait]
impl Step for FileStep {
    async fn run(&self, site: &Site, _output: &Output) -> Result<(), StepError> {
        match self.every.timeout {
            None => self.copy(site).await,
            Some(limit) => tokio::time::timeout(limit, self.copy(site)).await.unwrap_or_else(|_| {
                Err(StepError::Ended {
                    what: format!("the copy to {}", self.destination),
                    exit: crate::host::helper::Exit::TimedOut,
                    timeout: Some(limit),
                    tail: Vec::new(),
                })
            }),
        }
    }
}
