//! `-on-error`: what is kept can be entered and ended; the question and the shell in a terminal.

use crate::pty::Pty;
use crate::support::{Project, Traces};
use crate::{assert_nothing_is_left, project, step};

const QUESTION: &str = "[c/k/s] ";

fn failing() -> Project {
    project(&step("fail", "echo one > /one; exit 3"))
}

fn apply(on_error: &str) -> [&str; 4] {
    ["apply", "-auto-approve", "-on-error", on_error]
}

/// The arguments with which bake says what is kept can be entered.
fn entering(said: &str) -> Vec<String> {
    let (_, command) = said.split_once("To look around in it: bake ").expect("it says how");
    let line = command.lines().next().expect("a line");
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn what_is_kept_can_be_entered_until_recover_ends_it() {
    let project = failing();
    let output = project.run(&apply("keep"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("Kept as asked: image.tiny; bake recover ends it."),
        "{said}"
    );

    let enter = entering(&said);
    let arguments: Vec<&str> = enter.iter().map(String::as_str).collect();
    let looked = project.done(&[arguments.as_slice(), &["/bin/cat", "/one"]].concat());
    assert_eq!(looked, "one\n");
    let mut shell = Pty::bake(&project, 80, &arguments);
    shell.keys("echo runs $((40 + 1)) >/runs; busybox tail -f /runs\n");
    shell.wait_for("runs 41");
    shell.interrupt();
    // The terminal throws away what is written while it signals, perhaps the prompt; its own sign comes after that.
    shell.wait_for("^C");
    shell.keys("\n");
    shell.wait_for("/ # ");
    shell.keys("echo still $((40 + 2)); exit 7\n");
    shell.wait_for("still 42");
    assert_eq!(shell.end().code, 7);

    let pid = &enter[2];
    let refused = project.run(&["apply", "-auto-approve", "-lock-timeout", "0"]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(
        why.contains(&format!("`bake apply -on-error keep` (process {pid} on")),
        "{why}"
    );
    assert!(why.contains("was kept after it failed; bake recover ends it"), "{why}");

    project.done(&["recover"]);
    assert_nothing_is_left(&project);
}

/// The kernel frees what a helper held a moment after its death; until then something is left.
#[test]
fn recover_says_that_nothing_is_left_when_nothing_is() {
    let project = failing();
    for _ in 0..5 {
        assert_eq!(project.run(&apply("keep")).status.code(), Some(1));
        assert!(project.done(&["recover"]).is_empty());
        Traces::assert_none(project.path());
    }
    assert_nothing_is_left(&project);
}

#[test]
fn what_holds_a_device_is_named_until_it_lets_go() {
    let project = failing();
    assert_eq!(project.run(&apply("keep")).status.code(), Some(1));
    let device = Traces::loop_device(project.path()).expect("what is kept is attached");
    let held = std::fs::File::open(&device).expect("a device of this host");
    let output = project.run(&["recover"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (me, device) = (std::process::id(), device.display());
    assert!(
        said.contains(&format!("process {me} (")) && said.contains(&format!("has {device} open")),
        "{said}"
    );
    assert!(said.contains("Something is left standing"), "{said}");
    drop(held);
    project.done(&["recover"]);
    Traces::assert_none(project.path());
    assert_nothing_is_left(&project);
}

#[test]
fn cleanup_is_the_default_and_leaves_nothing() {
    let project = failing();
    for arguments in [&apply("cleanup")[..], &["apply", "-auto-approve"]] {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert_nothing_is_left(&project);
    }
}

#[test]
fn the_question_leads_to_a_shell_and_back() {
    let project = failing();
    let mut pty = Pty::bake(&project, 80, &apply("ask"));
    pty.wait_for(QUESTION);
    pty.keys("what?\n");
    pty.wait_for(QUESTION);
    pty.keys("s\n");
    pty.wait_for("exit leaves it");
    pty.keys("cat /one; stty size\n");
    pty.wait_for("24 80");
    pty.resize(41, 11);
    // The size follows at the next tick of the bridge.
    pty.keys("until stty size | busybox grep '11 41'; do :; done\n");
    pty.wait_for("\r\n11 41");
    // One that runs in the foreground is interrupted, the next is stopped.
    pty.keys("echo runs $((40 + 1)) >/runs; busybox tail -f /runs\n");
    pty.wait_for("runs 41");
    pty.interrupt();
    pty.wait_for("^C");
    pty.keys("\n");
    pty.wait_for("/ # ");
    pty.keys("echo runs $((40 + 3)) >/runs; busybox tail -f /runs\n");
    pty.wait_for("runs 43");
    pty.keys("\u{1a}");
    pty.wait_for("^Z");
    pty.keys("jobs\n");
    pty.wait_for("Stopped");
    pty.wait_for("/ # ");
    // A stopped job that is only killed may still be one when the shell is left, which it then refuses: fg waits for its end.
    pty.keys("kill -9 %1; fg\n");
    pty.wait_for("/ # ");
    pty.keys("echo still $((40 + 2)); exit\n");
    pty.wait_for("still 42");
    pty.wait_for(QUESTION);
    pty.keys("c\n");
    let ended = pty.end();
    assert_eq!(ended.code, 1, "{}", ended.output);
    assert!(ended.output.contains("Nothing is left."), "{}", ended.output);
    assert_nothing_is_left(&project);
}

#[test]
fn a_shell_first_and_then_it_is_kept() {
    let project = failing();
    let mut pty = Pty::bake(&project, 80, &apply("shell"));
    pty.wait_for("exit leaves it");
    pty.keys("echo two >> /one; exit 5\n");
    pty.wait_for(QUESTION);
    pty.keys("k\n");
    let ended = pty.end();
    assert_eq!(ended.code, 1, "{}", ended.output);
    let enter = entering(&ended.output);
    let arguments: Vec<&str> = enter.iter().map(String::as_str).collect();
    assert_eq!(
        project.done(&[arguments.as_slice(), &["/bin/cat", "/one"]].concat()),
        "one\ntwo\n"
    );
    project.done(&["recover"]);
    assert_nothing_is_left(&project);
}

#[test]
fn ctrl_c_at_the_question_cleans_up() {
    let project = failing();
    let mut pty = Pty::bake(&project, 80, &apply("ask"));
    pty.wait_for(QUESTION);
    pty.interrupt();
    let ended = pty.end();
    assert_eq!(ended.code, 130, "{}", ended.output);
    assert_nothing_is_left(&project);
}

#[test]
fn a_question_needs_a_terminal() {
    let project = failing();
    let output = project.run(&apply("ask"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-on-error keep"));
    assert_nothing_is_left(&project);
}
