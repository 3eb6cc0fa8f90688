//! The embedded provider: a directory on the builder host. No cloud, no daemon, no state beside the images.

mod adopt;
mod check;
mod errors;
mod images;
mod inventory;
mod look;
mod snapshots;
mod store;
mod volumes;

use std::path::PathBuf;

use async_trait::async_trait;

use super::{Adoption, Images, Inventory, Provider, ProviderError, Sight, Snapshots, Volumes};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::blocks::Blocks;
use crate::providers::{Owner, SnapshotId};
use crate::spec::{ImageSpec, ProviderKey, ProviderSettings};
use store::Store;

/// A store, as a place where images live.
#[derive(Debug, Clone)]
pub struct Local {
    key: ProviderKey,
    store: Store,
    ignore_publish: bool,
}

impl Local {
    /// The store of a provider block; it is made by the first thing that is created in it.
    ///
    /// # Errors
    /// A diagnostic if the block names no directory.
    pub fn open(settings: &ProviderSettings) -> Result<Local, Diagnostic> {
        let missing = || Diagnostic::error(format!("provider {} has no store", settings.key));
        Ok(Local {
            key: settings.key.clone(),
            store: Store::new(settings.store.clone().ok_or_else(missing)?),
            ignore_publish: settings.ignore_publish,
        })
    }
}

#[async_trait]
impl Provider for Local {
    async fn look(&self, owner: &Owner) -> Result<Sight, ProviderError> {
        self.look_at(owner)
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

    fn check(&self, spec: &ImageSpec) -> Diagnostics {
        if self.ignore_publish {
            Diagnostics::new()
        } else {
            check::unsupported(spec)
        }
    }

    fn slots(&self) -> usize {
        8
    }

    fn settle(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn lock_path(&self, owner: &Owner, image: &ImageAddress) -> Option<PathBuf> {
        let name = Store::file_name(&format!("{image} {} {}", owner.project, owner.workspace));
        Some(self.store.lock_file(&name))
    }

    fn disk(&self, snapshot: &SnapshotId) -> Result<Option<PathBuf>, ProviderError> {
        self.whole_disk(snapshot).map(Some)
    }

    fn blocks(&self, snapshot: &SnapshotId) -> Result<Option<Blocks>, ProviderError> {
        self.recorded_blocks(snapshot)
    }
}

/// Runs what may take long apart from the tasks that wait for each other.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> crate::host::Result<T> + Send + 'static,
) -> Result<T, ProviderError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(panic) => Err(ProviderError::Failed {
            what: "work on the store".into(),
            why: panic.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
