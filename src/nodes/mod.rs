//! Nodes: one resource or step each. A closed set of kinds, each with its data, what it needs, and what opening yields.
//!
//! A handle is all that closing needs; it is what dependants read and what the journal keeps. Edges are derived from
//! [`Kind::needs`], never added by hand.

pub mod adopt;
pub mod attachment;
pub mod boot_loader;
pub mod bootstrap;
pub mod check;
pub mod condition;
pub mod context;
mod devices;
pub mod filesystem;
pub mod fstab;
mod given;
pub mod helpers;
pub mod hook;
pub mod image;
pub mod mount;
pub mod origins;
pub mod parameter;
pub mod partitions;
pub mod provision;
pub mod regional_copy;
pub mod retire;
mod root_partition;
pub mod seal;
pub mod share;
pub mod snapshot;
mod staging;
pub mod stop;
pub mod update;
pub mod values;
pub mod volume;
mod work;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;
use crate::digest::Digest;
use crate::lang::value::Value;
use crate::providers::Marker;
use crate::schema::InputKind;
use crate::source::Span;

pub use adopt::Adopt;
pub use attachment::Attachment;
pub use boot_loader::BootLoader;
pub use bootstrap::Bootstrap;
pub use check::Check;
pub use condition::Condition;
pub use context::{Context, NodeError};
pub use filesystem::Filesystem;
pub use fstab::Fstab;
pub use hook::Hook;
pub use image::Image;
pub use mount::Mount;
pub use parameter::Parameter;
pub use partitions::Partitions;
pub use provision::Provision;
pub use regional_copy::RegionalCopy;
pub use retire::Retire;
pub use seal::Seal;
pub use share::Share;
pub use snapshot::Snapshot;
pub use update::Update;
pub use volume::Volume;

/// One kind of node.
pub trait Kind: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// What opening yields.
    type Handle: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static;
    /// How long it stands.
    const LIFETIME: Lifetime;
    /// Whose death closes it.
    const KEEPER: Keeper;
    /// What must be opened or closed before this can be opened.
    fn needs(&self) -> Vec<Need>;

    /// Makes it, or runs it. What it creates outside this host carries the marker from the call that creates it.
    fn open(
        &self,
        at: &Address,
        marker: &Marker,
        cx: &Context,
    ) -> impl Future<Output = Result<Self::Handle, NodeError>> + Send;

    /// Takes away what the handle names; not an error if it is gone already. Kinds that stay, and effects, have nothing
    /// to close.
    fn close(handle: &Self::Handle, at: &Address, cx: &Context) -> impl Future<Output = Result<(), NodeError>> + Send {
        let _ = (handle, at, cx);
        async { Ok(()) }
    }

    /// Finds what an interrupted or unanswered open may have made. Kinds that create nothing outside this host have
    /// nothing to find.
    fn find(marker: &Marker, cx: &Context) -> impl Future<Output = Result<Option<Self::Handle>, NodeError>> + Send {
        let _ = (marker, cx);
        async { Ok(None) }
    }
}

/// How long a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// Always closed: volume, attachment, partitions, filesystem, mount.
    Ephemeral,
    /// Closed on failure before it was whole; once whole while its owner is not open yet, it stands as *resumable*: the
    /// next apply opens the owner from it, or closes it when the digest has moved on: snapshot.
    Part,
    /// Stays: image.
    Lasting,
    /// Leaves nothing to close: bootstrap, provision, retire, condition.
    Effect,
}

/// Who closes a node whose process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeper {
    /// The kernel, when the helper process of the image is dead: journalled without fsync, never looked up.
    Helper,
    /// Nobody but the journal.
    Journal,
}

/// What a node waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// That node has been opened.
    Opened(Address),
    /// That node has been opened and closed again. One that was never opened (skipped or failed) does not satisfy it.
    Closed(Address),
}

impl Need {
    /// The node that is waited for.
    pub fn address(&self) -> &Address {
        match self {
            Need::Opened(address) | Need::Closed(address) => address,
        }
    }
}

/// A typed pointer to another node: reading it yields that kind's handle, without casts or string keys.
pub struct Ref<K> {
    /// Where it points.
    pub at: Address,
    kind: PhantomData<fn() -> K>,
}

impl<K> Ref<K> {
    /// Points there.
    pub fn new(at: Address) -> Ref<K> {
        Ref { at, kind: PhantomData }
    }

    /// The label of the node that it points to; empty if that has none.
    pub fn label(&self) -> String {
        let label = self.at.node.as_ref().and_then(|node| node.label.clone());
        label.unwrap_or_default()
    }

    /// The need that it be open.
    pub fn opened(&self) -> Need {
        Need::Opened(self.at.clone())
    }

    /// The need that it be closed again.
    pub fn closed(&self) -> Need {
        Need::Closed(self.at.clone())
    }
}

impl<K> Clone for Ref<K> {
    fn clone(&self) -> Ref<K> {
        Ref::new(self.at.clone())
    }
}

impl<K> Debug for Ref<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.at)
    }
}

impl<K> PartialEq for Ref<K> {
    fn eq(&self, other: &Ref<K>) -> bool {
        self.at == other.at
    }
}

impl<K> Serialize for Ref<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.at.serialize(to)
    }
}

impl<'de, K> Deserialize<'de> for Ref<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Ref<K>, D::Error> {
        Address::deserialize(from).map(Ref::new)
    }
}

