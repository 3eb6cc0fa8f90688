//! What is announced of an image in one region: read, compared with what is wanted, and changed where it differs.
//!
//! Tags come first, then shares, then protection. Doing it again does nothing.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    CreateVolumePermission, CreateVolumePermissionModifications, Image, LaunchPermission,
    LaunchPermissionModifications, PermissionGroup,
};

use super::copies::state_of;
use super::images::{holders, root_of};
use super::region::{Regional, is_protected, snapshots_of};
use super::tags::{self, Tags};
use super::{Aws, errors, record};
use crate::address::ImageAddress;
use crate::providers::publication::{
    Announcement, CopyState, CopyWish, Mirrored, ParameterPlace, Pointing, Publishing, SeenParameter, Shares,
};
use crate::providers::{
    DefaultEncryption, Holder, ImageId, Keep, Key, Marker, Owner, ProviderError, SnapshotId, SourceKey,
};

/// Most changes of a snapshot's shares in one call (EC2 API reference, ModifySnapshotAttribute).
const MOST_SHARES: usize = 500;

#[async_trait]
impl Publishing for Aws {
    async fn copy(&self, wish: &CopyWish, marker: &Marker) -> Result<ImageId, ProviderError> {
        self.make_copy(wish, marker).await
    }

    async fn announce(&self, wish: &Announcement) -> Result<(), ProviderError> {
        let there = self.region(&wish.region).await?;
        let missing = || ProviderError::NotFound {
            what: format!("image {} in {}", wish.id, wish.region),
        };
        let image = there.image(&wish.id).await?.ok_or_else(missing)?;
        if state_of(&image) != CopyState::Available {
            return Err(ProviderError::Refused {
                what: format!("cannot announce {} in {}", wish.id, wish.region),
                why: "it is not available yet".into(),
                help: "run the same command again: it goes on waiting for it".into(),
            });
        }
        if let Some(mirrored) = &wish.mirrored {
            self.mirror(&there, &image, wish, mirrored).await?;
        }
        self.tag_snapshots(&there, &image, &wish.snapshot_tags).await?;
        if let Some(shares) = &wish.shares {
            there.share(&image, shares).await?;
        }
        if is_protected(&image) != wish.protect {
            there.protect(&wish.id, wish.protect).await?;
        }
        Ok(())
    }

    async fn withdraw(&self, region: &str, id: &ImageId, keep: Keep) -> Result<(), ProviderError> {
        let there = self.region(region).await?;
        match there.image(id).await? {
            Some(image) => there.remove(&image, keep).await,
            None => Ok(()),
        }
    }

    async fn discard(&self, region: &str, id: &SnapshotId) -> Result<(), ProviderError> {
        self.region(region).await?.discard(std::slice::from_ref(&id.0)).await
    }

    async fn parameters(&self, places: &[ParameterPlace]) -> Result<Vec<SeenParameter>, ProviderError> {
        self.read_parameters(places).await
    }

