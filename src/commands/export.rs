//! `bake export`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;

use super::exit::Exit;
use super::session::{ModuleArguments, Session, chosen};
use crate::apply::signals;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::module;
use crate::providers::ObservedImage;
use crate::providers::export::{Format, export};
use crate::providers::manifest::BuiltVolume;
use crate::ui::Terminal;

/// Write the disk of an image to a file
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the disk of an image that stands to a file. Without a release the current one is taken. qcow2, vmdk \
                  and vhd want qemu-img.",
    after_help = "\
bake export image.web -out web.raw
bake export image.web -format qcow2 -out web.qcow2
bake export image.web -release 6 -volume data -out data.raw"
)]
pub struct Args {
    /// The address or id of an image.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The format of the file.
    #[arg(long, value_name = "FORMAT", default_value = "raw", value_parser = formats())]
    format: Format,
    /// The file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write over the file if it exists.
    #[arg(long)]
    force: bool,
    /// The number of a release that is not the current one.
    #[arg(long, value_name = "NUMBER")]
    release: Option<u64>,
    /// A volume that is not the root volume.
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    #[command(flatten)]
    module: ModuleArguments,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    let known = |name: &str| {
        Format::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| *format)
    };
    PossibleValuesParser::new(Format::ALL.iter().map(|(name, _)| *name))
        .map(move |name| known(&name).expect("the parser takes only names of the table"))
}

impl Args {
    /// Finds the disk and converts it.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        module::check_output(&self.out)?;
        if self.out.exists() && !self.force {
            let standing = Diagnostic::error(format!("{} exists already", self.out.display()));
            return Err(standing
                .help("remove it, choose another name, or write over it with -force")
                .into());
        }
        let session = Session::open(&self.module, terminal)?;
        let all = session.images()?;
        let image = chosen(&all, &self.image, self.release, &session.whose())?;
        let volume = self.volume_of(image)?;
        let provider = session.providers.get(&image.provider).map_err(Diagnostic::from)?;
        let disk = provider.disk(&volume.snapshot).map_err(Diagnostic::from)?;
        let disk = disk.ok_or_else(|| elsewhere(image))?;
        let stopped = session.runtime.block_on(async {
            tokio::select! {
                written = export(&disk, self.format, &self.out) => written.map_err(Diagnostic::from).map(|()| None),
                status = signals::first() => status.map_err(Diagnostic::from).map(Some),
            }
        })?;
        if let Some(status) = stopped {
            terminal.say("stopped: nothing was written");
            // A copy that runs is not waited for.
            std::process::exit(i32::from(status));
        }
        terminal.say(&format!(
            "Wrote {}: volume {:?} of {} release {}, {}.",
            self.out.display(),
            volume.name,
            image.manifest.address,
            image.manifest.release,
            volume.size
        ));
        Ok(Exit::Done)
    }

    fn volume_of<'a>(&self, image: &'a ObservedImage) -> Result<&'a BuiltVolume, Diagnostic> {
        let volumes = &image.manifest.volumes;
        let found = match &self.volume {
            None => volumes.first(),
            Some(name) => volumes.iter().find(|volume| volume.name == *name),
        };
        found.ok_or_else(|| {
            let names: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
            Diagnostic::error(format!("{} has no such volume", image.manifest.address))
                .note(format!("it has {}", names.join(", ")))
        })
    }
}

fn elsewhere(image: &ObservedImage) -> Diagnostic {
    Diagnostic::error(format!("the disk of {} is not on this host", image.id))
        .note(format!("it is kept by provider {}", image.provider))
}
