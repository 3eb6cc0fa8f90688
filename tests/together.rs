//! Several bakes on one store at once, and several images in one bake.
//!
//! Needs root, and Debian's busybox-static.
#![allow(clippy::disallowed_methods)] // Tests start processes themselves.

mod support;

#[path = "support/root.rs"]
mod root;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Project, Traces};

/// How often bakes are let loose on each other.
const ROUNDS: usize = 20;
const APPLY: &[&str] = &["apply", "-auto-approve"];

/// An image with these blocks.
fn image(name: &str, blocks: &str) -> String {
    format!(
        r#"
image "{name}" {{
  scratch {{}}
  volume "root" {{
    size            = "8MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  bootstrap "tar" {{
    path = "root.tar"
  }}
{blocks}
}}
"#
    )
}

fn project(module: &str) -> Project {
    let project = Project::new(module);
    root::pack(project.path());
    project
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A build that goes on when the file `go` is there.
fn gated() -> Project {
    let step =
        "provision \"local\" \"gate\" {\n  inline = [\"echo waiting; until test -e go; do sleep 0.02; done\"]\n}\n";
    project(&image("tiny", step))
}

/// A bake whose stderr is read line by line.
struct Bake {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Bake {
    fn start(mut command: Command) -> Bake {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("bake starts");
        let lines = BufReader::new(child.stderr.take().expect("it was asked for above")).lines();
        Bake { child, lines }
    }

    /// Reads up to the line in which this stands.
    fn wait_for(&mut self, text: &str) {
        let found = self
            .lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains(text));
        assert!(found, "bake ended before it said {text:?}");
    }

    fn end(mut self) -> (ExitStatus, String) {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        (self.child.wait().expect("it ends"), rest.join("\n"))
    }
}

#[test]
fn eight_bakes_on_different_images_of_one_store_all_finish() {
    let names: Vec<String> = (0..8).map(|number| format!("i{number}")).collect();
    let module: String = names.iter().map(|name| image(name, "")).collect();
    for _ in 0..ROUNDS {
        let project = project(&module);
        let start =
            |name: &String| Bake::start(project.bake(&[APPLY, &["-target", &format!("image.{name}")]].concat()));
        let bakes: Vec<Bake> = names.iter().map(start).collect();
        for bake in bakes {
            let (status, said) = bake.end();
            assert!(status.success(), "{said}");
        }
        assert_eq!(project.shelf("images").len(), 8);
        assert_eq!((project.shelf("volumes").len(), project.journals()), (0, 0));
        Traces::wait_until_none(project.path());
    }
}

#[test]
fn of_two_bakes_on_one_image_one_builds_and_the_other_waits_for_it() {
    for _ in 0..ROUNDS {
        let project = gated();
        let mut first = Bake::start(project.bake(APPLY));
        first.wait_for("waiting");
        let mut second = Bake::start(project.bake(APPLY));
        second.wait_for(&format!("(process {} on", first.child.id()));
        project.write("go", "");
        let (status, said) = first.end();
        assert!(status.success() && said.contains("1 built"), "{said}");
        let (status, said) = second.end();
        assert!(status.success() && said.contains("nothing to do"), "{said}");
        assert_eq!(project.shelf("images").len(), 1);
        Traces::wait_until_none(project.path());
    }
}

#[test]
fn a_lock_that_is_held_is_refused_at_once_even_by_one_who_sleeps() {
    let project = gated();
    let mut first = Bake::start(project.bake(APPLY));
    first.wait_for("waiting");
    let id = first.child.id();
    let process = Pid::from_raw(i32::try_from(id).expect("a process id"));
    kill(process, Signal::SIGSTOP).expect("it runs");
    let refused = project.run(&[APPLY, &["-lock-timeout", "0"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains(&format!("held by `bake apply` (process {id} on")),
        "{}",
        said(&refused)
    );
    let refused = project.run(&["force-unlock", "image.tiny", "-auto-approve"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains(&format!("kill {id}")), "{}", said(&refused));
    kill(process, Signal::SIGCONT).expect("it runs");
    project.write("go", "");
    assert!(first.end().0.success());
    Traces::wait_until_none(project.path());
}

#[test]
fn a_lock_is_waited_for_as_long_as_was_asked() {
    let project = gated();
    let mut first = Bake::start(project.bake(APPLY));
    first.wait_for("waiting");
    let holder = format!("(process {} on", first.child.id());
    let journals = project.journals();
    let mut impatient = Bake::start(project.bake(&[APPLY, &["-lock-timeout", "2s"]].concat()));
    impatient.wait_for(&holder);
    let (status, said) = impatient.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot lock image.tiny") && said.contains(&holder),
        "{said}"
    );
    assert_eq!(project.journals(), journals, "it has begun nothing: {said}");

    let mut patient = Bake::start(project.bake(&[APPLY, &["-lock-timeout", "30m"]].concat()));
    patient.wait_for(&holder);
    project.write("go", "");
    assert!(first.end().0.success());
    let (status, said) = patient.end();
    assert!(status.success() && said.contains("nothing to do"), "{said}");
    assert_eq!((project.shelf("images").len(), project.journals()), (1, 0));
    Traces::wait_until_none(project.path());
}

#[test]
fn what_a_dead_holder_wrote_is_no_obstacle() {
    let project = gated();
    let mut first = Bake::start(project.bake(APPLY));
    first.wait_for("waiting");
    first.child.kill().expect("it runs");
    first.child.wait().expect("it ends");
    project.write("go", "");
    project.done(&[APPLY, &["-lock-timeout", "0"]].concat());
    Traces::wait_until_none(project.path());
    assert_eq!((project.shelf("images").len(), project.journals()), (1, 0));
}

#[test]
fn a_failure_of_one_image_lets_the_others_go_on() {
    let fails = "provision \"shell\" \"fail\" {\n  inline = [\"exit 3\"]\n}\n";
    let project = project(&(image("bad", fails) + &image("good", "")));
    let planned = |code| assert_eq!(project.run(&["plan", "-detailed-exitcode"]).status.code(), Some(code));
    planned(2);
    let output = project.run(APPLY);
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("image.bad was not built; image.good was built ("),
        "{words}"
    );
    assert!(
        words.contains("Nothing is left.") && words.contains("Exit code 1."),
        "{words}"
    );
    assert_eq!((project.shelf("images").len(), project.journals()), (1, 0));
    Traces::wait_until_none(project.path());
    project.write("main.bake.hcl", &(image("bad", "") + &image("good", "")));
    project.done(APPLY);
    planned(0);
}
