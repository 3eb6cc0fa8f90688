//! `bootstrap "tar"`: the content of an archive.

use std::fs::File;
use std::time::Duration;

use async_trait::async_trait;

use super::{Bootstrap, BootstrapKind, run};
use crate::digest::Digest;
use crate::host::helper::{Command, Input};
use crate::schema::{Block, Class, Default, GivenFile, Holds, Type, argument, block};
use crate::steps::{Output, Site, StepError};

/// Its table.
pub static BLOCK: Block = block("bootstrap")
    .kind("tar")
    .doc("Fills the root from a tar archive, plain or compressed by gzip, xz, bzip2 or zstd.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("path", Type::File, Class::Bytes)
            .required()
            .doc("The archive on the builder host."),
        argument("sha256", Type::Sha256, Class::Run).doc("What the archive must hash to; checked at plan."),
        argument("strip_components", Type::Integer(0, 100), Class::Bytes)
            .default(Default::Integer(0))
            .doc("How many leading directories of each name are left out."),
        argument("timeout", Type::Duration, Class::Run).doc("How long it may take before it is killed."),
    ]);

/// `bootstrap "tar"`.
pub const KIND: BootstrapKind = BootstrapKind {
    block: &BLOCK,
    decode: |given, _| {
        Box::new(Tar {
            archive: given.files("path").first().cloned(),
            strip: given.whole("strip_components").unwrap_or(0),
            timeout: given.duration("timeout").map(crate::units::Duration::as_std),
        })
    },
};

/// The content of an archive.
#[derive(Debug)]
struct Tar {
    archive: Option<GivenFile>,
    strip: u64,
    timeout: Option<Duration>,
}

#[async_trait]
impl Bootstrap for Tar {
    /// GNU tar unpacks, which keeps owners, modes, hard links, devices and extended attributes, and lets no member out of
    /// the root: `..` in a name is an error, and a link that leads elsewhere is made only when everything else is there
    /// (tar(1), "Extracting untrusted archives": into an empty directory).
    async fn fill(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let Some(archive) = &self.archive else {
            return Err(StepError::Unfit {
                what: "the plan names no archive".to_owned(),
                help: "plan again".to_owned(),
            });
        };
        let file = File::open(&archive.absolute).map_err(|why| StepError::unreadable(archive, &why))?;
        check(archive, &file).await?;
        let input = file.try_clone().map_err(|why| StepError::unreadable(archive, &why))?;
        let command = Command {
            timeout: self.timeout,
            ..extract(site, self.strip)
        };
        run(site, command, Input::Descriptor(input.into()), output).await?;
        // Whoever wrote to the archive while it was unpacked is not believed either.
        check(archive, &file).await
    }
}

/// GNU tar, to fill the root of a site from the archive that it gets as its standard input.
pub(super) fn extract(site: &Site, strip: u64) -> Command {
    let directory = format!("--directory={}", site.root.display());
    let strip = format!("--strip-components={strip}");
    // A path rather than the standard input itself: tar recognises compression only in what it can open again.
    let words = [
        "tar",
        "--extract",
        "--file=/proc/self/fd/0",
        &directory,
        &strip,
        "--numeric-owner",
        "--same-owner",
        "--preserve-permissions",
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
    ];
    Command {
        argv: words.map(str::to_owned).to_vec(),
        ..Command::default()
    }
}

/// Compares the archive with the digest in the plan.
async fn check(archive: &GivenFile, file: &File) -> Result<(), StepError> {
    let unreadable = |why: std::io::Error| StepError::unreadable(archive, &why);
    let file = file.try_clone().map_err(unreadable)?;
    let hashing = tokio::task::spawn_blocking(move || digest_from_start(&file)).await;
    let found = hashing
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
        .map_err(unreadable)?;
    match found == archive.digest {
        true => Ok(()),
        false => Err(StepError::Changed {
            path: archive.path.clone(),
        }),
    }
}

fn digest_from_start(mut file: &File) -> std::io::Result<Digest> {
    use std::io::Seek;
    file.rewind()?;
    Digest::of_reader(file)
}
