//! JSON for other programs: documents on stdout, and the stream of events of an apply.

use serde::Serialize;

/// Version of the documents that bake prints: the first number is raised when a reader must change, the second when
/// something was added.
pub const FORMAT: &str = "1.0";

/// A document, indented, with a line end behind it.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("documents have text keys and no failing parts");
    text.push('\n');
    text
}
