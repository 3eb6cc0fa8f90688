//! `data "image"`: an image that bake has built, of this project or another.

use async_trait::async_trait;

use super::{Asks, Attribute, DEPENDS_ON, FOR_EACH, Found, Kind, LIFECYCLE, PROVIDER, Request, Yields, yields};
use crate::address::ImageAddress;
use crate::diagnostic::Diagnostic;
use crate::lang::{Type as Shape, Value};
use crate::providers::{ImageQuery, ObservedImage, Owner};
use crate::schema::{Block, Class, Default, Object, Type, argument, block, once};

/// Its table.
pub static BLOCK: Block = block("data")
    .kind("image")
    .labels(&["name"])
    .doc("An image that bake has built: exactly one must fit.")
    .arguments(&[
        argument("address", Type::Text, Class::Run).doc("Its address in its module: \"image.base\"."),
        argument("name", Type::Text, Class::Run).doc("Its name; * stands for any characters."),
        argument("tags", Type::TextMap, Class::Run).doc("Tags that it has, with these values."),
        argument("project", Type::Text, Class::Run).doc("Whose it is; default: the project of this module."),
        argument("workspace", Type::Text, Class::Run).doc("In which workspace; default: this one."),
        argument("most_recent", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether the one made last is taken if several fit."),
        PROVIDER,
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

const ATTRIBUTES: &[Attribute] = &[
    yields("id", Yields::Text, "Its id."),
    yields("name", Yields::Text, "Its name."),
    yields("address", Yields::Text, "Its address in its module."),
    yields("release", Yields::Number, "The number of the release."),
    yields(
        "digest",
        Yields::Text,
        "What it contains: sha256: and 64 hexadecimal digits.",
    ),
    yields("created", Yields::Text, "When it was made (RFC 3339)."),
    yields("description", Yields::Text, "Its description; null if it has none."),
    yields("tags", Yields::TextMap, "Its tags."),
    yields(
        "snapshot",
        Yields::Text,
        "The snapshot of its root volume, for source { snapshot = ... }.",
    ),
    yields(
        "snapshots",
        Yields::TextMap,
        "The snapshots by the names of their volumes.",
    ),
    yields("project", Yields::Text, "Whose it is."),
    yields("workspace", Yields::Text, "In which workspace."),
];

/// The kind.
pub struct Image;

#[async_trait]
impl Kind for Image {
    fn block(&self) -> &'static Block {
        &BLOCK
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn asks(&self) -> Asks {
        Asks::AnyProvider
    }

    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic> {
        let arguments = request.arguments;
        let query = query(arguments, request.owner)?;
        let provider = request
            .provider
            .ok_or_else(|| Diagnostic::error("no provider is declared that could be asked for images"))?;
        let answers = provider.images().observe(std::slice::from_ref(&query)).await?;
        let mut fitting: Vec<ObservedImage> = answers
            .into_iter()
            .flatten()
            .filter(|image| fits(image, arguments))
            .collect();
        // Made last; of two at once the one with the higher release.
        fitting.sort_by(|a, b| {
            let key = |one: &ObservedImage| (one.created.clone(), one.manifest.release, one.id.clone());
            key(b).cmp(&key(a))
        });
        match fitting.as_slice() {
            [] => Err(none(&query.owner)),
            [one] => Ok(found(one)),
            [first, ..] if arguments.is_on("most_recent") => Ok(found(first)),
            several => Err(too_many(several)),
        }
    }
}

fn query(arguments: &Object, own: &Owner) -> Result<ImageQuery, Diagnostic> {
    let address = arguments.spanned_text("address").map(|text| {
        text.value.parse::<ImageAddress>().map_err(|error| {
            Diagnostic::error("argument \"address\" has a bad value").label(&text.span, error.to_string())
        })
    });
    let or = |name: &str, own: &str| arguments.text(name).unwrap_or(own).to_owned();
    Ok(ImageQuery {
        owner: Owner {
            project: or("project", &own.project),
            workspace: or("workspace", &own.workspace),
        },
        address: address.transpose()?,
    })
}

fn fits(image: &ObservedImage, arguments: &Object) -> bool {
    let name = arguments.text("name");
    name.is_none_or(|pattern| matches(pattern, &image.name))
        && arguments
            .map("tags")
            .iter()
            .all(|(key, value)| image.tags.get(key) == Some(value))
}

/// Whether a text is that of a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|at| matches(behind, &rest[at..]))
}

fn found(image: &ObservedImage) -> Found {
    let manifest = &image.manifest;
    let text = |text: &str| Value::from(text);
    let texts = |all: Vec<(&String, &str)>| {
        let all = all.into_iter().map(|(key, value)| (key.clone(), Value::from(value)));
        Value::map(Shape::String, all.collect())
    };
    let root = manifest
        .volumes
        .first()
        .and_then(|volume| image.snapshots.get(&volume.name));
    let all = [
        ("id", Some(text(&image.id.0))),
        ("name", Some(text(&image.name))),
        ("address", Some(text(&manifest.address.to_string()))),
        (
            "release",
            Some(usize::try_from(manifest.release).unwrap_or(usize::MAX).into()),
        ),
        ("digest", Some(text(&manifest.digest.to_string()))),
        ("created", Some(text(&image.created))),
        ("description", image.description.as_deref().map(text)),
        (
            "tags",
            Some(texts(
                image.tags.iter().map(|(key, value)| (key, value.as_str())).collect(),
            )),
        ),
        ("snapshot", root.map(|id| text(&id.0))),
        (
            "snapshots",
            Some(texts(
                image.snapshots.iter().map(|(key, id)| (key, id.0.as_str())).collect(),
            )),
        ),
        ("project", Some(text(&manifest.owner.project))),
        ("workspace", Some(text(&manifest.owner.workspace))),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn none(owner: &Owner) -> Diagnostic {
    Diagnostic::error("no image fits")
        .note(format!(
            "looked for in project {}, workspace {}",
            owner.project, owner.workspace
        ))
        .help("bake images lists those that stand")
}

fn too_many(several: &[ObservedImage]) -> Diagnostic {
    let error = Diagnostic::error(format!("{} images fit, and one is wanted", several.len()));
    let shown = several.iter().take(5);
    let error = shown.fold(error, |error, image| {
        error.note(format!(
            "{} release {} ({})",
            image.manifest.address, image.manifest.release, image.name
        ))
    });
    error.help("say more of it, or write most_recent = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [
            ("web-*", "web-1"),
            ("*", ""),
            ("w*b*1", "web-web-1"),
            ("web", "web"),
            ("*é*", "caféa"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("web-*", "xweb-1"), ("w*b", "web-"), ("web", "web2")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
