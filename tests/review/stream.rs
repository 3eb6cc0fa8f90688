//! The events of a real apply: as their schema says, and drawn as a timeline that is used by keyboard. Needs root.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use super::project::{Project, text};
use super::schemas::breaks;

/// Two images side by side, the second from the first; a step that fails if `/bad` is asked for; a release to retire.
pub fn module(more: &str) -> String {
    let step = "provision \"shell\" \"slow\" {\n    inline = [\"echo hello\", \"sleep 0.4\"]\n  }";
    let volume = "volume \"root\" {\n    size = \"32MiB\"\n    partition_table = \"none\"\n    filesystem = \"ext4\"\n    \
                  mount = \"/\"\n  }\n  bootstrap \"tar\" {\n    path = \"root.tar\"\n  }";
    format!(
        "bake {{\n  project = \"stream\"\n}}\nimage \"base\" {{\n  scratch {{}}\n  {volume}\n  {step}\n{more}}}\n\
         image \"site\" {{\n  source {{\n    image = image.base\n  }}\n  provision \"shell\" \"quick\" {{\n    \
         inline = [\"true\"]\n  }}\n}}\noutput \"id\" {{\n  value = image.base.id\n}}\n"
    )
}

pub fn project(module: &str) -> Project {
    let project = Project::copy(&super::project::module().join("scripts"));
    project.write("main.bake.hcl", module);
    let pack =
        "set -e; tree=$(mktemp -d); mkdir -p $tree/bin $tree/etc $tree/proc $tree/sys $tree/dev $tree/run $tree/tmp
        cp /bin/busybox $tree/bin/; for name in sh echo sleep true false; do ln -s busybox $tree/bin/$name; done
        echo root:x:0:0:root:/root:/bin/sh > $tree/etc/passwd; tar --sort=name --mtime=@0 -cf root.tar -C $tree .; rm -r $tree";
    let packed = Command::new("sh")
        .args(["-ec", pack])
        .current_dir(project.path())
        .status();
    assert!(packed.expect("sh starts").success());
    project
}

/// The stream of an apply that ends with this code, each line held against the schema.
fn apply(project: &Project, code: i32) -> String {
    let stream = project.out(code, &["apply", "-auto-approve", "-json"]);
    for line in stream.lines() {
        let event: Json = serde_json::from_str(line).unwrap_or_else(|_| panic!("an event is JSON: {line}"));
        assert_eq!(breaks("events.json", &event), None, "{line}");
    }
    stream
}

fn kinds(stream: &str) -> BTreeSet<String> {
    let events = stream
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("read before"));
    events
        .map(|event| event["type"].as_str().expect("a type").to_owned())
        .collect()
}

#[test]
fn the_events_of_real_applies_are_as_the_schema_says() {
    let project = project(&module(""));
    let mut seen = kinds(&apply(&project, 0));
    let plan: Json =
        serde_json::from_str(&project.out(0, &["plan", "-json", "-replace=image.base"])).expect("a plan is JSON");
    assert_eq!(breaks("plan.json", &plan), None);
    project.write(
        "main.bake.hcl",
        &module("  provision \"shell\" \"bad\" {\n    inline = [\"false\"]\n  }\n"),
    );
    seen.extend(kinds(&apply(&project, 1)));
    let wanted = [
        "apply_summary",
        "change_summary",
        "node_done",
        "node_failed",
        "node_skipped",
        "node_started",
        "output",
        "planned_change",
        "started",
        "version",
    ];
    let missing: Vec<_> = wanted.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "not seen: {missing:?}; seen: {seen:?}");
}

#[test]
fn a_field_that_the_schema_does_not_declare_is_found() {
    let project = project(&module(""));
    let stream = apply(&project, 0);
    let mut tried = BTreeSet::new();
    for line in stream.lines() {
        let mut event: Json = serde_json::from_str(line).expect("an event is JSON");
        if tried.insert(event["type"].as_str().expect("a type").to_owned()) {
            event["undeclared"] = 1.into();
            assert!(breaks("events.json", &event).is_some(), "{event}");
        }
    }
    assert!(tried.len() > 7, "{tried:?}");
}

