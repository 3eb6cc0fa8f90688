//! All that a plan asks: images and snapshots of the build region, copies in the regions that records name, shares.
//!
//! Two listings for each region, whatever stands there; beside them one question for each image or snapshot whose record
//! has shares.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Filter, Image, ImageAttributeName, LaunchPermission, PermissionGroup, Snapshot, SnapshotAttributeName,
};
use tokio::task::JoinSet;

use super::copies::state_of;
use super::images::holders;
use super::inventory::of;
use super::region::{Regional, is_protected, snapshots_of};
use super::tags::{self, COPY_OF};
use super::{Aws, errors};
use crate::providers::publication::{Announced, CopyState, Published, RegionalCopy, Shares};
use crate::providers::{
    ImageId, ImageQuery, Leftover, ObservedImage, Owner, ProviderError, Resource, Sight, SnapshotId, Snapshots,
};
use crate::schema::Recorded;

/// What one region has of an owner: his images that are copies, and his snapshots.
pub(super) struct Shelf {
    pub(super) region: Regional,
    pub(super) copies: Vec<Image>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

impl Aws {
    /// The snapshots that no image uses come beside. Which ones images use, the first listing has said when the second one is asked for.
    pub(super) async fn look_at(&self, owner: &Owner) -> Result<(Sight, Vec<Leftover>), ProviderError> {
        let query = ImageQuery {
            owner: owner.clone(),
            address: None,
        };
        let home = self.home().await?;
        let listing = self.own_images(Vec::new()).await?;
        let images = self.answers(&listing, &query)?;
        let snapshots = home.own_snapshots(of(&owner.project, Some(&owner.workspace))).await?;
        let mut left = self.unused(&listing, &snapshots);
        let regions: BTreeSet<&String> = images.iter().flat_map(|image| &image.manifest.regions).collect();
        let away = regions.into_iter().map(|name| self.region_of(&home, name));
        let shelves = look_into(away, &of(&owner.project, Some(&owner.workspace))).await?;
        let mut sight = Sight {
            region: Some(home.name.clone()),
            names: holders(&listing),
            encryption: snapshots.iter().filter_map(encryption).collect(),
            ..Sight::default()
        };
        let here = Shelf {
            region: home,
            copies: listing,
            snapshots: by_id(snapshots),
        };
        let mut current = BTreeSet::new();
        for mut image in images {
            // Of an address the highest release comes first.
            let is_current = current.insert(image.manifest.address.clone());
            image.published = Some(Box::new(self.published(&image, is_current, &here, &shelves).await?));
            sight.images.push(image);
        }
        for leftover in &left {
            if let (Resource::Snapshot(id), Some(_)) = (&leftover.resource, leftover.digest) {
                let size = self.size(id).await?;
                sight.kept.push((id.clone(), leftover.clone(), size));
            }
        }
        for shelf in &shelves {
            left.extend(self.left_of_copies(shelf, &here.copies).await?);
        }
        Ok((sight, left))
    }

    pub(super) fn region_of(&self, home: &Regional, name: &str) -> Regional {
        match self.client.get() {
            Some(client) => client.regional(name),
            None => home.clone(),
        }
    }

    async fn published(
        &self,
        image: &ObservedImage,
        is_current: bool,
        here: &Shelf,
        shelves: &[Shelf],
    ) -> Result<Published, ProviderError> {
        let asks = Asks::of(&image.manifest.spec, is_current);
        let itself = here
            .copies
            .iter()
            .find(|one| one.image_id.as_deref() == Some(&image.id.0));
        let mut published = Published {
            region: here.region.name.clone(),
            here: match itself {
                Some(itself) => self.announced(itself, asks, here).await?,
                None => Announced::default(),
            },
            copies: Vec::new(),
        };
        for shelf in shelves {
            for copy in &shelf.copies {
                if tags::read(copy.tags.as_deref()).get(COPY_OF) == Some(&image.id.0) {
                    published.copies.push(self.copy_seen(copy, asks, shelf).await?);
                }
            }
        }
        published
            .copies
            .sort_by(|a, b| (&a.region, &a.id).cmp(&(&b.region, &b.id)));
        Ok(published)
    }

    async fn copy_seen(&self, copy: &Image, asks: Asks, shelf: &Shelf) -> Result<RegionalCopy, ProviderError> {
        let state = state_of(copy);
        let snapshots = snapshots_of(copy);
        let key = snapshots
            .iter()
            .find_map(|id| shelf.snapshots.get(id)?.kms_key_id.clone());
        let all = tags::read(copy.tags.as_deref());
        let asks = if state == CopyState::Available {
            asks
        } else {
            Asks::default()
        };
        Ok(RegionalCopy {
            region: shelf.region.name.clone(),
            id: ImageId(copy.image_id.clone().unwrap_or_default()),
            state,
            snapshots: snapshots.into_iter().map(SnapshotId).collect(),
            key,
            address: all
                .get(tags::ADDRESS)
                .and_then(|address| tags::decode(address).parse::<crate::address::Address>().ok())
                .map(|address| address.image),
            tags: self.of_the_user(all),
            description: copy.description.clone().filter(|text| !text.is_empty()),
            deprecated_at: copy.deprecation_time.clone(),
            announced: self.announced(copy, asks, shelf).await?,
        })
    }

