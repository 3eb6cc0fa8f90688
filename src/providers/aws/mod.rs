//! AMIs and their EBS snapshots, built on an EC2 instance without launching another. What the SDK knows stays in here.

mod adopt;
mod check;
mod client;
mod copies;
mod credentials;
mod errors;
mod images;
mod inventory;
mod json_api;
mod keys;
mod lookups;
mod parameters;
mod policy;
mod profile;
mod publishing;
mod record;
mod region;
mod registering;
mod registration;
mod roles;
mod secrets;
mod sight;
mod snapshots;
mod tags;
mod throttle;
mod uefi;
mod volumes;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::Image;
use tokio::sync::OnceCell;

use super::{
    Adoption, Contact, ImageId, Images, Inventory, Leftover, Lookups, Owner, Provider, ProviderError, Publishing,
    Rights, Sight, SnapshotId, Snapshots, Uses, VolumeId, Volumes,
};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::locks::Lock;
use crate::spec::{AwsSettings, ImageSpec, ProviderKey, ProviderSettings};
use crate::units::Size;
use client::Client;

/// Where the locks of images are.
const LOCKS: &str = "/run/lock/bake/images";

/// An account and region of AWS, as a place where images live.
pub struct Aws {
    key: ProviderKey,
    settings: AwsSettings,
    contact: Contact,
    client: OnceCell<Client>,
    /// Device names that volumes of this process have, each guarded on this host by its lock.
    slots: Mutex<BTreeMap<VolumeId, Lock>>,
    /// Sizes of snapshots that were seen: they never change.
    sizes: Mutex<BTreeMap<SnapshotId, Size>>,
    /// Snapshots that images use, as the last listing said.
    used: Mutex<BTreeSet<SnapshotId>>,
    /// Images on which others are built, as they were seen: what is taken over from them does not change.
    seen: Mutex<BTreeMap<ImageId, Image>>,
}

impl Aws {
    /// The account and region of a provider block. Nothing is asked yet.
    ///
    /// # Errors
    /// A diagnostic if the settings are not those of such a block.
    pub fn open(settings: &ProviderSettings, contact: &Contact) -> Result<Aws, Diagnostic> {
        let missing = || Diagnostic::error(format!("provider {} has no settings", settings.key));
        Ok(Aws {
            key: settings.key.clone(),
            settings: settings.aws.as_deref().cloned().ok_or_else(missing)?,
            contact: contact.clone(),
            client: OnceCell::new(),
            slots: Mutex::default(),
            sizes: Mutex::default(),
            used: Mutex::default(),
            seen: Mutex::default(),
        })
    }

    /// What talks to AWS, made when it is first needed, with credentials that last for a while.
    async fn client(&self) -> Result<&Client, ProviderError> {
        let connect = || Client::connect(&self.key, &self.settings, &self.contact);
        let client = self.client.get_or_try_init(connect).await?;
        client.renew().await?;
        Ok(client)
    }
}

#[async_trait]
impl Provider for Aws {
    async fn look(&self, owner: &Owner) -> Result<Sight, ProviderError> {
        Ok(self.look_at(owner).await?.0)
    }

    /// The volumes are listed beside what is looked at anyway.
    async fn look_closely(&self, owner: &Owner) -> Result<(Sight, Vec<Leftover>), ProviderError> {
        let (sight, mut left) = self.look_at(owner).await?;
        left.extend(self.volumes_left(&owner.project, Some(&owner.workspace)).await?);
        Ok((sight, left))
    }

    async fn place(&self) -> Result<Option<String>, ProviderError> {
        Ok(Some(self.client().await?.region.clone()))
    }

    fn images(&self) -> &dyn Images {
        self
    }

    fn volumes(&self) -> &dyn Volumes {
        self
    }

    fn snapshots(&self) -> &dyn Snapshots {
        self
    }

    fn inventory(&self) -> &dyn Inventory {
        self
    }

    fn adoption(&self) -> &dyn Adoption {
        self
    }

    fn publishing(&self) -> Option<&dyn Publishing> {
        Some(self)
    }

    fn lookups(&self) -> Option<&dyn Lookups> {
        Some(self)
    }

    fn check(&self, spec: &ImageSpec) -> Diagnostics {
        check::unsupported(spec, &self.settings)
    }

    /// Most instance types take 28 attachments, network interfaces and the host's own volumes counted (EC2 user guide,
    /// "Volume limits"); an image that begins last may have several.
    fn slots(&self) -> usize {
        12
    }

    /// EC2 may need so long until all of it knows of something new (EC2 developer guide, "Eventual consistency").
    fn settle(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// On this host, whichever directory bake runs in; other hosts are told apart by tags.
    fn lock_path(&self, owner: &Owner, image: &ImageAddress) -> Option<PathBuf> {
        let text = format!("{} {image} {} {}", self.key, owner.project, owner.workspace);
        Some(PathBuf::from(LOCKS).join(Digest::of(text.as_bytes()).short()))
    }

    fn policy(&self, uses: &Uses<'_>, rights: Rights) -> Option<serde_json::Value> {
        let region = self
            .settings
            .region
            .clone()
            .or_else(|| std::env::var("AWS_REGION").ok());
        Some(policy::of(uses, region.as_deref().unwrap_or("*"), rights))
    }

    fn is_shared(&self) -> bool {
        true
    }
}
