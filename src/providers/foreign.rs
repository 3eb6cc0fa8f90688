//! Images that bake did not make, and how one of them becomes ours: `bake import`.

use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{Holder, ImageId, Manifest, Marker, ProviderError, SnapshotId};
use crate::digest::Digest;
use crate::schema::{Class, Recorded, RecordedArgument, RecordedBlock, identity};
use crate::units::Size;

/// What an id or a path means to a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// As it is called from now on: `ami-0a1...`, `disks/web.qcow2`.
    pub from: String,
    /// What it is.
    pub matter: Matter,
    /// Who has marked it as theirs.
    pub holder: Option<Holder>,
    /// What it says of itself, in the form of an image block.
    pub facts: Facts,
    /// Why it cannot be adopted, and what to do instead.
    pub unusable: Option<(String, String)>,
}

/// What is adopted.
#[derive(Debug, Clone, PartialEq)]
pub enum Matter {
    /// An image that stands: it becomes ours by what is written on it.
    Image {
        /// Its id.
        id: ImageId,
        /// Its name.
        name: String,
        /// RFC 3339.
        created: String,
        /// The root volume first, each with a label of its own.
        volumes: Vec<ForeignVolume>,
    },
    /// A disk image on this host, which is copied.
    Disk {
        /// Absolute.
        path: PathBuf,
        /// Of the whole file as it is.
        digest: Digest,
        /// Of the disk in it.
        size: Size,
    },
}

/// A volume of an image that bake did not make.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignVolume {
    /// Its device name: `/dev/xvda`.
    pub device: String,
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// Its size.
    pub size: Size,
}

/// Takes over what bake did not make.
#[async_trait]
pub trait Adoption: Send + Sync {
    /// What this id or path means here; none if there is nothing of the kind.
    async fn foreign(&self, id: &str) -> Result<Option<Foreign>, ProviderError>;

    /// Writes on an image that stands whose it is from now on. It is looked at again before that: what somebody else has
    /// marked as theirs is refused. To do it twice is to do it once.
    async fn adopt(&self, id: &ImageId, manifest: &Manifest, marker: &Marker) -> Result<(), ProviderError> {
        let _ = (manifest, marker);
        Err(ProviderError::Failed {
            what: format!("adopt {id}"),
            why: "its provider has only images that bake made".into(),
        })
    }
}

/// What an image says of itself, in the form of an image block. What bake cannot know of it, such as its steps, is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts(Recorded);

impl Facts {
    /// Adds an argument, of the block itself (`description`) or of one in it (`register.boot_mode`).
    #[must_use]
    pub fn say(mut self, path: &str, class: Class, value: Option<Json>) -> Facts {
        let Some(value) = value else { return self };
        let argument = Box::new(RecordedArgument {
            class,
            digest: identity(&value),
            value: Some(value),
            sensitive: false,
            after: None,
            by_default: false,
            files: Vec::new(),
        });
        let (holder, name) = match path.split_once('.') {
            None => (&mut self.0, path),
            Some((block, name)) => (self.block(block), name),
        };
        holder.arguments.insert(name.to_owned(), argument);
        self
    }

    fn block(&mut self, name: &str) -> &mut Recorded {
        let at = self.0.blocks.iter().position(|block| block.name == name);
        let at = at.unwrap_or_else(|| {
            self.0.blocks.push(RecordedBlock {
                name: name.to_owned(),
                kind: None,
                content: Recorded::default(),
            });
            self.0.blocks.len() - 1
        });
        &mut self.0.blocks[at].content
    }

    /// What is recorded with an image whose block says `wanted`: of its registration only what that says too, since the rest
    /// is the provider's choice and no difference; all that can be changed in place.
    pub fn beside(mut self, wanted: &Recorded) -> Recorded {
        for block in &mut self.0.blocks {
            let written = wanted.blocks.iter().find(|one| one.name == block.name);
            let said = |name: &String| {
                let argument = written.and_then(|one| one.content.arguments.get(name));
                argument.is_some_and(|one| !one.by_default && one.value != Some(Json::from("inherit")))
            };
            block
                .content
                .arguments
                .retain(|name, argument| argument.class != Class::Registration || said(name));
        }
        self.0.blocks.retain(|block| !block.content.arguments.is_empty());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_registration_only_what_the_module_says_is_recorded() {
        let registration = |text: &str| Some(Json::from(text));
        let facts = || {
            Facts::default()
                .say("description", Class::Mutable, registration("by hand"))
                .say("register.boot_mode", Class::Registration, registration("uefi"))
                .say("register.tpm", Class::Registration, registration("v2.0"))
                .say("publish.tags", Class::Mutable, None)
        };
        let wanted = Facts::default().say("register.boot_mode", Class::Registration, registration("legacy-bios"));
        let recorded = facts().beside(&wanted.0);
        assert_eq!(recorded.arguments.keys().collect::<Vec<_>>(), ["description"]);
        let [register] = recorded.blocks.as_slice() else {
            panic!("{recorded:?}")
        };
        assert_eq!(register.content.arguments.keys().collect::<Vec<_>>(), ["boot_mode"]);
        let inherits = Facts::default().say("register.boot_mode", Class::Registration, registration("inherit"));
        assert!(facts().beside(&inherits.0).blocks.is_empty());
    }
}
