//! `data "packages"`: which packages a list of names comes to in Debian's archives, each with its version and SHA-256.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Asks, Attribute, DEPENDS_ON, FOR_EACH, Found, Kind, LIFECYCLE, Request, Yields, yields};
use crate::diagnostic::Diagnostic;
use crate::host::apt::sources::Archives;
use crate::host::apt::{self, Package, Packages, Wanted};
use crate::lang::{Type as Shape, Value};
use crate::schema::{Block, Class, Default, Type, argument, block, once};

/// Which packages come without being named, as mmdebstrap(1) calls it.
pub const VARIANTS: &[&str] = &[
    "minbase",
    "extract",
    "essential",
    "apt",
    "required",
    "important",
    "standard",
    "buildd",
];

/// Its table.
pub static BLOCK: Block = block("data")
    .kind("packages")
    .labels(&["name"])
    .doc(
        "The packages of a Debian system, with all that they depend on: name, version and SHA-256 of each. The lock file \
         keeps them; with `set` in a bootstrap \"debian\" every build then has these packages and no others. Needs apt on \
         the builder host, and no root.",
    )
    .arguments(&[
        argument("suite", Type::Text, Class::Run)
            .required()
            .doc("Suite or code name: \"bookworm\"."),
        argument("packages", Type::TextList, Class::Run).doc("Packages beside those of the variant."),
        argument("exclude", Type::TextList, Class::Run).doc("Packages of the variant that are left out."),
        argument("variant", Type::Choice(VARIANTS), Class::Run)
            .default(Default::Text("minbase"))
            .doc("Which packages come without being named."),
        argument("recommends", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether recommended packages come, too."),
        argument("architecture", Type::Choice(&["x86_64", "aarch64"]), Class::Run)
            .default(Default::Text("x86_64"))
            .doc("That of the image."),
        argument("mirror", Type::Text, Class::Run).doc(
            "URL of the archive; one with a moment in it (.../20260101T000000Z) may have expired. Default: the apt sources \
             of the builder host.",
        ),
        argument("sources", Type::TextList, Class::Run)
            .doc("Further apt source lines: \"deb URL bookworm-updates main\"."),
        argument("components", Type::TextList, Class::Run)
            .default(Default::List(&["main"]))
            .doc("Components of the archive."),
        argument("keyring", Type::Path, Class::Run)
            .doc("Keys that sign the archive, relative to the module. Default: those of the builder host and of Debian."),
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

const ATTRIBUTES: &[Attribute] = &[yields(
    "set",
    Yields::TextMap,
    "By the name of a package \"VERSION sha256:HEX URL\".",
)];

/// The kind.
pub struct PackageSet;

#[async_trait]
impl Kind for PackageSet {
    fn block(&self) -> &'static Block {
        &BLOCK
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn asks(&self) -> Asks {
        Asks::Host
    }

    fn moved(&self, _: &str, before: &Value, after: &Value) -> Option<Vec<String>> {
        Some(moved(&texts(before)?, &texts(after)?))
    }

    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic> {
        let arguments = request.arguments;
        let text = |name: &str| arguments.text(name).map(str::to_owned);
        let keyring = arguments.text("keyring").map(|path| request.directory.join(path));
        let wanted = Wanted {
            archives: Archives {
                suite: text("suite").unwrap_or_default(),
                mirror: text("mirror"),
                components: arguments.list("components"),
                sources: arguments.list("sources"),
                keyring,
            },
            architecture: dpkg_architecture(arguments.text("architecture").unwrap_or_default()).to_owned(),
            variant: text("variant").unwrap_or_default(),
            packages: arguments.list("packages"),
            exclude: arguments.list("exclude"),
            recommends: arguments.is_on("recommends"),
        };
        let packages = apt::resolve(&wanted).await?;
        let found = packages
            .iter()
            .map(|(name, package)| (name.clone(), Value::from(package.to_string())));
        let set = Value::map(Shape::String, found.collect());
        Ok(Found::from([("set".to_owned(), set)]))
    }
}

/// An architecture as dpkg calls it.
pub fn dpkg_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The packages of a `set`.
///
/// # Errors
/// Which entry is not as [`BLOCK`] says.
pub fn packages(set: &BTreeMap<String, String>) -> Result<Packages, Diagnostic> {
    let one = |(name, text): (&String, &String)| {
        let package: Result<Package, _> = text.parse();
        match package {
            Ok(package) if apt::is_name(name) => Ok((name.clone(), package)),
            Ok(_) => Err(Diagnostic::error(format!("{name:?} in set is no name of a package"))),
            Err(why) => Err(Diagnostic::error(format!("package {name} in set has a bad value")).note(why.to_string())),
        }
    };
    let found = set.iter().map(one).collect::<Result<_, _>>();
    found.map_err(|error: Diagnostic| error.help("write set = data.packages.NAME.set"))
}

fn texts(set: &Value) -> Option<BTreeMap<String, String>> {
    let all = set.attributes()?.iter();
    all.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn moved(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| change(name, before.get(name), after.get(name)))
        .collect()
}

fn change(name: &str, before: Option<&String>, after: Option<&String>) -> Option<String> {
    let words = |text: &String| {
        let mut words = text.split(' ').map(str::to_owned);
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    };
    match (before.map(words), after.map(words)) {
        (Some((was, _)), Some((is, _))) if was != is => Some(format!("{name} {was} -> {is}")),
        // The same version with other bytes: nothing that should happen, so it is said.
        (Some((was, old)), Some((_, new))) => (old != new).then(|| format!("{name} {was}: other bytes")),
        (None, Some((is, _))) => Some(format!("+ {name} {is}")),
        (Some((was, _)), None) => Some(format!("- {name} {was}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_moved_is_said_by_version() {
        let set = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect()
        };
        let before = set(&[("a", "1 x u"), ("b", "1 x u"), ("c", "1 x u"), ("d", "1 x u")]);
        let after = set(&[("a", "2 y v"), ("b", "1 y u"), ("d", "1 x elsewhere"), ("e", "3 z u")]);
        assert_eq!(
            moved(&before, &after),
            ["a 1 -> 2", "b 1: other bytes", "- c 1", "+ e 3"]
        );
    }

    #[test]
    fn a_set_is_checked_before_anything_is_fetched() {
        let error =
            |name: &str, text: &str| packages(&BTreeMap::from([(name.to_owned(), text.to_owned())])).unwrap_err();
        assert!(error("openssl", "3.0.15").summary.contains("package openssl in set"));
        let fine = format!("1 sha256:{} http://x/y.deb", "0".repeat(64));
        assert!(error("../x", &fine).summary.contains("no name of a package"));
    }
}
