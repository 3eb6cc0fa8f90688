//! Leftovers of a project: what no image uses and no live run works on, found without a journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::host::HostError;
use crate::host::locks::Lock;
use crate::host::machine;
use crate::providers::{Keep, Leftover, Provider, ProviderError, Providers, Resource};
use crate::spec::ProviderKey;

/// A leftover.
#[derive(Debug, Clone)]
pub struct Debris {
    /// Where.
    pub provider: ProviderKey,
    /// What.
    pub leftover: Leftover,
    /// Who works on its image, so that it must stay: `held by ...`.
    pub held: Option<String>,
}

/// Lists the leftovers of a project; all workspaces if none is named. `regions` are those to which a module copies with a
/// provider: what a copy left there is found, too.
///
/// # Errors
/// Those of a provider or lock that could not be read.
pub async fn debris(
    providers: &Providers,
    bake_directory: &Path,
    project: &str,
    workspace: Option<&str>,
    regions: &BTreeMap<ProviderKey, BTreeSet<String>>,
) -> Result<Vec<Debris>, Diagnostic> {
    let (mut all, none) = (Vec::new(), BTreeSet::new());
    for (key, provider) in providers.iter() {
        let regions = regions.get(key).unwrap_or(&none);
        for leftover in provider.inventory().leftovers(project, workspace, regions).await? {
            let held = take(provider, bake_directory, &leftover)?.err();
            all.push(Debris {
                provider: key.clone(),
                leftover,
                held,
            });
        }
    }
    Ok(all)
}

/// Removes a leftover, unless somebody has begun to work on its image. Whether it was removed.
///
/// # Errors
/// Those of the provider.
pub async fn remove(providers: &Providers, bake_directory: &Path, debris: &Debris) -> Result<bool, Diagnostic> {
    let provider = providers.get(&debris.provider)?;
    // Held until it is gone, so that nobody begins to work on it.
    let Ok(_lock) = take(provider, bake_directory, &debris.leftover)? else {
        return Ok(false);
    };
    delete(provider, &debris.leftover).await?;
    Ok(true)
}

/// How old something of another host must be before its run counts as dead.
const OLD: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Whether another host made it so lately that its run may still live.
pub(super) fn is_anothers(leftover: &Leftover) -> bool {
    let created: Option<jiff::Timestamp> = leftover.created.parse().ok();
    let age =
        created.and_then(|created| std::time::Duration::try_from(jiff::Timestamp::now().duration_since(created)).ok());
    leftover.marker.host != machine::hostname() && age.is_none_or(|age| age < OLD)
}

/// Removes one resource.
pub(super) async fn delete(provider: &dyn Provider, leftover: &Leftover) -> Result<(), ProviderError> {
    if let (Some(region), Some(publishing)) = (&leftover.region, provider.publishing()) {
        return match &leftover.resource {
            Resource::Image(id) => publishing.withdraw(region, id, Keep::Nothing).await,
            Resource::Snapshot(id) => publishing.discard(region, id).await,
            Resource::Volume(_) => Ok(()),
        };
    }
    match &leftover.resource {
        Resource::Volume(id) => provider.volumes().delete(id).await,
        Resource::Snapshot(id) => provider.snapshots().delete(id).await,
        Resource::Image(id) => provider.images().retire(id, Keep::Nothing).await,
    }
}

/// The lock of the image that a leftover was made for: who holds it lives. `Err` says who.
pub(super) fn take(
    provider: &dyn Provider,
    bake_directory: &Path,
    leftover: &Leftover,
) -> Result<Result<Lock, String>, HostError> {
    let path = lock_path(
        provider,
        bake_directory,
        &leftover.marker.owner,
        &leftover.marker.address.image,
    );
    Ok(Lock::try_take(&path, "bake gc")?.map_err(|held| held.to_string()))
}

/// Where the lock of an image is: with the images, or in the project's own directory.
pub(super) fn lock_path(
    provider: &dyn Provider,
    bake_directory: &Path,
    owner: &crate::providers::Owner,
    image: &crate::address::ImageAddress,
) -> PathBuf {
    let name = || {
        let text = format!("{image} {} {}", owner.project, owner.workspace);
        crate::digest::Digest::of(text.as_bytes()).short()
    };
    let own = || bake_directory.join("locks").join(name());
    provider.lock_path(owner, image).unwrap_or_else(own)
}
