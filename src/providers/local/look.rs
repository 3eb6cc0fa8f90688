//! What a plan asks of a store: each record is read once.

use std::collections::{BTreeMap, BTreeSet};

use super::Local;
use super::images::ImageRecord;
use super::inventory::left;
use super::snapshots::SnapshotRecord;
use super::store::Shelf;
use crate::providers::{ImageQuery, Owner, ProviderError, Sight, SnapshotId};

impl Local {
    pub(super) fn look_at(&self, owner: &Owner) -> Result<Sight, ProviderError> {
        if !self.store.exists()? {
            return Ok(Sight::default());
        }
        let query = ImageQuery {
            owner: owner.clone(),
            address: None,
        };
        let mut sight = Sight::default();
        let mut used = BTreeSet::new();
        self.store.each(Shelf::Images, |id, record: ImageRecord| {
            used.extend(record.snapshots.values().cloned());
            sight.names.insert(record.name.clone(), record.holder());
            if record.answers(&query) {
                sight.images.push(record.into_observed(id, self));
            }
        })?;
        let mut records = BTreeMap::new();
        self.store.each(Shelf::Snapshots, |id, record: SnapshotRecord| {
            records.insert(SnapshotId(id), record);
        })?;
        for id in sight.images.iter().flat_map(|image| image.snapshots.values()) {
            let whole = records.get(id).filter(|record| record.whole);
            let harm = match whole {
                Some(record) => self.harm(id, record)?,
                None => Some(Local::missing(id)),
            };
            sight.damaged.extend(harm.map(|why| (id.clone(), why.to_string())));
        }
        for (id, record) in records {
            // From a damaged one nothing can be registered; the next apply removes it.
            if record.whole
                && record.marker.owner == *owner
                && !used.contains(&id)
                && self.harm(&id, &record)?.is_none()
            {
                let size = record.size;
                sight.kept.push((id.clone(), left(id, record), size));
            }
        }
        Ok(sight)
    }
}
