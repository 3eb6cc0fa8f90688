//! Volumes of a store: sparse files, for loop devices.

use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::store::{Shelf, now};
use super::{Local, blocking};
use crate::host::command::Tool;
use crate::host::{HostError, files, loops, sparse};
use crate::providers::{Backing, Marker, ProviderError, VolumeId, VolumeOrigin, VolumeWish, Volumes};
use crate::units::Size;

/// What is written down of a volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// The call that made it.
    pub marker: Marker,
    /// RFC 3339.
    pub created: String,
}

/// A qcow2 file begins so (QEMU, docs/interop/qcow2.rst).
pub(super) const QCOW2: [u8; 4] = *b"QFI\xfb";

#[async_trait]
impl Volumes for Local {
    async fn create(
        &self,
        origin: &VolumeOrigin,
        size: Option<Size>,
        _wish: &VolumeWish,
        marker: &Marker,
    ) -> Result<VolumeId, ProviderError> {
        let id = VolumeId(Shelf::Volumes.id(&marker.token));
        let record = VolumeRecord {
            marker: marker.clone(),
            created: now()?,
        };
        self.store.lock().await?.write(Shelf::Volumes, &id.0, &record)?;
        let disk = self.store.disk(Shelf::Volumes, &id.0);
        match self.fill(&disk, origin, size).await {
            Ok(()) => Ok(id),
            Err(error) => {
                // What is not removed here is removed by its marker later.
                let _ = self.delete(&id).await;
                Err(error)
            }
        }
    }

    /// A file that a loop device still has would live on in it, without a name: so the kernel must have let go of it.
    async fn delete(&self, id: &VolumeId) -> Result<(), ProviderError> {
        let disk = self.store.disk(Shelf::Volumes, &id.0);
        blocking(move || loops::wait_until_free(&disk)).await?;
        if self.store.exists()? {
            self.store.lock().await?.remove(Shelf::Volumes, &id.0)?;
        }
        let all = self.store.bytes(Shelf::Volumes, Some(&id.0))?;
        Ok(blocking(move || all.iter().try_for_each(|path| files::remove(path))).await?)
    }

    async fn backing(&self, id: &VolumeId) -> Result<Backing, ProviderError> {
        Ok(Backing::File(self.store.disk(Shelf::Volumes, &id.0)))
    }
}

impl Local {
    async fn fill(&self, disk: &Path, origin: &VolumeOrigin, size: Option<Size>) -> Result<(), ProviderError> {
        match origin {
            VolumeOrigin::Blank => {
                let size = size.ok_or_else(|| ProviderError::Failed {
                    what: "make a volume".into(),
                    why: "a blank one needs a size".into(),
                })?;
                return Ok(sparse::create(disk, size.as_bytes())?);
            }
            VolumeOrigin::Snapshot(id) => copy(&self.whole_disk(id)?, disk).await?,
            VolumeOrigin::File(path) if is_qcow2(path)? => convert(path, disk).await?,
            VolumeOrigin::File(path) => copy(path, disk).await?,
        }
        extend(disk, size)
    }
}

async fn copy(from: &Path, to: &Path) -> Result<(), ProviderError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    blocking(move || sparse::copy(&from, &to)).await
}

async fn convert(from: &Path, to: &Path) -> Result<(), ProviderError> {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let tool = Tool::new("qemu-img", &["convert", "-f", "qcow2", "-O", "raw", &from, &to]);
    tool.run().await?;
    Ok(())
}

/// Grows to the wanted size; the rest is zeroes.
fn extend(disk: &Path, wanted: Option<Size>) -> Result<(), ProviderError> {
    let has = std::fs::metadata(disk)
        .map_err(|error| HostError::on_path("look at", disk, error))?
        .len();
    match wanted.map(Size::as_bytes) {
        Some(size) if size < has => Err(ProviderError::Failed {
            what: format!("make a volume of {}", Size::bytes(size)),
            why: format!("what it is made from has {}", Size::bytes(has)),
        }),
        Some(size) if size > has => Ok(sparse::resize(disk, size)?),
        _ => Ok(()),
    }
}

fn is_qcow2(path: &Path) -> Result<bool, ProviderError> {
    let file = std::fs::File::open(path).map_err(|error| HostError::on_path("open", path, error))?;
    let mut start = Vec::new();
    let read = file.take(QCOW2.len() as u64).read_to_end(&mut start);
    read.map_err(|error| HostError::on_path("read", path, error))?;
    Ok(start == QCOW2)
}
