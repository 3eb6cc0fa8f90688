//! Addresses: how images and their nodes are called, `image.web["arm64"].provision["nginx"]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where in the tree of modules something stands: `module.web["a"].module.base`; empty in the module for which bake was
/// started.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(Vec<(String, Option<String>)>);

impl ModulePath {
    /// A module that is called here, with its key under `for_each`.
    pub fn below(&self, name: &str, key: Option<&str>) -> ModulePath {
        let step = (name.to_owned(), key.map(str::to_owned));
        ModulePath(self.0.iter().cloned().chain([step]).collect())
    }

    /// The module that is called in `above` on the way to this one; none if this one does not lie below it.
    pub fn first_below(&self, above: &ModulePath) -> Option<ModulePath> {
        let lies_below = self.0.starts_with(&above.0) && self.0.len() > above.0.len();
        lies_below.then(|| ModulePath(self.0[..=above.0.len()].to_vec()))
    }

    /// Whether `other` is this module or lies below it; a step without a key stands for every key.
    pub fn holds(&self, other: &ModulePath) -> bool {
        other.0.len() >= self.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(asked, is)| asked.0 == is.0 && (asked.1.is_none() || asked.1 == is.1))
    }

    /// The same way down, from `to` instead of from `from`; none if it does not lead through that.
    pub fn carried(&self, from: &ModulePath, to: &ModulePath) -> Option<ModulePath> {
        let rest = self.0.strip_prefix(from.0.as_slice())?;
        Some(ModulePath(to.0.iter().chain(rest).cloned().collect()))
    }

    /// Whether it is that for which bake was started.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of several that a `for_each` stands for.
    pub fn has_keys(&self) -> bool {
        self.0.iter().any(|(_, key)| key.is_some())
    }

    /// The address of something that stands here: `module.web.data.http.key`.
    pub fn of(&self, what: impl fmt::Display) -> String {
        match self.is_root() {
            true => what.to_string(),
            false => format!("{self}.{what}"),
        }
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, key)) in self.0.iter().enumerate() {
            let dot = if at > 0 { "." } else { "" };
            write!(f, "{dot}module.{name}")?;
            key.iter().try_for_each(|key| write!(f, "[{}]", quoted(key)))?;
        }
        Ok(())
    }
}

/// The address of an image: `image.web`, `image.web["arm64"]` under `for_each`, `module.base.image.web` of a module that is
/// called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageAddress {
    /// The module in which its block stands.
    pub module: ModulePath,
    /// The label of its block.
    pub name: String,
    /// Its key under `for_each`.
    pub key: Option<String>,
}

impl ImageAddress {
    /// `image.NAME`, or `image.NAME["KEY"]`.
    pub fn new(name: impl Into<String>, key: Option<String>) -> ImageAddress {
        ImageAddress {
            module: ModulePath::default(),
            name: name.into(),
            key,
        }
    }

    /// The same image of a module.
    pub fn within(self, module: &ModulePath) -> ImageAddress {
        ImageAddress {
            module: module.clone(),
            ..self
        }
    }

    /// The address of one of its nodes: `image.web.KIND["LABEL"]`.
    pub fn node(&self, kind: &str, label: impl Into<String>) -> Address {
        Address {
            image: self.clone(),
            node: Some(NodeName {
                kind: kind.to_owned(),
                label: Some(label.into()),
            }),
        }
    }

    /// The address of a node of which the image has only one: `image.web.KIND`.
    pub fn only(&self, kind: &str) -> Address {
        Address {
            image: self.clone(),
            node: Some(NodeName {
                kind: kind.to_owned(),
                label: None,
            }),
        }
    }

    /// The address of the image itself, among nodes.
    pub fn itself(&self) -> Address {
        Address {
            image: self.clone(),
            node: None,
        }
    }
}

impl fmt::Display for ImageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "image.{}", self.name)?;
        self.key.iter().try_for_each(|key| write!(f, "[{}]", quoted(key)))
    }
}

/// The part of an address behind the image: `provision["nginx"]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName {
    /// The kind of node: `volume`, `mount`, `provision`.
    pub kind: String,
    /// What tells it from others of its kind in the image.
    pub label: Option<String>,
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.label.iter().try_for_each(|label| write!(f, "[{}]", quoted(label)))
    }
}

