//! Values that are given for variables: from the environment, from files, from the command line; the last one counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Assignment, LoadOptions, sources};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::{Nothing, Scope, Value, evaluate, syntax};
use crate::source::{Source, Span};

/// In front of the name of a variable, in the environment.
const ENVIRONMENT: &str = "BAKE_VAR_";

/// A value before its type is known.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// A text, which is an expression if the variable is no plain text.
    Text {
        /// As it was given.
        text: String,
        /// By what.
        origin: Origin,
    },
    /// A value from a file.
    Value {
        /// The value.
        value: Value,
        /// Where it stands.
        span: Span,
    },
}

/// How a text was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `BAKE_VAR_x`
    Environment,
    /// `-var x=...`
    CommandLine,
    /// Asked for.
    Asked,
}

impl Origin {
    pub fn in_words(self, name: &str) -> String {
        match self {
            Origin::Environment => format!("{ENVIRONMENT}{name}"),
            Origin::CommandLine => format!("-var {name}"),
            Origin::Asked => "your answer".to_owned(),
        }
    }
}

impl Given {
    /// Where it stands, if that is in a file.
    pub fn span(&self) -> Option<Span> {
        match self {
            Given::Value { span, .. } => Some(span.clone()),
            Given::Text { .. } => None,
        }
    }

    /// By what it is given: `-var release`, `prod.bakevars.hcl:3`.
    pub fn in_words(&self, name: &str) -> String {
        match self {
            Given::Text { origin, .. } => origin.in_words(name),
            Given::Value { span, .. } => format!("{}:{}", span.path().display(), span.start().line),
        }
    }

    /// Adds to a message where the value was given, as its main place if that is in a file.
    pub fn place(&self, mut error: Diagnostic, name: &str) -> Diagnostic {
        match self {
            Given::Text { origin, .. } => error.note(format!("it is given by {}", origin.in_words(name))),
            Given::Value { span, .. } => {
                let declared = std::mem::take(&mut error.labels);
                let error = error.label(span, "given here");
                declared
                    .into_iter()
                    .fold(error, |error, label| error.label(&label.span, label.text))
            }
        }
    }
}

/// All values that are given, by the name of the variable: the environment, then the files that are read by themselves,
/// then the command line from left to right.
pub(super) fn collect(
    options: &LoadOptions<'_>,
    automatic: &[PathBuf],
    found: &mut Diagnostics,
) -> BTreeMap<String, Given> {
    let mut given = BTreeMap::new();
    for (name, text) in &options.environment {
        if let Some(name) = name.strip_prefix(ENVIRONMENT) {
            given.insert(
                name.to_owned(),
                Given::Text {
                    text: text.clone(),
                    origin: Origin::Environment,
                },
            );
        }
    }
    for path in automatic {
        given.extend(found.take(from_file(path)).into_iter().flatten());
    }
    for assignment in &options.variables {
        match assignment {
            Assignment::File(path) => given.extend(found.take(from_file(path)).into_iter().flatten()),
            Assignment::Value { name, text } => {
                given.insert(
                    name.clone(),
                    Given::Text {
                        text: text.clone(),
                        origin: Origin::CommandLine,
                    },
                );
            }
        }
    }
    given
}

fn from_file(path: &Path) -> Result<Vec<(String, Given)>, Diagnostics> {
    let source = sources::read(path)?;
    match path.extension().is_some_and(|ending| ending == "json") {
        true => Ok(from_json(&source)?),
        false => from_hcl(&source),
    }
}

fn from_hcl(source: &Arc<Source>) -> Result<Vec<(String, Given)>, Diagnostics> {
    let body = syntax::parse(source)?;
    let mut found = Diagnostics::new();
    for block in &body.blocks {
        found.push(
            Diagnostic::error("a file of variables holds no blocks")
                .at(&block.span)
                .help("write NAME = VALUE"),
        );
    }
    let mut given = Vec::new();
    for attribute in body.attributes {
        if let Some(value) = found.take(evaluate(&attribute.value, &Scope::new(&Nothing))) {
            let span = attribute.value.span.clone();
            given.push((attribute.name.value, Given::Value { value, span }));
        }
    }
    found.into_result(given).map(|(given, _)| given)
}

fn from_json(source: &Arc<Source>) -> Result<Vec<(String, Given)>, Diagnostic> {
    let read: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(source.text());
    let all = read.map_err(|error| {
        let line = source
            .text()
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let at = (line + error.column().saturating_sub(1)).min(source.text().len());
        Diagnostic::error("this is no JSON object of variables")
            .at(&Span::new(source, at..at))
            .note(error.to_string())
    })?;
    let span = |name: &str| {
        let quoted = serde_json::Value::from(name).to_string();
        let at = source.text().find(&quoted).unwrap_or(0);
        Span::new(source, at..(at + quoted.len()).min(source.text().len()))
    };
    let given = all.into_iter().map(|(name, json)| {
        let span = span(&name);
        (
            name,
            Given::Value {
                value: Value::from_json(&json),
                span,
            },
        )
    });
    Ok(given.collect())
}
