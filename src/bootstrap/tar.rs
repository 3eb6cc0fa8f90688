//! `bootstrap "tar"`: the content of an archive.

use std::fs::File;
use std::time::Duration;

use async_trait::async_trait;

use super::{Bootstrap, BootstrapKind, run};
use crate::digest::Digest;
use crate::host::command::Tool;
use crate::host::helper::{Command, Input};
use crate::host::machine;
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
        let mut command = Command {
            timeout: self.timeout,
            ..extract(site, self.strip)
        };
        let left_out = match machine::has_devices() {
            true => Vec::new(),
            false => self.devices(archive).await?,
        };
        command
            .argv
            .extend(left_out.iter().map(|name| format!("--exclude={name}")));
        run(site, command, Input::Descriptor(input.into()), output).await?;
        if !left_out.is_empty() {
            touch_dev(site).await?;
        }
        // Whoever wrote to the archive while it was unpacked is not believed either.
        check(archive, &file).await
    }
}

impl Tar {
    /// Device nodes below `/dev` by the names of their members, where nobody may make any: the seal takes them out again.
    ///
    /// # Errors
    /// [`StepError::Unfit`] for one that is elsewhere.
    async fn devices(&self, archive: &GivenFile) -> Result<Vec<String>, StepError> {
        let file = format!("--file={}", archive.absolute.display());
        let words = [
            "--list",
            "--verbose",
            "--numeric-owner",
            "--quoting-style=literal",
            &file,
        ];
        let listed = Tool::new("tar", &words).env("LC_ALL", "C").run().await?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let names = listed.lines().filter_map(device_in);
        names.map(|name| self.below_dev(name)).collect()
    }

    fn below_dev(&self, name: &str) -> Result<String, StepError> {
        let left = name.split('/').skip(usize::try_from(self.strip).unwrap_or(usize::MAX));
        let mut parts = left.filter(|part| !matches!(*part, "" | "."));
        match parts.next() == Some("dev") {
            true => Ok(name.to_owned()),
            false => Err(StepError::Unfit {
                what: format!("{name} in the archive is a device node, which only root makes"),
                help: "run bake apply as root, or leave it out of the archive".to_owned(),
            }),
        }
    }
}

/// The name of a device node in a line of `tar --list --verbose`: mode, owners, numbers, day, time, name.
fn device_in(line: &str) -> Option<&str> {
    line.starts_with(['b', 'c']).then_some(())?;
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start().split_once(' ')?.1;
    }
    Some(rest.trim_start())
}

/// As if nodes had been there and had been taken out again.
async fn touch_dev(site: &Site) -> Result<(), StepError> {
    let root = site.helper.root(&site.root).await?;
    root.make_dirs("/dev")?;
    let now = i64::try_from(machine::seconds_since_epoch()?).unwrap_or(i64::MAX);
    Ok(root.set_modified("/dev", now)?)
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
        // Of members that are left out: names as they are.
        "--anchored",
        "--no-wildcards",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_nodes_are_found_in_a_list_and_only_those_in_dev_can_be_left_out() {
        let line = "crw-rw-rw- 0/0             1,3 2026-11-28 01:02 ./dev/a b";
        assert_eq!(device_in(line), Some("./dev/a b"));
        assert_eq!(device_in("-rw-r--r-- 0/0 3 2026-11-28 01:02 b"), None);
        let tar = |strip| Tar {
            archive: None,
            strip,
            timeout: None,
        };
        assert_eq!(tar(0).below_dev("./dev/null").unwrap(), "./dev/null");
        assert!(tar(0).below_dev("root/dev/null").is_err());
        assert!(tar(1).below_dev("root/dev/null").is_ok());
    }
}
