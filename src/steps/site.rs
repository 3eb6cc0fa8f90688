//! Where a step works: the mounted image, what is around it, and the process that does the work.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{StepError, guests};
use crate::host::helper::{Helper, Network, Place};

/// What steps in the image find on their `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables of bake's own environment that may hold secrets of the module.
const VARIABLES: &str = "BAKE_VAR_";

/// Variables in which people and hosts differ: commands on the builder host for a reproducible image do not see them.
const PERSONAL: &[&str] = &[
    "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "MAIL", "SHELL", "TERM", "COLUMNS", "LINES", "PWD", "OLDPWD",
    "HOSTNAME",
];

/// Where a step works.
#[derive(Debug, Clone)]
pub struct Site {
    /// Does the work.
    pub helper: Helper,
    /// The image's root, as the helper sees it.
    pub root: PathBuf,
    /// Where the image's file systems are mounted in it, the root first.
    pub mounts: Vec<String>,
    /// The disk of the root.
    pub device: PathBuf,
    /// The address of the image.
    pub image: String,
    /// The run.
    pub run: String,
    /// What is put before the command line of each step in the image.
    pub wrapper: Vec<String>,
    /// What stands for now in a reproducible image: seconds after 1970.
    pub date: Option<i64>,
    /// What steps in the image see around them.
    pub chroot: Surround,
    /// The directory of the module.
    pub directory: PathBuf,
    /// Whether nothing may be taken from a cache that this build would make.
    pub anew: bool,
}

/// What steps in the image see around them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surround {
    /// Whether packages may start services.
    pub services: bool,
    /// Whether steps get the host's name resolution.
    pub resolv_conf: bool,
    /// More lines for `/etc/hosts`: name to address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, String>,
    /// The network that they see.
    #[serde(default)]
    pub network: Network,
}

impl Site {
    /// The whole environment of a command in the image.
    pub fn image_environment(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let fixed = [("PATH", PATH), ("LANG", "C.UTF-8"), ("BAKE_IMAGE", &self.image)];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fixed.into_iter().chain([self.moment()]).chain(own.clone()).collect()
    }

    /// The environment of a command on the builder host: that of bake, without the variables of the module, and what
    /// tells where the image is.
    pub fn host_environment(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let sealed = self.date.is_some();
        let personal = |name: &str| PERSONAL.contains(&name) || name.starts_with("LC_");
        let inherited = std::env::vars().filter(|(name, _)| !(name.starts_with(VARIABLES) || sealed && personal(name)));
        let fixed = [
            ("BAKE_ROOT", self.root.display().to_string()),
            ("BAKE_DEVICE", self.device.display().to_string()),
            ("BAKE_IMAGE", self.image.clone()),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value));
        inherited
            .chain(fixed)
            .chain([self.moment()])
            .chain(own.clone())
            .collect()
    }

    /// What tells one build from another, or what makes all alike (reproducible-builds.org, "SOURCE_DATE_EPOCH").
    fn moment(&self) -> (String, String) {
        match self.date {
            Some(date) => ("SOURCE_DATE_EPOCH".to_owned(), date.to_string()),
            None => ("BAKE_RUN_ID".to_owned(), self.run.clone()),
        }
    }

    /// Puts in what only belongs to the build, waits for `work`, and takes it out again, whatever came of it.
    ///
    /// # Errors
    /// That of the work; else that of taking things out.
    pub async fn with_guests(&self, work: impl Future<Output = Result<(), StepError>>) -> Result<(), StepError> {
        let root = self.helper.root(&self.root).await?;
        let guests = guests::put_in(&root, &self.chroot)?;
        let done = work.await;
        let cleared = guests.take_out(&root);
        done.and(cleared)
    }

    /// Writes the image's file systems back. What was written to a file system whose store is full fails here and
    /// nowhere else: a write, a close and even an unmount report success.
    ///
    /// # Errors
    /// [`crate::host::Kind::Io`].
    pub async fn sync(&self) -> Result<(), StepError> {
        for path in &self.mounts {
            self.helper.sync(Place::new(&self.root, path.as_str())).await?;
        }
        Ok(())
    }
}
