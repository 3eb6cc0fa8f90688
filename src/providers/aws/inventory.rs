//! What carries our markers in an account and region.

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Snapshot, SnapshotState, Volume, VolumeState};

use super::copies::state_of;
use super::tags::{self, NODE, PROJECT, WORKSPACE};
use super::{Aws, errors};
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

    async fn leftovers(&self, project: &str, workspace: Option<&str>) -> Result<Vec<Leftover>, ProviderError> {
        self.own_images(Vec::new()).await?;
        let mut all = self.volumes_left(project, workspace).await?;
        all.extend(self.snapshots_left(project, workspace).await?);
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
            marker: tags::marker(&tags, &self.key)?,
            digest: None,
            created: moment(volume.create_time.as_ref()),
            in_use: false,
        })
    }

    pub(super) async fn snapshots_left(
        &self,
        project: &str,
        workspace: Option<&str>,
    ) -> Result<Vec<Leftover>, ProviderError> {
        let found = self.home().await?.own_snapshots(of(project, workspace)).await?;
        Ok(self.unused(&found))
    }

    /// Those among own snapshots that no image used when images were listed last.
    pub(super) fn unused(&self, all: &[Snapshot]) -> Vec<Leftover> {
        let left = all.iter().filter_map(|snapshot| self.snapshot_left(snapshot));
        left.filter(|one| !one.in_use).collect()
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
