//! Trees of pinned packages: kept as archives, because unpacking one takes a twentieth of the time that dpkg does.

use std::path::PathBuf;

use crate::bootstrap::{run, tar};
use crate::digest::Digest;
use crate::host::helper::{Command, Input};
use crate::host::{cache, files};
use crate::steps::{Output, Site, StepError};

/// A tree that may be in the cache.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    /// That of this key.
    ///
    /// # Errors
    /// Those of [`cache::directory`].
    pub(super) fn of(key: Digest) -> Result<Kept, StepError> {
        let path = cache::directory("trees")?.join(format!("{}.tar", key.hex()));
        Ok(Kept { path })
    }

    /// Whether it is there.
    pub(super) fn stands(&self) -> bool {
        self.path.is_file()
    }

    /// Fills the root from it.
    ///
    /// # Errors
    /// Those of tar(1).
    pub(super) async fn unpack(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        cache::used(&self.path);
        let archive = files::open(&self.path)?;
        run(site, tar::extract(site, 0), Input::Descriptor(archive.into()), output).await
    }

    /// Keeps what is in the root now.
    ///
    /// # Errors
    /// Those of tar(1), and of the disk.
    pub(super) async fn store(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        self.path.parent().into_iter().for_each(cache::sweep);
        // Keys of the host may be in it.
        let new = files::Coming::beside(&self.path)?.private()?;
        let words = [
            "tar",
            "--create",
            &format!("--file={}", new.path().display()),
            &format!("--directory={}", site.root.display()),
            "--format=posix",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--acls",
            "--sparse",
            "--exclude=./lost+found",
            ".",
        ];
        let command = Command {
            argv: words.map(str::to_owned).to_vec(),
            ..Command::default()
        };
        run(site, command, Input::Nothing, output).await?;
        Ok(new.keep()?)
    }
}
