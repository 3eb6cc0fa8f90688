//! Every case under `testdata/errors` is a bad module with all that bake says about it.
//!
//! `BAKE_UPDATE=1 cargo test --test errors` writes the texts anew; their diff is the review.

use std::fs;
use std::path::{Path, PathBuf};

use bake::diagnostic::Diagnostics;
use bake::module::{self, Assignment, Data, LoadOptions};
use bake::ui::diagnostic::render;
use bake::ui::terminal::Colour;

const EXPECTED: &str = "expected.txt";

#[test]
fn every_bad_module_says_what_is_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/errors");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root)
        .expect("testdata/errors is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 180, "only {} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case)).collect();
    assert!(
        wrong.is_empty(),
        "{}\n\nrun with BAKE_UPDATE=1 to take these texts",
        wrong.join("\n")
    );
}

/// What differs in a case, if anything does.
fn check(case: &Path) -> Option<String> {
    let said = said_about(case);
    let path = case.join(EXPECTED);
    if std::env::var_os("BAKE_UPDATE").is_some() {
        #[expect(clippy::disallowed_methods, reason = "the test writes its own expectation")]
        fs::write(&path, &said).expect("the expectation can be written");
        return None;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    (said != expected).then(|| format!("== {} ==\n{said}\n-- expected --\n{expected}", case.display()))
}

/// All messages, with file names as if bake were run in the directory of the case.
fn said_about(case: &Path) -> String {
    let arguments = fs::read_to_string(case.join("arguments")).unwrap_or_default();
    let reads = arguments.lines().any(|line| line == "-read");
    let assignments = arguments.lines().filter(|line| *line != "-read");
    let options = LoadOptions {
        directory: case.to_owned(),
        variables: assignments.map(|line| assignment(case, line)).collect(),
        data: match reads {
            true => Data::Follow,
            false => Data::Offline,
        },
        workspace: "default".to_owned(),
        ..LoadOptions::default()
    };
    let said: Diagnostics = match module::load(&options) {
        Ok(module) => module.warnings,
        Err(errors) => errors,
    };
    let prefix = format!("{}/", case.display());
    let text = render(&said, Colour::Off, Some(100));
    format!("{}\n", text.replace(&prefix, "").trim_end())
}

/// `-read`, if data sources are read; `-var-file FILE` or `-var NAME=TEXT`, one per line.
fn assignment(case: &Path, line: &str) -> Assignment {
    match line.strip_prefix("-var-file ") {
        Some(path) => Assignment::File(case.join(path)),
        None => {
            let (name, text) = line
                .strip_prefix("-var ")
                .and_then(|rest| rest.split_once('='))
                .expect("a line of arguments is -var NAME=TEXT or -var-file FILE");
            Assignment::Value {
                name: name.to_owned(),
                text: text.to_owned(),
            }
        }
    }
}

#[test]
fn the_examples_are_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for example in ["debian", "fleet"] {
        let directory = root.join("examples").join(example);
        let options = LoadOptions {
            directory,
            ..LoadOptions::default()
        };
        match module::load(&options) {
            Ok(module) => assert!(!module.images.is_empty()),
            Err(errors) => {
                let text = render(&errors, Colour::Off, Some(100));
                // The archive that some examples begin with is made by their README.
                assert!(text.contains("root.tar") && errors.len() == 1, "{example}: {text}");
            }
        }
    }
}
