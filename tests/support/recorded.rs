//! The recorded answers of `terraform console`, and the locals that they refer to.

#![allow(dead_code)] // Each test uses a part of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bake::diagnostic::Diagnostic;
use bake::lang::{self, Reference, Resolver, Scope, Value};
use bake::source::Source;

/// Where they stand.
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lang")
}

/// A file of them.
pub fn read(name: &str) -> String {
    std::fs::read_to_string(testdata().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The locals of module.tf.
pub struct Locals(BTreeMap<String, Value>);

impl Locals {
    /// Computes them.
    pub fn read() -> Locals {
        let body = lang::parse(&Source::new("module.tf", read("module.tf"))).expect("module.tf is HCL");
        let mut locals = Locals(BTreeMap::new());
        for attribute in &body.blocks[0].body.attributes {
            let value = lang::evaluate(&attribute.value, &Scope::new(&locals)).expect("module.tf has values");
            locals.0.insert(attribute.name.value.clone(), value);
        }
        locals
    }
}

impl Resolver for Locals {
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let found = reference.name(1).filter(|_| reference.root() == "local");
        let found = found.and_then(|name| self.0.get(name));
        let unknown = || Diagnostic::error(format!("nothing is called {reference}")).at(&reference.span);
        Ok((found.ok_or_else(unknown)?.clone(), 2))
    }
}

fn split(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.trim_end_matches('\n').split('\n') {
        match (line.strip_prefix("> "), all.last_mut()) {
            (Some(expression), _) => all.push((expression.to_owned(), String::new())),
            (None, Some((_, answer))) => {
                answer.push_str(line);
                answer.push('\n');
            }
            (None, None) => panic!("answers begin with an expression"),
        }
    }
    all
}

/// Expressions with what was recorded, in order.
pub fn answers() -> Vec<(String, String)> {
    split(&read("answers.txt"))
}
