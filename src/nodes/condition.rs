//! A condition that waits for what an apply settles: the id of an image that it builds.

use serde::{Deserialize, Serialize};

use super::{Context, Keeper, Kind, Lifetime, Need, NodeError, values};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lang::value::Value;
use crate::providers::Marker;
use crate::source::Span;

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// True if all is well.
    pub value: Value,
    /// What is said if not; no secret is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    /// `check "reachable" does not hold`
    pub summary: String,
    /// Where the condition stands.
    pub span: Span,
    /// Whether the apply may go on without it.
    pub severity: Severity,
    /// The images that it waits for.
    #[serde(default)]
    pub after: Vec<Need>,
}

impl Condition {
    /// What is to be said about it; nothing if it holds. Both are wholly known.
    ///
    /// # Errors
    /// That it does not hold, with its severity, or that it is neither true nor false.
    pub fn judge(&self, value: &Value, message: Option<&str>) -> Result<(), Diagnostic> {
        let said = match (value.as_bool(), self.severity) {
            (Some(true), _) => return Ok(()),
            (Some(false), Severity::Warning) => Diagnostic::warning(&self.summary),
            (Some(false), Severity::Error) => Diagnostic::error(&self.summary),
            (None, _) => {
                let error = Diagnostic::error("a condition is true or false");
                return Err(error.label(&self.span, "this is not"));
            }
        };
        let said = message.into_iter().fold(said, Diagnostic::note);
        Err(said.label(&self.span, "this must hold"))
    }
}

impl Kind for Condition {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        self.after.clone()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let value = values::settled(&self.value, cx)?;
        let message = match &self.message {
            Some(message) => values::text(message, cx)?,
            None => None,
        };
        match self.judge(&value, message.as_deref()) {
            Err(found) if found.severity == Severity::Warning => {
                cx.events.message(in_one_line(&found));
                Ok(())
            }
            judged => judged.map_err(NodeError::from),
        }
    }
}

/// `warning: check "size" does not hold: the image is too large`
fn in_one_line(found: &Diagnostic) -> String {
    let notes = found.notes.iter().map(|note| format!(": {}", note.replace('\n', " ")));
    format!("warning: {}{}", found.summary, notes.collect::<String>())
}
