//! The helper processes of a run: one per image, started when its work first touches the host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::address::ImageAddress;
use crate::host::HostError;
use crate::host::helper::Helper;

/// Cheap to clone; all clones know the same helpers.
#[derive(Debug, Clone, Default)]
pub struct Helpers(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What is started, if not this program.
    executable: Option<PathBuf>,
    running: Mutex<BTreeMap<ImageAddress, Helper>>,
}

impl Helpers {
    /// None yet. `executable` is started instead of this program, for tests that are not bake themselves.
    pub fn new(executable: Option<PathBuf>) -> Helpers {
        Helpers(Arc::new(Inner {
            executable,
            running: Mutex::default(),
        }))
    }

    /// That of an image, started now if there is none.
    ///
    /// # Errors
    /// Those of [`Helper::start`].
    pub async fn of(&self, image: &ImageAddress) -> Result<Helper, HostError> {
        let mut running = self.0.running.lock().await;
        if let Some(helper) = running.get(image) {
            return Ok(helper.clone());
        }
        let helper = Helper::start(self.0.executable.as_deref()).await?;
        running.insert(image.clone(), helper.clone());
        Ok(helper)
    }

    /// Forgets that of an image and hands it out, to be ended or kept; none if none was started.
    pub async fn take(&self, image: &ImageAddress) -> Option<Helper> {
        self.0.running.lock().await.remove(image)
    }

    /// Those that run, by image.
    pub async fn running(&self) -> BTreeMap<ImageAddress, Helper> {
        self.0.running.lock().await.clone()
    }
}
