//! Progress as it stands on the screen at the end. A line that had run over the edge would have left something there:
//! what is drawn anew is taken away by the number of its lines.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use crate::pty::Pty;
use crate::screen::Screen;
use crate::support::{Project, Traces};
use crate::{project, step};

fn chatty() -> Project {
    let count = "i=0; while [ $i -lt 40 ]; do i=$((i + 1)); \
                 echo line $i of many that are far too long for any screen that people build images on, or so; done";
    project(&(step("talk", count) + &step("rest", "sleep 1")))
}

/// The lines between the plan and the summary, and from the summary on.
fn shown(screen: &Screen) -> (Vec<String>, String) {
    let lines = screen.lines();
    let from = lines
        .iter()
        .position(|line| line.starts_with("Plan:"))
        .expect("the plan");
    let from = from
        + lines[from..]
            .iter()
            .position(|line| line.contains(" ok"))
            .expect("a step");
    let to = lines
        .iter()
        .position(|line| line.starts_with("Applied in"))
        .expect("the summary");
    (lines[from..to].to_vec(), lines[to..].concat())
}

fn look(columns: u16, before: &str) -> (Vec<String>, String, String) {
    let project = chatty();
    let ended = Pty::bake_with(&project, columns, before, &["apply", "-auto-approve"]).end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    Traces::wait_until_none(project.path());
    let screen = Screen::after(&ended.output, usize::from(columns));
    let (lines, summary) = shown(&screen);
    (lines, summary, ended.output)
}

#[test]
fn on_80_columns_a_line_stays_of_each_step() {
    let (lines, summary, output) = look(80, "");
    let words: Vec<Vec<&str>> = lines
        .iter()
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    let wanted = [
        "bootstrap",
        "provision.talk",
        "provision.rest",
        "seal",
        "check",
        "snapshot.root",
        "register",
    ];
    let mut wanted: Vec<Vec<&str>> = wanted.iter().map(|node| vec!["image.tiny", node, "ok"]).collect();
    wanted.push(Vec::new());
    assert_eq!(words, wanted, "{lines:#?}");
    assert!(summary.contains("1 built. Nothing is left running."), "{summary}");
    assert!(output.contains("talk | line 40 of many"), "the tail was drawn");
}

#[test]
fn on_20_columns_too() {
    let (lines, summary, output) = look(20, "");
    let (steps, after) = lines.split_at(lines.len() - 1);
    assert_eq!(after, [""]);
    assert_eq!(steps.len(), 7, "{lines:#?}");
    for line in steps {
        assert!(line.ends_with(" ok") && line.chars().count() <= 20, "{line:?}");
    }
    // A blank at the end of a row of the screen is not there.
    assert!(summary.replace(' ', "").contains("Nothingisleftrunning."), "{summary}");
    assert!(output.contains("talk | "), "the tail was drawn");
}

#[test]
fn without_colours_no_sequence_has_one() {
    let (_, _, output) = look(80, "NO_COLOR=1");
    let coloured = output.split('\u{1b}').skip(1).find(|rest| {
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .expect("a sequence has an end");
        rest.as_bytes()[end] == b'm'
    });
    assert_eq!(coloured, None);
}

#[test]
fn a_pipe_gets_plain_lines() {
    let project = chatty();
    let output = project.run(&["apply", "-auto-approve"]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!said.contains(['\u{1b}', '\r']), "{said}");
    assert!(said.contains("talk | line 40 of many"), "{said}");
    assert!(said.contains("image.tiny provision.talk: done in"), "{said}");
    Traces::wait_until_none(project.path());
}

/// A project whose plan waits for a file.
fn gated() -> (Project, PathBuf) {
    let project = project("");
    let gate = project.path().join("gate");
    let program = format!("until [ -e {} ]; do sleep 0.05; done; echo '{{}}'", gate.display());
    let slow = format!("data \"external\" \"slow\" {{\n  program = [\"/bin/sh\", \"-c\", {program:?}]\n}}\n");
    std::fs::write(project.path().join("slow.bake.hcl"), slow).expect("the project can be written");
    (project, gate)
}

/// What takes longer than an eye notices says that something happens; to others than a terminal, too.
#[test]
fn a_plan_in_a_pipe_that_takes_its_time_says_so() {
    let (project, gate) = gated();
    let mut bake = project.bake(&["plan"]);
    let mut bake = bake
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bake starts");
    let mut lines = BufReader::new(bake.stderr.take().expect("it was asked for")).lines();
    let first = lines.next().expect("a line comes").expect("it is text");
    assert_eq!(first, "Reading the module and what stands ...");
    std::fs::write(&gate, "").expect("the project can be written");
    assert_eq!(lines.count(), 0);
    assert!(bake.wait().expect("bake ends").success());
}

/// On a terminal it leaves no trace of that.
#[test]
fn a_plan_that_takes_its_time_says_so() {
    let (project, gate) = gated();
    let mut pty = Pty::bake(&project, 80, &["plan"]);
    pty.wait_for("Reading the module");
    std::fs::write(&gate, "").expect("the project can be written");
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    let screen = Screen::after(&ended.output, 80).lines().join("\n");
    assert!(
        screen.contains("1 image to build") && !screen.contains("Reading"),
        "{screen}"
    );
}
