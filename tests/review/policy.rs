//! The policy of `docs/ci` over what bake really prints, by an engine that reads Rego.

use std::collections::BTreeSet;

use regorus::{Engine, Value};

use super::project::{Project, module};

const POLICY: &str = include_str!("../../docs/ci/policy.rego");

/// What a set of the policy has for a plan: `deny`, `warn`.
fn judged(plan: &str, set: &str) -> BTreeSet<String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    let policy = engine.add_policy("policy.rego".to_owned(), POLICY.to_owned());
    policy.expect("the policy is Rego");
    engine.set_input(Value::from_json_str(plan).expect("a plan is JSON"));
    let found = engine.eval_rule(format!("data.bake.{set}")).expect("it is evaluated");
    let found: Vec<String> = serde_json::from_str(&found.to_json_str().expect("a set of texts")).expect("texts");
    found.into_iter().collect()
}

/// A module whose images have an owner, and what is written in the place of `from`.
fn project(from: &str, to: &str) -> Project {
    let project = Project::copy(&module());
    project.change("web.bake.hcl", "app = \"web\"", "team = \"web\"");
    if !from.is_empty() {
        project.change("web.bake.hcl", from, to);
    }
    project
}

fn denied(project: &Project, more: &[&str]) -> BTreeSet<String> {
    let printed = project.out(0, &[&["plan", "-json"], more].concat());
    // The file that was kept says the same.
    project.out(0, &[&["plan", "-out", "kept"], more].concat());
    let shown = project.out(0, &["show", "-json", "kept"]);
    let all = judged(&printed, "deny");
    assert_eq!(all, judged(&shown, "deny"));
    all
}

#[test]
fn a_plan_that_breaks_no_rule_is_allowed() {
    let project = project("", "");
    assert_eq!(denied(&project, &[]), BTreeSet::new());
    let plan = project.out(0, &["plan", "-json"]);
    assert_eq!(judged(&plan, "warn"), BTreeSet::new());
}

#[test]
fn each_rule_is_broken_by_what_it_is_about() {
    for (from, to, flags, words) in [
        (
            "team = \"web\"",
            "app = \"web\"",
            &[][..],
            "image.web has no tag \"team\"",
        ),
        ("team = \"web\"", "team = \"\"", &[], "image.web has no tag \"team\""),
        (
            "scratch {}",
            "scratch {}\n  reproducible = false",
            &[],
            "image.web is made from scratch and not reproducible",
        ),
        ("", "", &["-target=image.web"], "the plan is partial"),
    ] {
        let all = denied(&project(from, to), flags);
        assert!(
            all.len() == 1 && all.iter().all(|one| one.contains(words)),
            "{words}: {all:?}"
        );
    }
    let share = "team = \"web\" }\n    share {\n      public = true\n    }";
    let shared = project("team = \"web\" }", share);
    let ignoring = "provider \"local\" {\n  ignore_publish = true\n}\n";
    shared.write("store.bake.hcl", ignoring);
    let all = denied(&shared, &[]);
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
        ["image.web would be shared with everybody"]
    );
}

/// What an image that stands is worth is seen in what would be done to it, so these plans are written, not made.
#[test]
fn what_is_protected_is_not_destroyed_and_drift_is_told() {
    let plan = std::fs::read_to_string("testdata/plans/not-in-module/plan.json").expect("the case is there");
    let destroyed: serde_json::Value = serde_json::from_str(&plan).expect("a plan is JSON");
    let address = destroyed["resource_changes"].as_array().expect("a list").iter();
    let address = address
        .filter(|image| image["action"] == "destroy")
        .map(|image| image["address"].as_str());
    let address = address.flatten().next().expect("one is destroyed").to_owned();
    assert!(
        judged(&plan, "deny")
            .iter()
            .all(|one| !one.contains("would be destroyed"))
    );
    let protected = plan.replace(&address, "image.prod");
    assert!(judged(&protected, "deny").contains("image.prod is protected, and would be destroyed"));

    let drifted = std::fs::read_to_string("testdata/plans/drift/plan.json").expect("the case is there");
    let told = judged(&drifted, "warn");
    assert!(
        told.iter().any(|one| one.ends_with("was changed outside of bake")),
        "{told:?}"
    );
}
