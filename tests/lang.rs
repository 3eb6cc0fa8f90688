//! The language against recorded answers of `terraform console`: see testdata/lang/record.sh.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

#[path = "support/recorded.rs"]
mod recorded;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use bake::diagnostic::Diagnostics;
use bake::lang::functions::{ABSENT, FAMILIES};
use bake::lang::{self, Scope, Value};
use bake::source::Source;
use recorded::{Locals, answers, read, testdata};

fn answer(text: &str, locals: &Locals) -> Result<Value, Diagnostics> {
    let text = match text.strip_prefix('@') {
        Some(name) => format!("tried = {}", read(&format!("heredocs/{name}"))),
        None => format!("tried = {text}\n"),
    };
    let body = lang::parse(&Source::new("expression.tf", text))?;
    let directory = testdata();
    lang::evaluate(&body.attributes[0].value, &Scope::new(locals).in_directory(&directory))
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
    let answers = answers();
    assert!(answers.len() > 1_600, "only {} answers are recorded", answers.len());
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
    let answers: Vec<String> = answers().into_iter().map(|(expression, _)| expression).collect();
    let expressions = read("expressions.txt");
    let expected: Vec<&str> = expressions
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(answers, expected, "run testdata/lang/record.sh again");
}

/// `docs/functions.md` lists every function, what is absent, and what is meant to differ. `BAKE_TEST_WRITE=1` writes it.
#[test]
fn the_page_of_the_functions_lists_them_all() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let page = std::fs::read_to_string(&path).expect("the page stands");
    let marks = ("<!-- from the tables: begin -->\n", "<!-- from the tables: end -->\n");
    let (before, rest) = page.split_once(marks.0).expect("the list has a beginning");
    let (_, after) = rest.split_once(marks.1).expect("the list has an end");
    let wanted = format!("{before}{}{}{}{after}", marks.0, page_of_functions(), marks.1);
    if std::env::var_os("BAKE_TEST_WRITE").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    } else {
        assert_eq!(page, wanted, "run this test with BAKE_TEST_WRITE=1");
    }
}

fn page_of_functions() -> String {
    let mut page = String::new();
    for family in FAMILIES {
        let _ = write!(page, "\n## {}\n\n| function | gives |\n| --- | --- |\n", family.title);
        for one in family.functions() {
            let _ = writeln!(
                page,
                "| `{}({})` | {} |",
                one.name,
                one.signature(),
                one.doc.replace('|', "\\|")
            );
        }
    }
    page += "\n## What is not here\n\n| function | why |\n| --- | --- |\n";
    for (name, why) in ABSENT {
        let _ = writeln!(page, "| `{name}` | {why} |");
    }
    page += "| `provider::NAME::FUNCTION` | the providers of bake define no functions |\n";
    page += "\n## What is meant to differ from Terraform\n\n";
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for line in read("differences.txt").lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("# "), reasons.last_mut()) {
            (Some(why), _) => reasons.push((why.to_owned(), Vec::new())),
            (None, Some((_, all))) => all.push(format!("`{line}`")),
            (None, None) => {}
        }
    }
    for (why, all) in reasons {
        let _ = writeln!(page, "- {why} {}", all.join(", "));
    }
    page + "\n"
}
