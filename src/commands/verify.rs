//! `bake verify`: whether stored disks are what they were, and whether building again gives the same bytes.

mod blocks;
mod differences;
mod rebuild;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Exit;
use super::rights::Rights;
use super::session::{ModuleArguments, Session, chosen};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::providers::ObservedImage;
use crate::spec::ImageSpec;
use crate::ui::Terminal;

/// Check that images are what they were, and can be built again
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Build reproducible images again, as another user on another host, in another directory, time zone and \
                  language, with another umask and order of directories, at another moment; compare the disks, and name \
                  the files that differ, their packages and the steps that made them. With -blocks nothing is built: the \
                  stored disks are compared with what was recorded when they were registered. The exit code is 3 if \
                  anything differs, with -json too. Without IMAGE all images of the project and workspace are looked at.",
    after_help = "\
bake verify image.web
bake verify -blocks
bake verify -blocks image.web -release 6
bake verify -json | jq -r '.volumes[].files[].path'"
)]
pub struct Args {
    /// The address or id of an image.
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
    /// Compare the stored disks with what was recorded, and build nothing.
    #[arg(long)]
    blocks: bool,
    /// Print what was found as JSON for other programs.
    #[arg(long)]
    pub(super) json: bool,
    /// The number of a release that is not the current one.
    #[arg(long, value_name = "NUMBER", requires = "image")]
    release: Option<u64>,
    /// Where the other build puts its images: how bake calls itself.
    #[arg(long, hide = true, requires = "image")]
    rebuild_into: Option<PathBuf>,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Compares, and says what differs.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        if let (Some(into), Some(image)) = (&self.rebuild_into, &self.image) {
            return rebuild::build(image, into, &self.module, terminal);
        }
        let rights = (!self.blocks).then(Rights::obtain);
        let session = Session::open(&self.module, terminal)?;
        let all = session.images()?;
        let images = match &self.image {
            Some(named) => vec![chosen(&all, named, self.release, &session.whose())?],
            None if self.blocks => all.iter().collect(),
            None => current(&session, &all),
        };
        match self.blocks {
            true => self.stored(&session, &images, terminal),
            false => {
                rights.iter().try_for_each(Rights::some)?;
                self.built_again(&session, &images, terminal)
            }
        }
    }

    /// Prints the document, if it is asked for, and says how it ended.
    fn conclude(&self, volumes: &[report::Volume], terminal: &Terminal) -> Exit {
        if self.json {
            terminal.data(&report::json(volumes));
        }
        match volumes.iter().any(|volume| volume.verdict == report::Verdict::Differs) {
            true => Exit::Differs,
            false => Exit::Done,
        }
    }

    fn built_again(
        &self,
        session: &Session,
        images: &[&ObservedImage],
        terminal: &Arc<Terminal>,
    ) -> Result<Exit, Diagnostics> {
        if images.is_empty() && !self.json {
            terminal.say("No reproducible image of this module stands.");
        }
        let mut all = Vec::new();
        for image in images {
            check(session, image)?;
            let found = rebuild::compare(session, image, &self.module, terminal)?;
            if !self.json {
                differences::report(image, &found, terminal);
            }
            all.extend(found.into_iter().map(|volume| volume.reported(image)));
        }
        Ok(self.conclude(&all, terminal))
    }

    fn stored(
        &self,
        session: &Session,
        images: &[&ObservedImage],
        terminal: &Arc<Terminal>,
    ) -> Result<Exit, Diagnostics> {
        let mut all = Vec::new();
        for image in images {
            for volume in &image.manifest.volumes {
                let verdict = blocks::compare(session, image, volume)?;
                if !self.json {
                    blocks::report(image, volume, &verdict, terminal);
                }
                all.push(verdict.reported(image, volume));
            }
        }
        Ok(self.conclude(&all, terminal))
    }
}

/// The current release of each reproducible image of the module.
fn current<'a>(session: &Session, all: &'a [ObservedImage]) -> Vec<&'a ObservedImage> {
    let sealed = session.module.images.iter().filter(|spec| spec.seal.is_some());
    let found = sealed.filter_map(|spec| all.iter().find(|image| image.manifest.address == spec.address));
    // How one came about that bake did not build, nobody can say.
    found.filter(|image| image.manifest.imported.is_none()).collect()
}

/// That the module still says what the image was built from, and that its bytes are meant to be the same.
fn check(session: &Session, image: &ObservedImage) -> Result<(), Diagnostics> {
    let address = &image.manifest.address;
    if let Some(imported) = &image.manifest.imported {
        let error = Diagnostic::error(format!(
            "{address} release {} was not built by bake: it cannot be built again to compare",
            image.manifest.release
        ));
        return Err(error
            .note(format!("it was imported ({})", imported.from))
            .help("bake verify -blocks looks whether its disk is still what was imported")
            .into());
    }
    let spec = session.module.images.iter().find(|spec| spec.address == *address);
    let spec: &ImageSpec = spec.ok_or_else(|| {
        Diagnostic::error(format!("{address} is not in the module any more"))
            .help("verify it from the commit that built it")
    })?;
    if spec.seal.is_none() {
        let error = Diagnostic::error(format!("{address} is not reproducible")).at(&spec.span);
        return Err(error
            .help("write reproducible = true in the image, and build it")
            .into());
    }
    let graph = crate::graph::compile(&session.module)?;
    match graph.image(address).map(|compiled| compiled.digest) {
        Some(digest) if digest == image.manifest.digest => Ok(()),
        _ => {
            let what = format!(
                "{address} release {} was built from another module than this",
                image.manifest.release
            );
            let error = Diagnostic::error(what).note(format!("its digest is {}", image.manifest.digest.short()));
            Err(error
                .help("bake plan shows what has changed; verify it from the commit that built it")
                .into())
        }
    }
}
