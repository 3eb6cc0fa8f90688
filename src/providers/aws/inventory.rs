//! What carries our markers in an account and region.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Image, Snapshot, SnapshotState, Volume, VolumeState};

use super::copies::state_of;
use super::region::snapshots_of;
use super::sight::{Shelf, look_into};
use super::tags::{self, COPY_OF, NODE, PROJECT, WORKSPACE};
use super::{Aws, errors, record};
use crate::providers::publication::CopyState;
use crate::providers::{ImageId, Inventory, Leftover, Marker, ProviderError, Resource, SnapshotId, VolumeId};

#[async_trait]
impl Inventory for Aws {
    /// By the marker's tag, among the kind of things that its node makes.
    async fn find(&self, marker: &Marker) -> Result<Option<Resource>, ProviderError> {
        let filter = tags::tagged(NODE, &marker.token);
        let kind = marker.address.node.as_ref().map(|node| node.kind.as_str());
        Ok(match kind {
            Some("volume") => {
                let found = self.volumes_by(vec![filter]).await?;
                let found = found.into_iter().find(is_there);
                found.and_then(|volume| Some(Resource::Volume(VolumeId(volume.volume_id?))))
            }
            Some("snapshot") => {
                let found = self.home().await?.own_snapshots(vec![filter]).await?.into_iter().next();
                found.and_then(|snapshot| Some(Resource::Snapshot(SnapshotId(snapshot.snapshot_id?))))
            }
            Some("copy") => {
                let region = marker.address.node.as_ref().and_then(|node| node.label.as_deref());
                let region = self.region(region.unwrap_or_default()).await?;
                let mut found = region.own_images(vec![filter]).await?.into_iter();
                let found = found.find(|image| state_of(image) != CopyState::Failed);
                found.and_then(|image| Some(Resource::Image(ImageId(image.image_id?))))
            }
            None => {
                let found = self.own_images(vec![filter]).await?.into_iter().next();
                found.and_then(|image| Some(Resource::Image(ImageId(image.image_id?))))
            }
            Some(_) => None,
        })
    }

    async fn leftovers(
        &self,
        project: &str,
        workspace: Option<&str>,
        regions: &BTreeSet<String>,
    ) -> Result<Vec<Leftover>, ProviderError> {
        let home = self.home().await?;
        let listing = self.own_images(Vec::new()).await?;
        let mut all = self.volumes_left(project, workspace).await?;
        let filters = of(project, workspace);
        let snapshots = home.own_snapshots(filters.clone()).await?;
        all.extend(self.unused(&listing, &snapshots));
        let mut regions: BTreeSet<String> = regions.iter().cloned().chain(named(&listing, project)).collect();
        regions.remove(&home.name);
        let away = regions.iter().map(|name| self.region_of(&home, name));
        for shelf in look_into(away, &filters).await? {
            all.extend(self.left_of_copies(&shelf, &listing).await?);
        }
        Ok(all)
    }
}

/// What is a project's.
pub(super) fn of(project: &str, workspace: Option<&str>) -> Vec<Filter> {
    let workspace = workspace.map(|workspace| tags::tagged(WORKSPACE, workspace));
    std::iter::once(tags::tagged(PROJECT, project))
        .chain(workspace)
        .collect()
}

/// Regions that records of a project's images name.
fn named(listing: &[Image], project: &str) -> BTreeSet<String> {
    let all = listing.iter().map(|image| tags::read(image.tags.as_deref()));
    let ours = all.filter(|tags| tags::owner(tags).is_some_and(|owner| owner.project == project));
    // One whose record does not read is an error of the plan.
    let records = ours.filter_map(|tags| record::unpack("", &tags).ok().flatten());
    records.flat_map(|record| record.regions).collect()
}

/// Images of which copies are under way: EC2 does not say yet which snapshots these have.
fn being_copied(copies: &[Image]) -> BTreeSet<String> {
    let pending = copies.iter().filter(|copy| state_of(copy) == CopyState::Pending);
    pending
        .filter_map(|copy| tags::read(copy.tags.as_deref()).remove(COPY_OF))
        .collect()
}

/// Whether a snapshot is of a copy of one of these images.
fn is_of(snapshot: &Snapshot, sources: &BTreeSet<String>) -> bool {
    let tags = tags::read(snapshot.tags.as_deref());
    tags.get(COPY_OF).is_some_and(|source| sources.contains(source))
}

fn is_copied(snapshot: &Snapshot) -> bool {
    tags::read(snapshot.tags.as_deref()).contains_key(COPY_OF)
}

fn is_there(volume: &Volume) -> bool {
    !matches!(volume.state, Some(VolumeState::Deleting | VolumeState::Deleted))
}