/// Ties the kinds together: the enum of node data, the enum of handles, their names, and the dispatch.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// The data of a node of any kind; boxed, because the largest is seven times the usual one.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "node", rename_all = "snake_case")]
        pub enum NodeData { $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind(Box<$kind>),)* }

        /// The name of a kind, as the journal keeps it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum NodeKind { $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind,)* }

        /// What opening a node of any kind yielded.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Handle { $(
            #[doc = concat!("See [`", stringify!($kind), "`].")]
            $kind { #[doc = "What it yielded."] handle: <$kind as Kind>::Handle },
        )* }

        impl NodeData {
            /// Its kind.
            pub fn kind(&self) -> NodeKind { match self { $(NodeData::$kind(_) => NodeKind::$kind,)* } }
            /// What it waits for.
            pub fn needs(&self) -> Vec<Need> { match self { $(NodeData::$kind(node) => node.needs(),)* } }
            /// Opens it: [`Kind::open`].
            pub async fn open(&self, at: &Address, marker: &Marker, cx: &Context) -> Result<Handle, NodeError> {
                match self { $(NodeData::$kind(node) => Ok($kind::wrap(Box::pin(node.open(at, marker, cx)).await?)),)* }
            }
        }

        impl NodeKind {
            /// How long such a node stands.
            pub fn lifetime(self) -> Lifetime { match self { $(NodeKind::$kind => $kind::LIFETIME,)* } }
            /// Whose death closes it.
            pub fn keeper(self) -> Keeper { match self { $(NodeKind::$kind => $kind::KEEPER,)* } }
            /// Looks for what an unanswered open may have made: [`Kind::find`].
            pub async fn find(self, marker: &Marker, cx: &Context) -> Result<Option<Handle>, NodeError> {
                match self { $(NodeKind::$kind => Ok(Box::pin($kind::find(marker, cx)).await?.map($kind::wrap)),)* }
            }
        }

        impl Handle {
            /// Of which kind the node is.
            pub fn kind(&self) -> NodeKind { match self { $(Handle::$kind { .. } => NodeKind::$kind,)* } }
            /// Closes the node: [`Kind::close`].
            pub async fn close(&self, at: &Address, cx: &Context) -> Result<(), NodeError> {
                match self { $(Handle::$kind { handle } => Box::pin($kind::close(handle, at, cx)).await,)* }
            }
        }

        $(
            impl From<$kind> for NodeData { fn from(node: $kind) -> NodeData { NodeData::$kind(Box::new(node)) } }
            impl HandleOf for $kind {
                fn wrap(handle: Self::Handle) -> Handle { Handle::$kind { handle } }
                fn unwrap(handle: &Handle) -> Option<&Self::Handle> {
                    match handle { Handle::$kind { handle } => Some(handle), _ => None }
                }
            }
        )*
    };
}

/// Moves between a kind's own handle and the enum of all.
pub trait HandleOf: Kind {
    /// Into the enum.
    fn wrap(handle: Self::Handle) -> Handle;
    /// Out of it, if it is of this kind.
    fn unwrap(handle: &Handle) -> Option<&Self::Handle>;
}

kinds!(
    Volume,
    Attachment,
    Partitions,
    Filesystem,
    Mount,
    Bootstrap,
    Fstab,
    BootLoader,
    Provision,
    Hook,
    Seal,
    Check,
    Snapshot,
    Image,
    Adopt,
    Update,
    RegionalCopy,
    Share,
    Parameter,
    Retire,
    Condition,
);

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its address.
    pub address: Address,
    /// The data of its kind.
    pub data: NodeData,
    /// The block that it stems from, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// In a few words: `run scripts/nginx.sh`.
    pub summary: String,
    /// What it adds to the content (classes S and B of its block), without what it needs; none for nodes that add nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// Over its content and the digests of the content nodes that it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Where steps work: the mounts of the image, and the step before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surroundings {
    /// The root's mount.
    pub root: Ref<Mount>,
    /// All other mounts of the image.
    pub mounts: Vec<Ref<Mount>>,
    /// Content nodes and hooks that must have run.
    pub after: Vec<Address>,
    /// What is put before the command line of each step: `["nice", "-n", "10"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapper: Vec<String>,
    /// What stands for now in a reproducible image: seconds after 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
}

impl Surroundings {
    /// What a node in these surroundings waits for.
    pub fn needs(&self) -> Vec<Need> {
        let mounts = std::iter::once(self.root.opened()).chain(self.mounts.iter().map(Ref::opened));
        mounts.chain(self.after.iter().cloned().map(Need::Opened)).collect()
    }
}

/// The arguments of a step, bootstrap, boot loader or hook, as plain values; behaviour is looked up by kind when it runs.
/// Those of a nested block have its name in front: `limits.memory`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Arguments(pub BTreeMap<String, PlannedArgument>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedArgument {
    /// May hold `build.*` values that are known only when the node is opened.
    pub value: Value,
    /// Of a sensitive value, which is not written down: what it is computed from, over references and revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Box<Value>>,
    /// The files that it names; their bytes are compared with the digest before they are used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PlannedFile>,
}

/// A file on the builder host that a step reads at apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// As messages name it, relative to the module; for a tree the path within it is behind it.
    pub path: PathBuf,
    /// Where to read it.
    pub absolute: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// What it must hold.
    pub digest: Digest,
}
