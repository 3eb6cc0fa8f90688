//! The life of an image: from nothing to releases that come, return, move and go.

use crate::bench::*;
use crate::support::{Project, Traces};

fn greeting(text: &str) -> String {
    image("tiny", &shell("greet", &[&format!("echo {text} > /etc/motd")]))
}

#[test]
fn the_minimal_example_from_plan_to_destroy() {
    let project = project("");
    copy_example("minimal", project.path());
    std::fs::remove_file(project.path().join("main.bake.hcl")).expect("it was written above");

    let first = project.run(&["plan", "-detailed-exitcode"]);
    assert_eq!(first.status.code(), Some(2));
    assert_eq!(first.stdout, project.run(&["plan"]).stdout, "the same text again");
    assert!(!project.path().join(".bake").exists(), "a plan writes nothing");
    apply(&project);
    assert_eq!(project.run(&["plan", "-detailed-exitcode"]).status.code(), Some(0));
    assert!(plan(&project).contains("No changes"));
    assert!(project.done(&["output"]).contains("\"local\" = \"img-"));
    assert_eq!(file_in(&project, "image.minimal", "/etc/motd"), "Hello from bake.\n");
    Traces::wait_until_none(project.path());

    project.done(&["destroy", "-auto-approve"]);
    for shelf in ["images", "snapshots", "volumes"] {
        assert_eq!(project.shelf(shelf), Vec::<String>::new(), "{shelf}");
    }
}

#[test]
fn a_script_that_returns_to_its_earlier_text_brings_its_image_back() {
    let project = project(&greeting("one"));
    apply(&project);
    rewrite(&project, &greeting("two"));
    apply(&project);
    assert_eq!(file_in(&project, "image.tiny", "/etc/motd"), "two\n");

    rewrite(&project, &greeting("one"));
    let text = plan(&project);
    assert!(
        text.contains("promote") && text.contains("0 to build, 0 to replace"),
        "{text}"
    );
    let snapshots = project.shelf("snapshots");
    apply(&project);
    assert_eq!(project.shelf("snapshots"), snapshots, "nothing was built");
    assert_eq!(file_in(&project, "image.tiny", "/etc/motd"), "one\n");
    assert!(plan(&project).contains("No changes"));
}

#[test]
fn only_what_is_kept_stands() {
    let project = project(&greeting("one"));
    for text in ["one", "two", "three"] {
        rewrite(&project, &greeting(text));
        apply(&project);
    }
    assert_eq!(project.shelf("images").len(), 2);
    let one = greeting("three").replacen("  scratch", "  lifecycle {\n    keep_releases = 1\n  }\n  scratch", 1);
    rewrite(&project, &one);
    assert!(plan(&project).contains("1 to retire"));
    apply(&project);
    assert_eq!(project.shelf("images").len(), 1);
    assert_eq!(file_in(&project, "image.tiny", "/etc/motd"), "three\n");
}

/// `delete_snapshots = false`: they outlive their image, and no run takes them for leftovers.
#[test]
fn snapshots_that_are_kept_on_purpose_stay() {
    let keeping = |text: &str| {
        let lifecycle = "  lifecycle {\n    keep_releases    = 1\n    delete_snapshots = false\n  }\n  scratch";
        greeting(text).replacen("  scratch", lifecycle, 1)
    };
    let project = project(&keeping("one"));
    apply(&project);
    rewrite(&project, &keeping("two"));
    apply(&project);
    let standing = || (project.shelf("images").len(), project.shelf("snapshots").len());
    let both = standing();
    assert_eq!(both.0, 1);
    apply(&project);
    let left = project.done(&["gc", "-auto-approve", "-older-than", "0s"]);
    assert_eq!(standing(), both, "{left}");
    rewrite(&project, &greeting("three"));
    apply(&project);
    assert!(standing().1 > both.1, "nor does another build");
}

#[test]
fn how_a_step_runs_is_no_change() {
    let project = project(&greeting("one"));
    apply(&project);
    rewrite(
        &project,
        &greeting("one").replace("    inline", "    timeout = \"9m\"\n    inline"),
    );
    assert!(plan(&project).contains("No changes"));
    rewrite(
        &project,
        &greeting("one").replace("    inline", "    env = { A = \"1\" }\n    inline"),
    );
    assert!(plan(&project).contains("1 to replace"));
}

#[test]
fn a_fixed_name_is_refused_before_it_collides() {
    let named =
        |text: &str, name: &str| greeting(text).replacen("  scratch", &format!("  name = {name}\n  scratch"), 1);
    let project = project(&named("one", "\"web\""));
    apply(&project);
    rewrite(&project, &named("two", "\"web\""));
    for command in [&["plan"][..], &["apply", "-auto-approve"]] {
        let said = refused(&project, command);
        assert!(said.contains("self.release"), "{said}");
    }
    assert_eq!(project.shelf("images").len(), 1);
    rewrite(&project, &named("two", "\"web-${self.release}\""));
    apply(&project);
    assert_eq!(project.shelf("images").len(), 2);
}

#[test]
fn an_image_keeps_its_releases_under_another_address() {
    let project = project(&greeting("one"));
    apply(&project);
    let renamed = greeting("one").replacen("\"tiny\"", "\"small\"", 1);
    let moved = "moved {\n  from = image.tiny\n  to   = image.small\n}\n";
    rewrite(&project, &(renamed.clone() + moved));
    let text = plan(&project);
    assert!(
        text.contains("0 to build, 0 to replace") && text.contains("0 to destroy"),
        "{text}"
    );
    apply(&project);
    rewrite(&project, &renamed);
    assert!(
        plan(&project).contains("No changes"),
        "the block is not needed any more"
    );
    assert_eq!(file_in(&project, "image.small", "/etc/motd"), "one\n");
}

#[test]
fn projects_and_workspaces_of_one_store_never_see_each_other() {
    let shared = tempfile::tempdir().expect("a directory");
    let provider = format!("provider \"local\" {{\n  store = {:?}\n}}\n", shared.path());
    let owned = |name: &str| format!("bake {{\n  project = \"{name}\"\n}}\n{provider}{}", greeting(name));
    let (a, b) = (project(&owned("a")), project(&owned("b")));
    apply(&a);
    assert!(plan(&b).contains("Nothing exists yet in project b"));
    apply(&b);
    let beside = |project: &Project, command: &[&str]| project.done(&[command, &["-workspace", "test"]].concat());
    assert!(beside(&a, &["plan"]).contains("1 to build"));
    beside(&a, &["apply", "-auto-approve"]);
    assert_eq!(
        std::fs::read_dir(shared.path().join("images"))
            .expect("a store")
            .count(),
        3
    );

    a.done(&["destroy", "-auto-approve"]);
    assert!(plan(&b).contains("No changes"));
    assert!(beside(&a, &["plan"]).contains("No changes"));
    assert!(plan(&a).contains("Nothing exists yet in project a, workspace default"));
    assert_eq!(file_in(&b, "image.tiny", "/etc/motd"), "b\n");
}
