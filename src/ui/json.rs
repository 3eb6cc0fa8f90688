//! JSON for other programs: documents on stdout, and the stream of events of an apply.

use serde::Serialize;
use serde_json::{Value, json};

use super::Terminal;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::Event;

/// Version of the documents that bake prints: the first number is raised when a reader must change, the second when
/// something was added.
pub const FORMAT: &str = "2.1";

/// A document, indented, with a line end behind it.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("documents have text keys and no failing parts");
    text.push('\n');
    text
}

/// The stream of events: one object per line, the first of which names the version.
///
/// Every line has `@level`, `@message` (for people), `@module`, `@timestamp` (RFC 3339) and `type`, then what belongs to
/// its type.
pub struct Stream(());

impl Stream {
    /// Writes the first line.
    pub fn begin(terminal: &Terminal) -> Stream {
        terminal.data(&version());
        Stream(())
    }

    /// Writes the line of an event.
    pub fn event(&self, terminal: &Terminal, event: &Event) {
        terminal.data(&self::event(event));
    }
}

/// The first line of a stream.
pub fn version() -> String {
    let first = json!({ "type": "version", "bake": env!("CARGO_PKG_VERSION"), "format_version": FORMAT });
    line("info", &format!("bake {}", env!("CARGO_PKG_VERSION")), first)
}

/// The line of an event.
pub fn event(event: &Event) -> String {
    let fields = serde_json::to_value(event).expect("events have text keys and no failing parts");
    line(level(event), &message(event), fields)
}

/// A line about a message to people.
pub fn diagnostic_line(one: &Diagnostic) -> String {
    let level = match one.severity {
        Severity::Error => "error",
        Severity::Warning => "warn",
    };
    line(level, &one.summary, json!({ "type": "diagnostic", "diagnostic": one }))
}

/// A line of any type; `fields` is an object with `type`.
pub fn line(level: &str, message: &str, fields: Value) -> String {
    let mut line = json!({
        "@level": level,
        "@message": message,
        "@module": "bake.ui",
        "@timestamp": jiff::Timestamp::now().to_string(),
    });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    format!("{line}\n")
}

fn level(event: &Event) -> &'static str {
    match event {
        Event::NodeFailed { .. } => "error",
        Event::NodeSkipped { .. } => "warn",
        _ => "info",
    }
}

fn message(event: &Event) -> String {
    match event {
        Event::Started { run, nodes, .. } => format!("run {run}: {nodes} nodes"),
        Event::NodeStarted { address, summary, .. } => format!("{address}: {summary}"),
        Event::NodeProgress { address, percent } => format!("{address}: {percent}%"),
        Event::Output { address, line } => format!("{address} | {line}"),
        Event::Waiting { address, reason } => format!("{address}: waits for {reason}"),
        Event::NodeDone { address, elapsed, .. } => format!("{address}: done in {elapsed}"),
        Event::NodeFailed {
            address, diagnostic, ..
        } => format!("{address}: {}", diagnostic.summary),
        Event::NodeSkipped { address } => format!("{address}: skipped"),
        Event::Message { text } => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_with_the_fields_of_its_type() {
        let event = Event::Message {
            text: "two\nlines".to_owned(),
        };
        let fields = serde_json::to_value(&event).expect("an event can be written");
        let text = line(level(&event), &message(&event), fields);
        assert_eq!(text.matches('\n').count(), 1);
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(read["type"], "message");
        assert_eq!(read["text"], "two\nlines");
        assert_eq!(read["@level"], "info");
    }
}
