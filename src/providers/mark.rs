//! What things are called, whose they are, and what they carry from the call that makes them.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::spec::ProviderKey;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )*};
}
ids! {
    /// A volume of a provider: `vol-0a1...`; local: its file in the store without the ending.
    VolumeId;
    /// A snapshot of a provider.
    SnapshotId;
    /// An image of a provider.
    ImageId;
    /// One run of `bake apply`: 8 hex digits.
    RunId;
}

/// Whose an image is (design: "Owners"). What lacks this project and workspace is never touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// From the `bake` block.
    pub project: String,
    /// `default`, unless chosen.
    pub workspace: String,
}

/// What a created resource carries from the call that makes it, and by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// 32 hex digits over run, address and attempt; the idempotency token where there is one, and the `bake:node` tag.
    pub token: String,
    /// Whose.
    pub owner: Owner,
    /// The node.
    pub address: Address,
    /// The run.
    pub run: RunId,
    /// The builder host.
    pub host: String,
    /// Which provider was called, if one was.
    pub provider: Option<ProviderKey>,
}
