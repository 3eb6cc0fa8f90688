//! Transcripts: every `$ command` in `testdata/cli/*.md` is run, and what it prints is compared with what stands below it.
//!
//! A block of a transcript that begins with ` ```console ` holds commands and their output (stdout and stderr together),
//! with `? CODE` behind it where the exit code is not 0. `[..]` stands for any text within a line, a line of `...` for any
//! number of lines. Blocks of a file run in one empty directory, one after the other; a block ` ```hcl file=NAME ` is written
//! into that directory first. `BAKE_TEST_WRITE=1` writes what came out into the transcripts instead of comparing.
//!
//! The pages under `docs/` hold, too. There ids, digests, dates and durations stand as a reader would see them, and count
//! as equal.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

const SHELL_OPTIONS: &str = "exec 2>&1; set -o pipefail; ";

#[test]
fn transcripts_hold() {
    hold(&["testdata/cli"], matches);
}

/// Wants root: the pages build images.
#[test]
fn pages_hold() {
    hold(&["docs", "docs/how-to"], |expected, got| {
        let settled: Vec<String> = expected.iter().map(|line| settled(line)).collect();
        let settled: Vec<&str> = settled.iter().map(String::as_str).collect();
        matches(&settled, &self::settled(got))
    });
}

/// Whether what a command printed is what stands below it.
type Compare = fn(&[&str], &str) -> bool;

fn hold(folders: &[&str], compare: Compare) {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(&folder).expect("the folder stands");
        files.extend(entries.map(|entry| entry.expect("it can be read").path()));
    }
    files.retain(|file| file.extension().is_some_and(|ending| ending == "md"));
    files.sort();
    assert!(!files.is_empty());
    let wrong: Vec<String> = files.iter().flat_map(|file| check(file, compare)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Without what is another each time: ids, digests, dates, durations.
fn settled(text: &str) -> String {
    static EACH_TIME: LazyLock<regex::Regex> = LazyLock::new(|| {
        let each = r"(img|snap|vol)-[0-9a-f]+|sha256:[0-9a-f]{64}|\b[0-9a-f]{12}\b|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?|\b\d+(\.\d+)?s\b";
        regex::Regex::new(each).expect("it is one")
    });
    EACH_TIME.replace_all(text, "*").into_owned()
}

/// Runs a transcript; what differs, for people.
fn check(file: &Path, compare: Compare) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a transcript is text");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (mut wrong, mut written) = (Vec::new(), String::new());
    for part in parts(&text) {
        match part {
            Part::Text(text) => written += text,
            Part::File { fence, name, text } => {
                fs::write(directory.path().join(name), text).expect("a file can be written");
                written += &format!("{fence}\n{text}```\n");
            }
            Part::Console(runs) => {
                written += "```console\n";
                for run in runs {
                    let got = output(run.command, directory.path());
                    written += &format!("$ {}\n", run.command);
                    if compare(&run.expected, &got) {
                        written.extend(run.expected.iter().map(|line| format!("{line}\n")));
                        continue;
                    }
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    let expected = run.expected.join("\n");
                    wrong.push(format!(
                        "{name}: $ {}\n--- expected\n{expected}\n--- got\n{got}",
                        run.command
                    ));
                    written += &got;
                }
                written += "```\n";
            }
        }
    }
    if std::env::var_os("BAKE_TEST_WRITE").is_none() {
        return wrong;
    }
    if !wrong.is_empty() {
        fs::write(file, written).expect("a transcript can be written");
    }
    Vec::new()
}

/// What a command prints, with its exit code behind it unless that is 0.
fn output(command: &str, directory: &Path) -> String {
    let bake = Path::new(env!("CARGO_BIN_EXE_bake"))
        .parent()
        .expect("a program stands in a directory");
    let path = format!("{}:{}", bake.display(), std::env::var("PATH").unwrap_or_default());
    let result = Command::new("bash")
        .args(["-c", &format!("{SHELL_OPTIONS}{command}")])
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("bash can be run");
    // It stands there when the machine is slow.
    let waiting = "Reading the module and what stands ...\n";
    let mut text = String::from_utf8_lossy(&result.stdout).replace(waiting, "");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    match result.status.code() {
        Some(0) => text,
        Some(code) => text + &format!("? {code}\n"),
        None => text + "? killed\n",
    }
}

/// Whether the lines are as expected.
fn matches(expected: &[&str], got: &str) -> bool {
    fn lines(expected: &[&str], got: &[&str]) -> bool {
        match (expected, got) {
            ([], []) => true,
            (["...", rest @ ..], _) => (0..=got.len()).any(|skipped| lines(rest, &got[skipped..])),
            ([first, rest @ ..], [line, behind @ ..]) => line_matches(first, line) && lines(rest, behind),
            _ => false,
        }
    }
    lines(expected, &got.lines().collect::<Vec<_>>())
}

fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

enum Part<'a> {
    Text(&'a str),
    File {
        fence: &'a str,
        name: &'a str,
        text: &'a str,
    },
    Console(Vec<Run<'a>>),
}

struct Run<'a> {
    command: &'a str,
    expected: Vec<&'a str>,
}

/// Cuts a transcript at its fences.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("```") {
        parts.push(Part::Text(&rest[..at]));
        let block = &rest[at..];
        let (fence, inside) = block.split_once('\n').expect("a fence ends its line");
        let end = inside.find("```").expect("a fence is closed");
        parts.push(match fence.split_once("file=") {
            Some((_, name)) => Part::File {
                fence,
                name,
                text: &inside[..end],
            },
            None if fence == "```console" => Part::Console(runs(&inside[..end])),
            None => {
                let end = fence.len() + 1 + end + 3;
                Part::Text(&block[..end + usize::from(block[end..].starts_with('\n'))])
            }
        });
        rest = inside[end + 3..].trim_start_matches('\n');
        let blank = &inside[end + 3..inside.len() - rest.len()];
        parts.push(Part::Text(blank.strip_prefix('\n').unwrap_or(blank)));
    }
    parts.push(Part::Text(rest));
    parts
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), runs.last_mut()) {
            (Some(command), _) => runs.push(Run {
                command,
                expected: Vec::new(),
            }),
            (None, Some(run)) => run.expected.push(line),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    runs
}

#[test]
fn wildcards() {
    assert!(line_matches("a [..] c", "a b c") && line_matches("[..]", "") && line_matches("x[..]y[..]", "x1y2"));
    assert!(!line_matches("a [..] c", "a b d") && !line_matches("ab", "abc") && !line_matches("[..]x", "y"));
    assert!(matches(&["a", "...", "c"], "a\nb\nb\nc\n") && !matches(&["a", "..."], "b\n"));
}
