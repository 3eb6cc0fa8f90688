//! The console: lines that are edited, completed, broken, dropped and kept.

use crate::pty::{Ended, Pty};
use crate::support::Project;

const MODULE: &str = r#"
variable "secret" {
  default   = "hunter2"
  sensitive = true
}

locals {
  greeting = "hello"
  bearer   = "Bearer ${var.secret}"
}
"#;

/// A console whose history lies in the project.
fn console(project: &Project) -> Pty {
    let state = format!("XDG_STATE_HOME={}", project.path().join("state").display());
    let mut pty = Pty::bake_with(project, 80, &state, &["console"]);
    pty.wait_for("> ");
    pty
}

fn history(project: &Project) -> String {
    std::fs::read_to_string(project.path().join("state/bake/console")).expect("the history is kept")
}

/// Waits for an answer and the prompt after it: keys that are pressed in between reach a terminal whose mode changes.
fn answered(pty: &mut Pty, text: &str) {
    pty.wait_for(text);
    pty.wait_for("> ");
}

/// At a prompt.
fn left(mut pty: Pty) -> Ended {
    pty.keys("\u{4}");
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    ended
}

#[test]
fn expressions_are_answered_until_ctrl_d() {
    let project = Project::new(MODULE);
    let mut pty = console(&project);
    pty.keys("upper(local.greeting)\r");
    answered(&mut pty, "\"HELLO\"");
    pty.keys("nonsense(\r1)\r");
    pty.wait_for("no function is called");
    pty.wait_for("^^^");
    pty.wait_for("> ");
    pty.keys("1 + \u{3}");
    pty.wait_for("\n");
    pty.wait_for("> ");
    // Between two prompts, too.
    pty.signal(nix::sys::signal::Signal::SIGINT);
    pty.keys("40 + 2\r");
    answered(&mut pty, "\n42");
    pty.keys("local.bearer\r");
    answered(&mut pty, "(sensitive value)");
    let output = left(pty).output;
    assert!(!output.contains("hunter2"), "{output}");
}

#[test]
fn an_open_bracket_asks_for_more() {
    let project = Project::new(MODULE);
    let mut pty = console(&project);
    pty.keys("[\r1,\r2,\r]\r");
    answered(&mut pty, "[\r\n  1,\r\n  2,\r\n]");
    left(pty);
}

#[test]
fn tab_completes_names_and_functions() {
    let project = Project::new(MODULE);
    let mut pty = console(&project);
    pty.keys("local.gr\t\r");
    answered(&mut pty, "\"hello\"");
    pty.keys("trimsp\t\" x \")\r");
    answered(&mut pty, "\n\"x\"");
    left(pty);
}

#[test]
fn lines_come_back_the_next_time_and_blank_ones_are_not_kept() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new(MODULE);
    let mut pty = console(&project);
    pty.keys("\"first\"\r");
    answered(&mut pty, "\n\"first\"");
    pty.keys(" \"hidden\"\r");
    answered(&mut pty, "\n\"hidden\"");
    left(pty);
    assert_eq!(history(&project), "\"\\\"first\\\"\"\n");
    let file = std::fs::metadata(project.path().join("state/bake/console")).expect("the history is kept");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    let mut pty = console(&project);
    pty.keys("\u{1b}[A\r");
    answered(&mut pty, "\n\"first\"");
    pty.keys("exit\r");
    assert_eq!(pty.end().code, 0);
}

#[test]
fn a_line_that_holds_a_secret_is_not_kept() {
    let project = Project::new(MODULE);
    let mut pty = console(&project);
    pty.keys("upper(\"hunter2\")\r");
    answered(&mut pty, "\"HUNTER2\"");
    pty.keys("length(sensitive(\"typed-once\"))\r");
    answered(&mut pty, "(sensitive value)");
    pty.keys("upper(\"plain\")\r");
    answered(&mut pty, "\"PLAIN\"");
    left(pty);
    let kept = history(&project);
    assert!(kept.contains("plain"), "{kept}");
    assert!(!kept.contains("hunter2") && !kept.contains("typed-once"), "{kept}");
}
