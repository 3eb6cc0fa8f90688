//! Ctrl-C once and twice, SIGTERM, and a terminal that goes away.

use nix::sys::signal::Signal;

use crate::pty::{Ended, Pty};
use crate::support::{Project, Traces};
use crate::{assert_nothing_is_left, project, step};

const APPLY: &[&str] = &["apply", "-auto-approve"];

/// Longer than any test may take: if it is not ended, the test sees it.
fn endless() -> Project {
    project(&step("wait", "echo begun; sleep 1000"))
}

/// bake in the middle of its step.
fn in_the_step(project: &Project) -> Pty {
    let mut pty = Pty::bake(project, 80, APPLY);
    pty.wait_for("begun");
    pty
}

fn assert_torn_down(project: &Project, ended: &Ended, code: i32) {
    let output = &ended.output;
    assert_eq!(ended.code, code, "{output}");
    for words in [
        "stopping: ",
        "stopped before its end",
        "Torn down: 1 mount, 1 attachment, 1 volume. Nothing is left.",
        &format!("image.tiny was not built. Exit code {code}."),
    ] {
        assert!(output.contains(words), "{words:?} in\n{output}");
    }
    assert_nothing_is_left(project);
}

#[test]
fn ctrl_c_ends_the_step_and_tears_down() {
    let project = endless();
    let mut pty = in_the_step(&project);
    pty.interrupt();
    assert_torn_down(&project, &pty.end(), 130);
}

#[test]
fn sigterm_and_sighup_do_the_same() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 130)] {
        let project = endless();
        let pty = in_the_step(&project);
        pty.signal(signal);
        assert_torn_down(&project, &pty.end(), code);
    }
}

#[test]
fn a_terminal_that_goes_away_leaves_nothing() {
    let project = endless();
    in_the_step(&project).hang_up();
    assert_nothing_is_left(&project);
}

#[test]
fn a_second_ctrl_c_ends_bake_at_once_and_the_next_apply_clears_up() {
    // A close that takes long: nothing else comes between the first Ctrl-C and the second.
    let module = "hook \"always\" {\n  inline = [\"echo closing; sleep 1000\"]\n}\n";
    let project = project(&(step("wait", "echo begun; test -e /go || sleep 1000") + module));
    let mut pty = in_the_step(&project);
    pty.interrupt();
    pty.wait_for("stopping: ");
    pty.wait_for("closing");
    pty.interrupt();
    let ended = pty.end();
    assert_eq!(ended.code, 130, "{}", ended.output);
    assert!(
        ended
            .output
            .contains("ended at once, without tearing down: bake recover"),
        "{}",
        ended.output
    );
    Traces::wait_until_none(project.path());
    assert_eq!(project.journals(), 2, "a journal and its lock");
    let text = std::fs::read_to_string(project.path().join("main.bake.hcl")).expect("the module");
    project.write("main.bake.hcl", &text.replace("sleep 1000", "true"));
    let output = project.run(APPLY);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("did not finish: clearing up after it"), "{said}");
    assert_eq!(project.journals(), 0);
    assert_eq!(project.shelf("volumes"), Vec::<String>::new());
    Traces::wait_until_none(project.path());
}
