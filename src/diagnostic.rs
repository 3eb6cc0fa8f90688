//! What failed, where, why, and what to do: the one form in which bake tells a person that something is wrong.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The command cannot do what was asked.
    Error,
    /// It can, but the person should know.
    Warning,
}

/// A place with what is to be said about it; the text may be empty (then the place is only underlined).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is said there, in a few words.
    pub text: String,
}

/// One message.
///
/// ```text
/// error: unknown argument "sise" in block "volume"      <- summary
///   --> base.bake.hcl:9:5                               <- labels[0].span
///    |
///  9 |     sise = "8GiB"
///    |     ^^^^ did you mean "size"?                    <- labels[0].text
///    = note: ...                                        <- notes
///    = help: ...                                        <- help: what to do next
/// ```
#[must_use = "a diagnostic that nobody shows says nothing"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line without a full stop, beginning in lower case.
    pub summary: String,
    /// Places; the first is the main one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Why, and what else is known. A note may have several lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// The node or image that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

impl Diagnostic {
    /// An error with its summary.
    pub fn error(summary: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, summary)
    }

    /// A warning with its summary.
    pub fn warning(summary: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, summary)
    }

    fn new(severity: Severity, summary: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            summary: summary.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            address: None,
        }
    }

    /// Adds a place, underlined without words.
    pub fn at(self, span: &Span) -> Diagnostic {
        self.label(span, "")
    }

    /// Adds a place with words behind the underline.
    pub fn label(mut self, span: &Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span: span.clone(),
            text: text.into(),
        });
        self
    }

    /// The same at one other place, for what was read from a text that stands in no file as it is.
    pub fn placed(mut self, span: &Span) -> Diagnostic {
        self.labels.truncate(1);
        self.labels.iter_mut().for_each(|label| label.span = span.clone());
        self
    }

    /// Adds why.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds these facts.
    pub fn notes(mut self, texts: impl IntoIterator<Item = String>) -> Diagnostic {
        self.notes.extend(texts);
        self
    }

    /// Adds what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    /// Says which node or image it is about.
    pub fn about(mut self, address: &Address) -> Diagnostic {
        self.address = Some(address.clone());
        self
    }
}

/// All messages of a run, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of another set behind these.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(others);
    }

    /// Takes the value, or collects why there is none and answers `None`.
    pub fn take<T, E: Into<Diagnostics>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|errors| self.extend(errors.into())).ok()
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|one| one.severity == Severity::Error)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Puts them in file order (those without a place last, otherwise in the order of discovery) and drops repeats.
    pub fn sorted(mut self) -> Diagnostics {
        self.0.sort_by_key(|one| {
            one.labels.first().map_or((true, None), |label| {
                (
                    false,
                    Some((label.span.path().to_owned(), label.span.start(), one.severity)),
                )
            })
        });
        self.0.dedup();
        self
    }

    /// `Err` with everything if there is an error, else the value with the warnings.
    pub fn into_result<T>(self, value: T) -> Result<(T, Diagnostics), Diagnostics> {
        if self.has_errors() {
            Err(self)
        } else {
            Ok((value, self))
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Diagnostics {
        Diagnostics(vec![one])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Diagnostics {
        Diagnostics(all.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