    async fn stranger(
        &self,
        seen: &SeenParameter,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<Option<String>, ProviderError> {
        self.whose_parameter(seen, owner, image).await
    }

    async fn point(&self, wish: &Pointing, owner: &Owner, image: &ImageAddress) -> Result<(), ProviderError> {
        self.write_parameter(wish, owner, image).await
    }

    async fn key(&self, region: &str, key: &str) -> Result<Key, ProviderError> {
        self.look_at_key(region, key).await
    }

    async fn default_encryption(&self, region: &str) -> Result<DefaultEncryption, ProviderError> {
        self.default_of(region).await
    }

    async fn source_key(&self, id: &ImageId) -> Result<SourceKey, ProviderError> {
        let home = self.home().await?;
        let image = home.image(id).await?;
        let root = image.as_ref().and_then(root_of);
        self.key_of(&home, root.as_ref()).await
    }

    async fn holders(&self, region: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, Holder>, ProviderError> {
        let there = self.region(region).await?;
        let named = tags::filter("name", names.iter().map(String::as_str));
        Ok(holders(&there.own_images(vec![named]).await?))
    }
}

impl Aws {
    /// Tags, description and deprecation of a copy as those of the image in the build region.
    async fn mirror(
        &self,
        there: &Regional,
        copy: &Image,
        wish: &Announcement,
        mirrored: &Mirrored,
    ) -> Result<(), ProviderError> {
        let now = tags::read(copy.tags.as_deref());
        let mut wanted = self.settings.default_tags.clone();
        wanted.extend(mirrored.tags.clone());
        let own = now.iter().filter(|(key, _)| record::is_own(key));
        wanted.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        let address = mirrored.address.node("copy", wish.region.as_str());
        wanted.insert(tags::ADDRESS.into(), tags::encode(&address.to_string()));
        there.set_tags(&wish.id.0, &now, &wanted).await?;
        let described = copy.description.as_deref().unwrap_or_default();
        let description = mirrored.description.as_deref().unwrap_or_default();
        if described != description {
            there.describe(&wish.id, description).await?;
        }
        // Of a public image EC2 itself decides, where nothing is said.
        let public = wish.shares.as_ref().is_some_and(|shares| shares.public);
        if mirrored.deprecate_after.is_none() && public {
            return Ok(());
        }
        let wanted = self.deprecation_of(&wish.source, mirrored).await?;
        let is = copy.deprecation_time.as_deref().and_then(minute);
        if wanted != is {
            there
                .deprecate(&wish.id, wanted.map(|at| at.to_string()).as_deref())
                .await?;
        }
        Ok(())
    }

    /// All copies are deprecated with the image of the build region, from whose creation the time counts.
    async fn deprecation_of(
        &self,
        source: &ImageId,
        mirrored: &Mirrored,
    ) -> Result<Option<jiff::Timestamp>, ProviderError> {
        let Some(after) = mirrored.deprecate_after else {
            return Ok(None);
        };
        let image = self.home().await?.image(source).await?;
        let created = image.and_then(|image| image.creation_date?.parse::<jiff::Timestamp>().ok());
        let at = created.and_then(|created| created.checked_add(after.as_std()).ok());
        Ok(at.and_then(|at| minute(&at.to_string())))
    }

    async fn tag_snapshots(&self, there: &Regional, image: &Image, of_user: &Tags) -> Result<(), ProviderError> {
        let ids = snapshots_of(image);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        for snapshot in there.snapshots_by("snapshot-id", &ids).await? {
            let now = tags::read(snapshot.tags.as_deref());
            let (Some(id), Some(_)) = (&snapshot.snapshot_id, tags::owner(&now)) else {
                continue;
            };
            let mut wanted = self.settings.default_tags.clone();
            wanted.extend(of_user.clone());
            let own = now.iter().filter(|(key, _)| record::is_own(key));
            wanted.extend(own.map(|(key, value)| (key.clone(), value.clone())));
            there.set_tags(id, &now, &wanted).await?;
        }
        Ok(())
    }
}

impl Regional {
    /// Adds and takes away until an image and its snapshots are shared with these and nobody else.
    async fn share(&self, image: &Image, wanted: &Shares) -> Result<(), ProviderError> {
        let id = ImageId(image.image_id.clone().unwrap_or_default());
        let mut now = Shares::default();
        self.shares_of_image(&id, &mut now).await?;
        let (is, wish) = (launchers(&now), launchers(wanted));
        let add: Vec<_> = wish.difference(&is).map(Launcher::written).collect();
        let remove: Vec<_> = is.difference(&wish).map(Launcher::written).collect();
        if !add.is_empty() || !remove.is_empty() {
            let change = LaunchPermissionModifications::builder()
                .set_add(Some(add))
                .set_remove(Some(remove));
            let call = self.ec2.modify_image_attribute().image_id(&id.0);
            let answer = call.launch_permission(change.build()).send().await;
            answer.map_err(|error| errors::explain(&format!("share {id} in {}", self.name), error))?;
        }
        for snapshot in snapshots_of(image) {
            self.share_snapshot(&snapshot, wanted).await?;
        }
        Ok(())
    }

    /// What is added and what is taken away are calls of their own.
    async fn share_snapshot(&self, id: &str, wanted: &Shares) -> Result<(), ProviderError> {
        let mut now = Shares::default();
        self.shares_of_snapshot(id, &mut now).await?;
        let (is, wish) = (readers(&now), readers(wanted));
        let (add, remove): (Vec<_>, Vec<_>) = (
            wish.difference(&is).map(permission).collect(),
            is.difference(&wish).map(permission).collect(),
        );
        let changes = add.chunks(MOST_SHARES).map(|part| (part.to_vec(), Vec::new()));
        let changes = changes.chain(remove.chunks(MOST_SHARES).map(|part| (Vec::new(), part.to_vec())));
        for (add, remove) in changes {
            let some = |all: Vec<CreateVolumePermission>| Some(all).filter(|all| !all.is_empty());
            let change = CreateVolumePermissionModifications::builder()
                .set_add(some(add))
                .set_remove(some(remove));
            let call = self.ec2.modify_snapshot_attribute().snapshot_id(id);
            let answer = call.create_volume_permission(change.build()).send().await;
            answer.map_err(|error| errors::explain(&format!("share {id} in {}", self.name), error))?;
        }
        Ok(())
    }
}

/// Somebody who may launch an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Launcher {
    Everybody,
    Account(String),
    Organization(String),
    Unit(String),
}

impl Launcher {
    fn written(&self) -> LaunchPermission {
        let one = LaunchPermission::builder();
        match self {
            Launcher::Everybody => one.group(PermissionGroup::All),
            Launcher::Account(id) => one.user_id(id),
            Launcher::Organization(arn) => one.organization_arn(arn),
            Launcher::Unit(arn) => one.organizational_unit_arn(arn),
        }
        .build()
    }
}

fn launchers(shares: &Shares) -> BTreeSet<Launcher> {
    let accounts = shares.accounts.iter().cloned().map(Launcher::Account);
    let organizations = shares.organizations.iter().cloned().map(Launcher::Organization);
    let units = shares.organizational_units.iter().cloned().map(Launcher::Unit);
    let everybody = shares.public.then_some(Launcher::Everybody);
    accounts.chain(organizations).chain(units).chain(everybody).collect()
}

/// Accounts that may read snapshots; none stands for everybody.
fn readers(shares: &Shares) -> BTreeSet<Option<String>> {
    let accounts = shares.snapshot_accounts.iter().cloned().map(Some);
    accounts.chain(shares.snapshots_public.then_some(None)).collect()
}

fn permission(reader: &Option<String>) -> CreateVolumePermission {
    let one = CreateVolumePermission::builder();
    match reader {
        Some(account) => one.user_id(account),
        None => one.group(PermissionGroup::All),
    }
    .build()
}

/// EC2 keeps full minutes.
fn minute(moment: &str) -> Option<jiff::Timestamp> {
    let moment: jiff::Timestamp = moment.parse().ok()?;
    jiff::Timestamp::from_second(moment.as_second().div_euclid(60) * 60).ok()
}
