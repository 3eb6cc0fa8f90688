//! What fuzzing feeds: a function for each reader of bytes that somebody else wrote. Each must return; it panics where
//! what was read does not hold together.

#![allow(dead_code)] // Each program uses one of them.

use bake::address::Address;
use bake::diagnostic::Diagnostic;
use bake::digest::Digest;
use bake::lang::{self, Reference, Resolver, Scope, Term, Type, Value};
use bake::plan;
use bake::providers::Manifest;
use bake::source::Source;

/// A file of a module, and a template.
pub fn parser(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = Source::new("fuzz", text);
    let _ = lang::parse(&source);
    let _ = lang::parse_template(&source);
    let _ = lang::parse_expression(&source);
}

/// `var.u...` is not known yet, `var.s...` is a secret, other variables are values.
struct Variables;

impl Resolver for Variables {
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let name = reference.name(1).unwrap_or_default();
        let value = match name.bytes().next() {
            Some(b'u') => unknown(),
            Some(b's') => Value::from("hunter2-secret").sensitive(),
            Some(b'l') => Value::from(vec![Value::from("a"), 1_i64.into(), unknown(), Value::null(Type::Any)]),
            _ => Value::from(vec![Value::from("b"), "a".into()]),
        };
        Ok((value, reference.parts.len().min(2)))
    }
}

fn unknown() -> Value {
    let of: Address = "image.fuzz".parse().expect("an address");
    let attribute = "leaf".to_owned();
    Value::unknown(Type::Any, Term::Output { of, attribute })
}

/// An expression, in a scope without files.
pub fn evaluator(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(expression) = lang::parse_expression(&Source::new("fuzz", text)) else {
        return;
    };
    match lang::evaluate(&expression, &Scope::new(&Variables)) {
        Ok(value) => {
            let _ = lang::print(&value);
            let written = serde_json::to_string(&value).expect("every value can be written down");
            let is_meant = text.contains("nonsensitive");
            assert!(
                is_meant || !written.contains("hunter2"),
                "a secret was written down: {text}"
            );
            let read: Value = serde_json::from_str(&written).expect("what was written down can be read");
            let _ = read.resolve(&|_, _| Some("x".into()));
            let _ = value.resolve(&|_, _| Some(3_i64.into()));
        }
        Err(errors) => {
            let said = format!("{:?}", errors.iter().map(|one| &one.summary).collect::<Vec<_>>());
            assert!(
                text.contains("hunter2") || !said.contains("hunter2"),
                "an error repeats a secret: {text}"
            );
        }
    }
}

/// A file to be formatted: the form of what is formatted is its own.
pub fn fmt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(once) = lang::fmt::format(&Source::new("fuzz", text)) else {
        return;
    };
    let twice = lang::fmt::format(&Source::new("fuzz", once.as_str()));
    assert_eq!(twice.ok().as_ref(), Some(&once), "formatting again changes it");
}

/// A plan file; and the same bytes behind a first line that vouches for them.
pub fn plan_file(bytes: &[u8]) {
    let _ = plan::file::from_bytes(bytes, "fuzz");
    let body = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes, |end| &bytes[end + 1..]);
    let head = serde_json::json!({ "bake_plan": plan::FORMAT, "bake": "0.1.0", "digest": Digest::of(body) });
    let vouched = [head.to_string().as_bytes(), b"\n", body].concat();
    if let Ok(plan) = plan::file::from_bytes(&vouched, "fuzz") {
        let again = plan::file::to_bytes(&plan);
        assert!(
            plan::file::from_bytes(&again, "fuzz").is_ok(),
            "a plan that was written cannot be read"
        );
    }
}

/// The manifest of an image.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) {
        let written = serde_json::to_vec(&manifest).expect("a manifest can be written down");
        let again = serde_json::from_slice::<Manifest>(&written).expect("and read");
        assert!(again == manifest, "a manifest does not come back as it was");
    }
}