    async fn announced(&self, image: &Image, asks: Asks, shelf: &Shelf) -> Result<Announced, ProviderError> {
        let mut ids = snapshots_of(image);
        ids.sort();
        let known = ids.iter().filter_map(|id| shelf.snapshots.get(id));
        let of_users = known.map(|snapshot| self.of_the_user(tags::read(snapshot.tags.as_deref())));
        let mut shares = None;
        if asks.image || asks.snapshots {
            let id = ImageId(image.image_id.clone().unwrap_or_default());
            let mut seen = Shares::default();
            if asks.image {
                shelf.region.shares_of_image(&id, &mut seen).await?;
            }
            if asks.snapshots {
                for id in &ids {
                    shelf.region.shares_of_snapshot(id, &mut seen).await?;
                }
            }
            shares = Some(seen);
        }
        Ok(Announced {
            protected: is_protected(image),
            snapshot_tags: of_users.collect(),
            shares,
        })
    }
}

/// By which key a snapshot is encrypted; none: not at all.
fn encryption(snapshot: &Snapshot) -> Option<(SnapshotId, Option<String>)> {
    let key = snapshot.kms_key_id.clone().filter(|_| snapshot.encrypted == Some(true));
    Some((SnapshotId(snapshot.snapshot_id.clone()?), key))
}

/// Regions side by side, in their order.
pub(super) async fn look_into(
    regions: impl Iterator<Item = Regional>,
    filters: &[Filter],
) -> Result<Vec<Shelf>, ProviderError> {
    let mut looks = JoinSet::new();
    for region in regions {
        let filters = filters.to_vec();
        looks.spawn(async move {
            let (copies, snapshots) =
                tokio::try_join!(region.own_images(filters.clone()), region.own_snapshots(filters))?;
            Ok::<_, ProviderError>(Shelf {
                region,
                copies,
                snapshots: by_id(snapshots),
            })
        });
    }
    let mut shelves = Vec::new();
    while let Some(joined) = looks.join_next().await {
        shelves.push(joined.map_err(|error| ProviderError::Failed {
            what: "look into the regions".into(),
            why: error.to_string(),
        })??);
    }
    shelves.sort_by(|a, b| a.region.name.cmp(&b.region.name));
    Ok(shelves)
}

fn by_id(all: Vec<Snapshot>) -> BTreeMap<String, Snapshot> {
    all.into_iter()
        .filter_map(|snapshot| Some((snapshot.snapshot_id.clone()?, snapshot)))
        .collect()
}

/// Whose shares are asked for: those that a record speaks of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Asks {
    image: bool,
    snapshots: bool,
}

impl Asks {
    fn of(spec: &Recorded, is_current: bool) -> Asks {
        let publish = spec.blocks.iter().find(|block| block.name == "publish");
        let share = publish.and_then(|block| block.content.blocks.iter().find(|block| block.name == "share"));
        let Some(share) = share.filter(|_| is_current) else {
            return Asks::default();
        };
        let said = |names: &[&str]| names.iter().any(|name| share.content.arguments.contains_key(*name));
        Asks {
            image: said(&["accounts", "organizations", "organizational_units", "public"]),
            snapshots: said(&["snapshot_accounts", "snapshots_public"]),
        }
    }
}

impl Regional {
    /// Who may launch an image.
    pub async fn shares_of_image(&self, id: &ImageId, into: &mut Shares) -> Result<(), ProviderError> {
        let call = self.ec2.describe_image_attribute().image_id(&id.0);
        let answer = call.attribute(ImageAttributeName::LaunchPermission).send().await;
        let answer = answer.map_err(|error| errors::explain(&format!("look with whom {id} is shared"), error))?;
        for one in answer.launch_permissions.unwrap_or_default() {
            note(one, into);
        }
        Ok(())
    }

    /// Who may make volumes of a snapshot.
    pub async fn shares_of_snapshot(&self, id: &str, into: &mut Shares) -> Result<(), ProviderError> {
        let call = self.ec2.describe_snapshot_attribute().snapshot_id(id);
        let answer = call
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .send()
            .await;
        let answer = answer.map_err(|error| errors::explain(&format!("look with whom {id} is shared"), error))?;
        for one in answer.create_volume_permissions.unwrap_or_default() {
            into.snapshots_public |= one.group == Some(PermissionGroup::All);
            into.snapshot_accounts.extend(one.user_id);
        }
        Ok(())
    }
}

fn note(one: LaunchPermission, into: &mut Shares) {
    into.public |= one.group == Some(PermissionGroup::All);
    into.accounts.extend(one.user_id);
    into.organizations.extend(one.organization_arn);
    into.organizational_units.extend(one.organizational_unit_arn);
}
