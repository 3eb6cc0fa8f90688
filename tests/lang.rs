//! The language against recorded answers of `terraform console`: see testdata/lang/record.sh.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bake::diagnostic::{Diagnostic, Diagnostics};
use bake::lang::{self, Reference, Resolver, Scope, Value};
use bake::source::Source;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lang")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(testdata().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The locals of module.tf.
struct Locals(BTreeMap<String, Value>);

impl Locals {
    fn read() -> Locals {
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

fn answer(text: &str, locals: &Locals) -> Result<Value, Diagnostics> {
    let text = match text.strip_prefix('@') {
        Some(name) => format!("tried = {}", read(&format!("heredocs/{name}"))),
        None => format!("tried = {text}\n"),
    };
    let body = lang::parse(&Source::new("expression.tf", text))?;
    let directory = testdata();
    lang::evaluate(&body.attributes[0].value, &Scope::new(locals).in_directory(&directory))
}

/// Expressions with what was recorded, in order.
fn recorded(text: &str) -> Vec<(String, String)> {
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

/// What is meant to differ, with the reason: `EXPRESSION` and `# reason` lines of differences.txt.
fn differences() -> BTreeMap<String, String> {
    let text = read("differences.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let mut all = BTreeMap::new();
    let mut reason = String::new();
    for line in lines {
        match line.strip_prefix("# ") {
            Some(why) => reason = why.to_owned(),
            None => {
                all.insert(line.to_owned(), reason.clone());
            }
        }
    }
    all
}

#[test]
fn expressions_yield_what_terraform_yields() {
    let (locals, differences) = (Locals::read(), differences());
    let answers = recorded(&read("answers.txt"));
    assert!(answers.len() > 250, "only {} answers are recorded", answers.len());
    let mut wrong = Vec::new();
    for (expression, expected) in &answers {
        let found = answer(expression, &locals).map(|value| lang::print(&value));
        let same = match &found {
            Ok(text) => *text == expected.trim_end_matches('\n'),
            Err(_) => expected == "(error)\n",
        };
        match (same, differences.get(expression)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(why)) => wrong.push(format!("{expression}\n  no longer differs ({why})")),
            (false, None) => wrong.push(format!("{expression}\n  terraform: {expected}  bake:      {found:?}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        answers.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_expression_has_an_answer() {
    let answers: Vec<String> = recorded(&read("answers.txt"))
        .into_iter()
        .map(|(expression, _)| expression)
        .collect();
    let expressions = read("expressions.txt");
    let expected: Vec<&str> = expressions
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(answers, expected, "run testdata/lang/record.sh again");
}