/// The address of a node, or of an image (a lasting node).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The image that it belongs to.
    pub image: ImageAddress,
    /// Which of its nodes; none for the image itself.
    pub node: Option<NodeName>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.image, f)?;
        self.node.iter().try_for_each(|node| write!(f, ".{node}"))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a flag names: images by their address, or all that a module has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// `image.web` or `image.web["arm64"]`; without a key all of a `for_each`.
    Image(ImageAddress),
    /// `module.base`, with the modules that it calls.
    Module(ModulePath),
}

impl Selection {
    /// Whether it means this image.
    pub fn means(&self, image: &ImageAddress) -> bool {
        match self {
            Selection::Module(module) => module.holds(&image.module),
            Selection::Image(asked) => {
                let own = ImageAddress::new(&asked.name, asked.key.clone().or_else(|| image.key.clone()));
                own.within(&image.module) == *image
                    && asked.module.holds(&image.module)
                    && image.module.0.len() == asked.module.0.len()
            }
        }
    }
}

impl From<ImageAddress> for Selection {
    fn from(image: ImageAddress) -> Selection {
        Selection::Image(image)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selection::Image(image) => image.fmt(f),
            Selection::Module(module) => module.fmt(f),
        }
    }
}

/// A text that names neither an image nor a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no image; write image.NAME, image.NAME[\"KEY\"], or module.NAME for all that a module has")]
pub struct NotASelection(String);

impl FromStr for Selection {
    type Err = NotASelection;
    fn from_str(text: &str) -> Result<Selection, NotASelection> {
        if let Ok(image) = text.parse() {
            return Ok(Selection::Image(image));
        }
        match module(&format!("{text}.")) {
            Some((path, "")) if !path.is_root() => Ok(Selection::Module(path)),
            _ => Err(NotASelection(text.to_owned())),
        }
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address; write image.NAME, image.NAME[\"KEY\"] or image.NAME.KIND[\"LABEL\"]")]
pub struct NotAnAddress(String);

impl FromStr for Address {
    type Err = NotAnAddress;
    fn from_str(text: &str) -> Result<Address, NotAnAddress> {
        let read = || {
            let (module, rest) = module(text)?;
            let rest = rest.strip_prefix("image.")?;
            let (name, rest) = word(rest)?;
            let (key, rest) = index(rest)?;
            let image = ImageAddress::new(name, key).within(&module);
            if rest.is_empty() {
                return Some(image.itself());
            }
            let (kind, rest) = word(rest.strip_prefix('.')?)?;
            let (label, rest) = index(rest)?;
            rest.is_empty().then(|| Address {
                image,
                node: Some(NodeName {
                    kind: kind.to_owned(),
                    label,
                }),
            })
        };
        read().ok_or_else(|| NotAnAddress(text.to_owned()))
    }
}

impl FromStr for ImageAddress {
    type Err = NotAnAddress;
    fn from_str(text: &str) -> Result<ImageAddress, NotAnAddress> {
        match text.parse::<Address>()? {
            Address { image, node: None } => Ok(image),
            _ => Err(NotAnAddress(text.to_owned())),
        }
    }
}

/// The modules in front of an address.
fn module(mut text: &str) -> Option<(ModulePath, &str)> {
    let mut path = ModulePath::default();
    while let Some(rest) = text.strip_prefix("module.") {
        let (name, rest) = word(rest)?;
        let (key, rest) = index(rest)?;
        path = path.below(name, key.as_deref());
        text = rest.strip_prefix('.')?;
    }
    Some((path, text))
}

fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// An index in brackets, quoted as JSON, if one follows.
fn index(text: &str) -> Option<(Option<String>, &str)> {
    let Some(inside) = text.strip_prefix('[') else {
        return Some((None, text));
    };
    let mut stream = serde_json::Deserializer::from_str(inside).into_iter::<String>();
    let key = stream.next()?.ok()?;
    Some((Some(key), inside[stream.byte_offset()..].strip_prefix(']')?))
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Address, ImageAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_what_they_write() {
        for text in [
            "image.web",
            "image.web[\"arm64\"]",
            "image.web.snapshot",
            "module.a.image.web",
            "module.a[\"x.y\"].module.b.image.web[\"z\"].provision[\"p\"]",
            "image.web[\"a.b\"].provision[\"x \\\"y\\\" ]\"]",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "web",
            "image.",
            "image.web.",
            "module.a",
            "module.image.web",
            "module.a.web",
            "image.web[arm64]",
            "image.web[\"a\"",
            "image.web.x[\"a\"]y",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