impl Aws {
    async fn volumes_by(&self, filters: Vec<Filter>) -> Result<Vec<Volume>, ProviderError> {
        let client = self.client().await?;
        let call = client
            .ec2
            .describe_volumes()
            .set_filters(Some(filters))
            .max_results(500);
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| errors::explain("list volumes", error))?;
            all.extend(page.volumes.unwrap_or_default());
        }
        Ok(all)
    }

    pub(super) async fn volumes_left(
        &self,
        project: &str,
        workspace: Option<&str>,
    ) -> Result<Vec<Leftover>, ProviderError> {
        let volumes = self.volumes_by(of(project, workspace)).await?;
        let there = volumes.iter().filter(|volume| is_there(volume));
        Ok(there.filter_map(|volume| self.volume_left(volume)).collect())
    }

    fn volume_left(&self, volume: &Volume) -> Option<Leftover> {
        let tags = tags::read(volume.tags.as_deref());
        Some(Leftover {
            resource: Resource::Volume(VolumeId(volume.volume_id.clone()?)),
            region: None,
            marker: tags::marker(&tags, &self.key)?,
            digest: None,
            created: moment(volume.create_time.as_ref()),
            in_use: false,
        })
    }

    /// Those among own snapshots that no image used when images were listed last.
    pub(super) fn unused(&self, listing: &[Image], all: &[Snapshot]) -> Vec<Leftover> {
        let under_way = being_copied(listing);
        let theirs = all.iter().filter(|snapshot| !is_of(snapshot, &under_way));
        let left = theirs.filter_map(|snapshot| self.snapshot_left(snapshot));
        left.filter(|one| !one.in_use).collect()
    }

    /// What copies left in another region: copies of images that are gone, and snapshots that no image uses. `sources` are
    /// all own images of the region in which one builds: a copy of one that stands belongs to it, whoever makes it.
    pub(super) async fn left_of_copies(
        &self,
        shelf: &Shelf,
        sources: &[Image],
    ) -> Result<Vec<Leftover>, ProviderError> {
        let stands: BTreeSet<&str> = sources.iter().filter_map(|image| image.image_id.as_deref()).collect();
        let region = Some(shelf.region.name.clone());
        let mut all = Vec::new();
        for copy in &shelf.copies {
            let tags = tags::read(copy.tags.as_deref());
            let orphaned = tags
                .get(COPY_OF)
                .is_some_and(|source| !stands.contains(source.as_str()));
            let (Some(marker), Some(id), true) = (tags::marker(&tags, &self.key), &copy.image_id, orphaned) else {
                continue;
            };
            all.push(Leftover {
                resource: Resource::Image(ImageId(id.clone())),
                region: region.clone(),
                marker,
                digest: None,
                created: copy.creation_date.clone().unwrap_or_default(),
                in_use: false,
            });
        }
        let mut used: BTreeSet<String> = shelf.copies.iter().flat_map(snapshots_of).collect();
        let under_way = being_copied(&shelf.copies);
        let free = |snapshot: &&Snapshot, used: &BTreeSet<String>| {
            let id = snapshot.snapshot_id.as_ref();
            id.is_some_and(|id| !used.contains(id)) && !is_of(snapshot, &under_way)
        };
        let snapshots = shelf.snapshots.values();
        let ids: Vec<&str> = snapshots
            .clone()
            .filter(|snapshot| free(snapshot, &used))
            .filter_map(|snapshot| snapshot.snapshot_id.as_deref())
            .collect();
        if !ids.is_empty() {
            // Somebody else's image may use one, which was not listed.
            used.extend(shelf.region.used_among(&ids).await?);
        }
        for snapshot in snapshots.filter(|snapshot| free(snapshot, &used)) {
            let left = self.snapshot_left(snapshot).filter(|_| is_copied(snapshot));
            all.extend(left.map(|left| Leftover {
                region: region.clone(),
                in_use: false,
                ..left
            }));
        }
        Ok(all)
    }

    fn snapshot_left(&self, snapshot: &Snapshot) -> Option<Leftover> {
        let tags = tags::read(snapshot.tags.as_deref());
        let id = SnapshotId(snapshot.snapshot_id.clone()?);
        let complete = snapshot.state == Some(SnapshotState::Completed);
        self.remember(snapshot);
        let used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .contains(&id);
        Some(Leftover {
            resource: Resource::Snapshot(id),
            region: None,
            marker: tags::marker(&tags, &self.key)?,
            digest: tags::digest(&tags).filter(|_| complete),
            created: moment(snapshot.start_time.as_ref()),
            in_use: used,
        })
    }
}

fn moment(time: Option<&aws_sdk_ec2::primitives::DateTime>) -> String {
    let time = time.and_then(|time| jiff::Timestamp::from_second(time.secs()).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}