#[test]
fn the_timeline_of_an_apply_is_read_by_keyboard() {
    let project = project(&module(""));
    project.write("events.jsonl", &apply(&project, 0));
    let said = project.out(0, &["show", "events.jsonl"]);
    let (first, slow) = (said.lines().next().expect("a line"), "image.base.provision[\"slow\"]");
    assert!(first.starts_with("Apply of run ") && said.contains(slow), "{said}");
    let refused = project.refused(&["show", "-json", "events.jsonl"]);
    assert!(refused.contains("an apply is shown as text or HTML"), "{refused}");

    let html = project.out(0, &["show", "-format", "html", "events.jsonl"]);
    for word in ["<script", "<link", "<img", "http://", "https://", "url(", "@import"] {
        assert!(!html.contains(word), "{word}");
    }
    project.write("page.html", &html);
    let (bars, path) = (html.matches("<details").count(), html.matches("<li>").count());
    let told = keys(&project.path().join("page.html"), 2 * bars + path + 5);
    let stops = told["stops"].as_array().expect("stops");
    let of = |tag: &str| stops.iter().filter(|stop| stop["tag"] == tag).collect::<Vec<_>>();
    assert_eq!(
        (of("a").len(), of("summary").len()),
        (bars + path, bars),
        "each part is reached: {told}"
    );
    assert!(
        stops.iter().all(|stop| stop["seen"] == true),
        "the focus is seen: {told}"
    );
    assert!(
        of("summary").iter().all(|stop| stop["opens"] == true),
        "Enter folds: {told}"
    );
    assert_eq!(told["leads"], true, "Enter on a bar leads to its step");
    let marked = of("a").iter().any(|stop| {
        let name = stop["name"].as_str().unwrap_or_default();
        name.contains(slow) && name.contains("on the critical path")
    });
    assert!(marked, "the longest step is what the time hangs on: {told}");
}

#[test]
fn the_last_apply_is_told_from_what_is_kept_of_it() {
    let project = project(&module(""));
    let refused = project.refused(&["show", "-last"]);
    assert!(
        refused.contains("of no apply of this module is anything kept"),
        "{refused}"
    );
    apply(&project, 0);
    let said = project.out(0, &["show", "-last"]);
    let (first, slow) = (said.lines().next().expect("a line"), "image.base.provision[\"slow\"]");
    assert!(first.starts_with("Apply of run ") && said.contains(slow), "{said}");
    assert!(said.contains("bake show -format html -last"), "{said}");
    let html = project.out(0, &["show", "-last", "-format", "html"]);
    assert!(html.contains("image.base.provision[&quot;slow&quot;]"), "{html}");

    // Of a run that failed, too; and it is the last one that is told of.
    project.write(
        "main.bake.hcl",
        &module("  provision \"shell\" \"bad\" {\n    inline = [\"echo spoken\", \"false\"]\n  }\n"),
    );
    apply(&project, 1);
    let said = project.out(0, &["show", "-last"]);
    assert!(said.contains("bad") && said.contains("failed"), "{said}");
    let logs = project.path().join(".bake/log");
    let runs = fs::read_dir(&logs).expect("there are logs").flatten();
    for file in runs.flat_map(|run| fs::read_dir(run.path()).expect("a directory").flatten()) {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".jsonl") {
            let text = fs::read_to_string(file.path()).expect("it is text");
            for line in text.lines() {
                let event: Json = serde_json::from_str(line).expect("an event is JSON");
                assert_eq!(breaks("events.json", &event), None, "{line}");
                assert_ne!(event["type"], "output", "what steps write stands in their logs");
            }
        }
    }
}

/// What going through a page with the keyboard meets.
pub fn keys(page: &Path, tabs: usize) -> Json {
    let keep = std::env::var_os("BAKE_TEST_SHOTS").map(std::path::PathBuf::from);
    let shots = keep.unwrap_or_else(|| page.with_extension("shot"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/review/keys.py");
    let mut python = Command::new("python3");
    let output = python
        .arg(script)
        .arg(page)
        .arg(tabs.to_string())
        .arg(&shots)
        .output()
        .expect("python3 starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    for scheme in ["light", "dark"] {
        let shot = fs::metadata(format!("{}-{scheme}.png", shots.display())).expect("a picture");
        assert!(shot.len() > 10_000, "the picture has something on it");
    }
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
