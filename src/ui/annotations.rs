//! Messages for those who show them beside the code: workflow commands of GitHub Actions, and SARIF 2.1.0.
//!
//! Sources: GitHub Docs, "Workflow commands for GitHub Actions"; OASIS, "Static Analysis Results Interchange Format (SARIF)
//! Version 2.1.0".

use std::path::Path;

use serde_json::{Value as Json, json};

use super::json::pretty;
use super::printable::honest;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::plan::{Action, Plan};
use crate::source::Span;

/// Something to be shown at a place.
struct Note {
    level: &'static str,
    rule: &'static str,
    title: String,
    text: String,
    place: Option<Span>,
}

/// Messages as lines that GitHub Actions shows at their places; paths are below `within`, the module's place in the
/// repository.
pub fn github(said: &Diagnostics, plan: Option<&Plan>, within: &Path) -> String {
    let notes = notes(said, plan);
    notes.iter().map(|note| command(note, within)).collect()
}

/// Messages as a SARIF log.
pub fn sarif(said: &Diagnostics, plan: Option<&Plan>, within: &Path) -> String {
    let results: Vec<Json> = notes(said, plan).iter().map(|note| result(note, within)).collect();
    let rules = [
        ("bake/error", "What keeps a module from being planned or applied."),
        ("bake/warning", "What should be known beside a plan."),
        ("bake/change", "What becomes of an image."),
    ];
    let rules = rules.map(|(id, text)| json!({ "id": id, "shortDescription": { "text": text } }));
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "bake", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn notes(said: &Diagnostics, plan: Option<&Plan>) -> Vec<Note> {
    let changed = plan.into_iter().flat_map(|plan| &plan.images);
    let changed = changed.filter(|image| image.action != Action::None).map(|image| Note {
        level: "notice",
        rule: "bake/change",
        title: image.address.to_string(),
        text: honest(&super::plan::words::title(image)),
        place: image.span.clone(),
    });
    said.iter().map(told).chain(changed).collect()
}

fn told(one: &Diagnostic) -> Note {
    let (level, rule) = match one.severity {
        Severity::Error => ("error", "bake/error"),
        Severity::Warning => ("warning", "bake/warning"),
    };
    let label = one
        .labels
        .first()
        .map(|label| &label.text)
        .filter(|text| !text.is_empty());
    let lines = label.into_iter().chain(&one.notes).chain(&one.help);
    let text: Vec<String> = std::iter::once(&one.summary)
        .chain(lines)
        .map(|line| honest(line))
        .collect();
    Note {
        level,
        rule,
        title: honest(&one.summary),
        text: text.join("\n"),
        place: one.labels.first().map(|label| label.span.clone()),
    }
}

fn command(note: &Note, within: &Path) -> String {
    let mut properties = Vec::new();
    if let Some(place) = note.place.as_ref().filter(|place| !place.is_nowhere()) {
        let (start, end) = (place.start(), place.end());
        properties.push(format!("file={}", property(&path(place, within))));
        properties.push(format!("line={}", start.line));
        // An end in another line would paint whole blocks.
        if end.line == start.line {
            properties.push(format!("col={},endColumn={}", start.column, end.column));
        }
    }
    properties.push(format!("title={}", property(&note.title)));
    format!("::{} {}::{}\n", note.level, properties.join(","), data(&note.text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn result(note: &Note, within: &Path) -> Json {
    let place = note.place.as_ref().filter(|place| !place.is_nowhere());
    let locations: Vec<Json> = place.iter().map(|place| location(place, within)).collect();
    let level = if note.level == "notice" { "note" } else { note.level };
    json!({ "ruleId": note.rule, "level": level, "message": { "text": note.text }, "locations": locations })
}

fn location(place: &Span, within: &Path) -> Json {
    let (start, end) = (place.start(), place.end());
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&path(place, within)) },
        "region": {
            "startLine": start.line, "startColumn": start.column,
            "endLine": end.line, "endColumn": end.column,
        },
    } })
}

fn path(place: &Span, within: &Path) -> String {
    let path: std::path::PathBuf = within.join(place.path()).components().collect();
    path.display().to_string()
}

/// A path as a relative reference (RFC 3986): all but letters, digits and `-._~/` in percent form.
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    let one = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn said() -> Diagnostics {
        let source = Source::new("a b,c.bake.hcl", "one\ntwo\n");
        let one = Diagnostic::error("100% wrong: ::error::").label(&Span::new(&source, 4..7), "here\nand there");
        one.help("do it").into()
    }

    #[test]
    fn a_message_cannot_become_a_command_of_its_own() {
        let wanted = "::error file=images/a b%2Cc.bake.hcl,line=2,col=1,endColumn=4,title=100%25 wrong%3A %3A%3Aerror%3A%3A::\
                      100%25 wrong: ::error::%0Ahere and there%0Ado it\n";
        assert_eq!(github(&said(), None, Path::new("images")), wanted);
    }

    #[test]
    fn sarif_has_a_result_with_its_place() {
        let log: Json = serde_json::from_str(&sarif(&said(), None, Path::new("images"))).expect("it is JSON");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "images/a%20b%2Cc.bake.hcl");
        assert_eq!(place["region"]["startLine"], 2);
    }
}
