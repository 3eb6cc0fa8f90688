//! What dead runs of a project and workspace left, cleared away at the beginning of an apply: without a journal nobody else
//! would.

use super::gc;
use super::run::{Locks, Settings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nodes::image::SnapshotSource;
use crate::nodes::volume::Origin;
use crate::nodes::{Node, NodeData};
use crate::plan::observe::World;
use crate::plan::{Mode, Plan};
use crate::providers::{Leftover, Provider, Providers, Resource, SnapshotId};
use crate::spec::ProviderKey;

/// What decides over leftovers.
pub(super) struct Leftovers<'a> {
    /// What is about to be done.
    pub plan: &'a Plan,
    /// What stands.
    pub world: &'a World,
    /// The locks of images that are about to be changed.
    pub locks: &'a Locks,
    /// Where other locks are, and who is told.
    pub settings: &'a Settings,
}

impl Leftovers<'_> {
    /// Removes those whose run is dead and that nobody goes on from.
    ///
    /// # Errors
    /// Those of a provider or a lock.
    pub async fn clear(&self, providers: &Providers, all: Vec<(ProviderKey, Leftover)>) -> Result<(), Diagnostics> {
        for (key, leftover) in all {
            let provider = providers.get(&key).map_err(Diagnostic::from)?;
            let image = &leftover.marker.address.image;
            if self.plan.leaves_out(image)
                || self.is_needed(&leftover)
                || (provider.is_shared() && gc::is_anothers(&leftover))
            {
                continue;
            }
            self.remove(provider, &leftover).await?;
        }
        Ok(())
    }

    /// Under the lock of its image, which proves that its run is dead.
    async fn remove(&self, provider: &dyn Provider, leftover: &Leftover) -> Result<(), Diagnostic> {
        let image = &leftover.marker.address.image;
        let _lock = match self.locks.own.contains_key(image) {
            true => None,
            false => match gc::take(provider, &self.settings.bake_directory, leftover)? {
                Ok(lock) => Some(lock),
                Err(_) => return Ok(()),
            },
        };
        gc::delete(provider, leftover).await?;
        let (address, run) = (&leftover.marker.address, &leftover.marker.run);
        self.settings
            .contact
            .events
            .message(format!("{address} of run {run}: removed"));
        Ok(())
    }

    /// Whether the plan, or a later one, goes on from it: a whole snapshot of an image of which this plan says nothing, and
    /// which does not stand with this content. Of an image that stands as it is wanted nothing else is.
    fn is_needed(&self, leftover: &Leftover) -> bool {
        let Resource::Snapshot(id) = &leftover.resource else {
            return false;
        };
        if self
            .plan
            .nodes
            .iter()
            .flat_map(|node| snapshots(node))
            .any(|wanted| wanted == id)
        {
            return true;
        }
        let image = &leftover.marker.address.image;
        let planned = self.plan.images.iter().any(|planned| planned.address == *image);
        let Some(digest) = leftover.digest.filter(|_| !planned && self.plan.mode != Mode::Destroy) else {
            return false;
        };
        let releases = self.world.releases(image);
        releases.iter().all(|release| release.manifest.digest != digest)
    }
}

/// Standing snapshots that a node reads.
fn snapshots(node: &Node) -> Vec<&SnapshotId> {
    match &node.data {
        NodeData::Volume(volume) => match &volume.origin {
            Origin::Snapshot(id) => vec![id],
            _ => Vec::new(),
        },
        NodeData::Image(image) => {
            let standing = image.snapshots.iter().filter_map(|(_, source)| match source {
                SnapshotSource::Standing { id, .. } => Some(id),
                SnapshotSource::Made(_) => None,
            });
            standing.collect()
        }
        _ => Vec::new(),
    }
}
