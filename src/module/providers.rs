//! `provider` blocks, and which provider an image gets.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::aws;
use super::blocks::{DEFAULT_STORE, Declared, PROVIDERS};
use super::names::Names;
use super::within::InImage;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::Block as Written;
use crate::schema::{Block, Decoder, Files, Object, suggest};
use crate::source::Span;
use crate::spec::{ProviderKey, ProviderSettings};

/// The providers of a module.
#[derive(Debug)]
pub(super) struct Providers {
    settings: Vec<ProviderSettings>,
    /// Whether a block that declares one could not be decoded.
    broken: bool,
}

/// The keys that are declared, as far as they can be read without evaluating anything: references need them.
pub(super) fn keys(declared: &Declared) -> Vec<ProviderKey> {
    let literal = |written: &Written| {
        let alias = written
            .body
            .attribute("alias")
            .and_then(|attribute| match &attribute.value.kind {
                crate::lang::ExpressionKind::Value(value) => value.as_str().map(str::to_owned),
                _ => None,
            });
        Some(ProviderKey {
            kind: written.labels.first()?.value.clone(),
            alias,
        })
    };
    let keys: Vec<ProviderKey> = declared.providers.iter().filter_map(literal).collect();
    match keys.is_empty() {
        true => vec![local()],
        false => keys,
    }
}

impl Providers {
    /// Decodes the blocks; without one there is the local provider with its default store.
    pub fn decode(names: &Names<'_>, files: &Files, found: &mut Diagnostics) -> Providers {
        let declared = &names.declared.providers;
        let mut settings = Vec::new();
        let mut standing: BTreeMap<ProviderKey, &Span> = BTreeMap::new();
        for written in declared {
            let Some(one) = decode_one(written, names, files, found) else {
                continue;
            };
            if let Some(first) = standing.insert(one.key.clone(), &written.span) {
                let error = Diagnostic::error(format!("there are two providers called {}", one.key));
                let error = error
                    .label(&written.span, "here again")
                    .label(first, "the first is here");
                found.push(error.help("give one of them an alias"));
                continue;
            }
            settings.push(one);
        }
        let broken = settings.len() < declared.len();
        if declared.is_empty() {
            settings.push(ProviderSettings {
                key: local(),
                store: Some(absolute(files.directory(), DEFAULT_STORE)),
                ignore_publish: false,
                aws: None,
            });
        }
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        Providers { settings, broken }
    }

    /// All of them, in the order of their keys.
    pub fn into_settings(self) -> Vec<ProviderSettings> {
        self.settings
    }

    /// Any of them: what an image gets whose own choice is wrong.
    pub fn first(&self) -> ProviderKey {
        self.settings.first().map_or_else(local, |one| one.key.clone())
    }

    /// The one that an image gets which does not choose.
    pub fn default_for(&self, image: &Span, found: &mut Diagnostics) -> ProviderKey {
        if let ([_, _, ..], false) = (self.settings.as_slice(), self.broken) {
            let known: Vec<String> = self
                .settings
                .iter()
                .map(|one| format!("provider.{}", one.key))
                .collect();
            let error = Diagnostic::error("this image must choose one of the declared providers").at(image);
            found.push(error.help(format!("write provider = {}", known.join(" or provider = "))));
        }
        self.first()
    }

    /// Whether it is a local provider that was not told to pass over what it cannot publish.
    pub fn publishes_locally(&self, key: &ProviderKey) -> bool {
        let settings = self.settings.iter().find(|one| one.key == *key);
        key.kind == "local" && settings.is_some_and(|one| !one.ignore_publish)
    }
}

fn local() -> ProviderKey {
    ProviderKey {
        kind: "local".to_owned(),
        alias: None,
    }
}

fn decode_one(
    written: &Written,
    names: &Names<'_>,
    files: &Files,
    found: &mut Diagnostics,
) -> Option<ProviderSettings> {
    let table = table(written, found)?;
    let within = names.at_top();
    let evaluate = InImage {
        plain: within,
        identities: within,
    };
    let mut decoder = Decoder::new(&evaluate, files, None);
    let object = decoder.block(written, table);
    found.extend(decoder.found);
    object.whole.then(|| settings(&object, files.directory(), found))
}

/// The table of a provider, by its label.
fn table(written: &Written, found: &mut Diagnostics) -> Option<&'static Block> {
    let kinds: Vec<&str> = PROVIDERS.iter().filter_map(|block| block.kind).collect();
    let kind = written.labels.first();
    let table = PROVIDERS
        .iter()
        .find(|block| kind.is_some_and(|label| block.kind == Some(&label.value)));
    if table.is_none() {
        let known = kinds.join("\" or \"");
        found.push(
            match kind {
                None => Diagnostic::error("block \"provider\" needs a label: its kind").at(&written.span),
                Some(kind) => {
                    let meant =
                        suggest(&kind.value, kinds.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
                    let error = Diagnostic::error(format!("unknown provider \"{}\"", kind.value));
                    error.label(&kind.span, meant.unwrap_or_default())
                }
            }
            .help(format!("write provider \"{known}\"")),
        );
    }
    table.copied()
}

fn settings(object: &Object, directory: &Path, found: &mut Diagnostics) -> ProviderSettings {
    let kind = object.block.kind.unwrap_or_default();
    let is_aws = kind == "aws";
    ProviderSettings {
        key: ProviderKey {
            kind: kind.to_owned(),
            alias: object.text("alias").map(str::to_owned),
        },
        store: if is_aws {
            None
        } else {
            object.text("store").map(|store| absolute(directory, store))
        },
        ignore_publish: !is_aws && object.is_on("ignore_publish"),
        aws: is_aws.then(|| Box::new(aws::settings(object, found))),
    }
}

/// A path as seen from the module, without `.` and `..`.
fn absolute(directory: &Path, path: &str) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(cleaned.pop()),
            part => cleaned.push(part),
        }
    }
    cleaned
}
