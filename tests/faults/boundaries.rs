//! The boundaries of an apply: each half of each node, as the plan has them, not as the test knows them.

use std::collections::BTreeSet;
use std::path::Path;

use bake::nodes::{Lifetime, NodeKind};
use bake::plan::Plan;

use crate::bench::{APPLY, events, told};
use crate::support::Project;

/// One half of one node: its address, and `open` or `close`.
pub type Half = (String, String);

/// What the plan of a project will open and close.
pub fn planned(project: &Project) -> (BTreeSet<Half>, BTreeSet<NodeKind>) {
    let file = project.path().join("plan");
    project.done(&["plan", "-out", &file.display().to_string()]);
    let plan = read(&file);
    let (mut halves, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for node in &plan.nodes {
        let kind = node.data.kind();
        kinds.insert(kind);
        halves.insert((node.address.to_string(), "open".to_owned()));
        if kind.lifetime() == Lifetime::Ephemeral {
            halves.insert((node.address.to_string(), "close".to_owned()));
        }
    }
    std::fs::remove_file(file).expect("it was written above");
    (halves, kinds)
}

fn read(file: &Path) -> Plan {
    let text = std::fs::read_to_string(file).expect("a plan was written");
    let (_, plan) = text.split_once('\n').expect("a line stands before it");
    serde_json::from_str(plan).expect("a plan file holds a plan")
}

/// What an apply that nobody disturbs did: how many events it tells, and the halves that begin and end in them.
pub fn undisturbed(project: &Project) -> (usize, BTreeSet<Half>) {
    let told_to = std::fs::File::create(events(project)).expect("the project can be written");
    let status = project.bake(APPLY).stdout(told_to).status();
    assert!(status.expect("bake starts").success());
    let events = told(project);
    let of = |kind: &str| -> BTreeSet<Half> {
        let events = events.iter().filter(|event| event["type"] == kind);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        events
            .map(|event| (text(&event["address"]), text(&event["half"])))
            .collect()
    };
    let (begun, done) = (of("node_started"), of("node_done"));
    assert_eq!(begun, done);
    (events.len(), done)
}

/// Every kind that there is, by the list in the source that makes them.
pub fn kinds() -> BTreeSet<NodeKind> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nodes/mod.rs");
    let text = std::fs::read_to_string(source).expect("the source stands");
    let (_, list) = text.rsplit_once("\nkinds!(").expect("the list of kinds");
    let (list, _) = list.split_once(')').expect("the list ends");
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| kind(&snake(name))).collect()
}

fn kind(name: &str) -> NodeKind {
    serde_json::from_value(name.into()).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// `boot_loader` of `BootLoader`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
