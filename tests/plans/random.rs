//! Random specs A and B: what is planned after A was applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bake::plan::{self, Action, Options, Plan, World};
use bake::ui::plan::{LONGEST, View};
use proptest::prelude::*;

use super::case::load;
use super::thought;

/// What differs between two specs of this test.
#[derive(Debug, Clone, PartialEq)]
struct Spec {
    description: Option<u8>,
    tags: BTreeMap<String, u8>,
    boot_mode: Option<bool>,
    size: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    name: String,
    lines: Vec<u8>,
    env: Option<u8>,
    /// No part of the content: a change of it is none.
    timeout: Option<u8>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop::collection::vec(0_u8..4, 1..4),
        prop::option::of(0_u8..3),
        prop::option::of(1_u8..3),
    );
    prop::collection::btree_map("[abcd]", step, 0..4)
        .prop_map(|all| {
            let step = |(name, (lines, env, timeout))| Step {
                name,
                lines,
                env,
                timeout,
            };
            all.into_iter().map(step).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn spec() -> impl Strategy<Value = Spec> {
    let tags = prop::collection::btree_map("[xyz]", 0_u8..3, 0..3);
    let boot = prop::option::of(any::<bool>());
    (prop::option::of(0_u8..3), tags, boot, any::<bool>(), steps()).prop_map(
        |(description, tags, boot_mode, size, steps)| Spec {
            description,
            tags,
            boot_mode,
            size,
            steps,
        },
    )
}

impl Spec {
    fn text(&self) -> String {
        let mut text =
            String::from("bake {\n  project = \"acme/images\"\n}\nimage \"web\" {\n  architecture = \"x86_64\"\n");
        text.extend(self.description.map(|one| format!("  description = \"text {one}\"\n")));
        let size = if self.size { 96 } else { 64 };
        text.push_str(&format!(
            "  scratch {{}}\n  volume \"root\" {{\n    size = \"{size}MiB\"\n    partition_table = \"none\"\n    \
             filesystem = \"ext4\"\n    mount = \"/\"\n  }}\n  bootstrap \"tar\" {{\n    path = \"root.tar\"\n  }}\n"
        ));
        for step in &self.steps {
            let lines: Vec<String> = step.lines.iter().map(|line| format!("\"echo {line}\"")).collect();
            text.push_str(&format!(
                "  provision \"shell\" \"{}\" {{\n    inline = [{}]\n",
                step.name,
                lines.join(", ")
            ));
            text.extend(step.env.map(|env| format!("    env = {{ VALUE = \"{env}\" }}\n")));
            text.extend(step.timeout.map(|minutes| format!("    timeout = \"{minutes}m\"\n")));
            text.push_str("  }\n");
        }
        let mode = |uefi| if uefi { "uefi" } else { "legacy-bios" };
        text.extend(
            self.boot_mode
                .map(|uefi| format!("  register {{\n    boot_mode = \"{}\"\n  }}\n", mode(uefi))),
        );
        if !self.tags.is_empty() {
            let tags: Vec<String> = self
                .tags
                .iter()
                .map(|(name, value)| format!("{name} = \"{value}\""))
                .collect();
            text.push_str(&format!("  publish {{\n    tags = {{ {} }}\n  }}\n", tags.join(", ")));
        }
        text + "}\n"
    }

    fn argument(&self, path: &str) -> Option<String> {
        let text = |value: &dyn std::fmt::Debug| Some(format!("{value:?}"));
        match path {
            "description" => self.description.and_then(|one| text(&one)),
            "publish.tags" if self.tags.is_empty() => None,
            "publish.tags" => text(&self.tags),
            "register.boot_mode" => self.boot_mode.and_then(|one| text(&one)),
            "volume[\"root\"].size" => text(&self.size),
            step => {
                let (name, argument) = step.strip_prefix("provision[\"")?.split_once("\"].")?;
                let step = self.steps.iter().find(|step| step.name == name)?;
                if argument == "inline" {
                    text(&step.lines)
                } else {
                    step.env.and_then(|env| text(&env))
                }
            }
        }
    }

    /// What shapes the bytes of the disk.
    fn content(&self) -> impl PartialEq {
        let steps = self.steps.iter().map(|step| (step.lines.clone(), step.env));
        (self.size, steps.collect::<Vec<_>>())
    }

    fn paths(&self) -> Vec<String> {
        let fixed = [
            "description",
            "publish.tags",
            "register.boot_mode",
            "volume[\"root\"].size",
        ]
        .map(str::to_owned);
        let own = self
            .steps
            .iter()
            .flat_map(|step| ["inline", "env"].map(|one| format!("provision[{:?}].{one}", step.name)));
        fixed.into_iter().chain(own).collect()
    }
}

/// The arguments whose values are not the same in both. Names of steps shape no bytes: where only they differ, the steps are
/// the same.
fn differences(a: &Spec, b: &Spec) -> BTreeSet<String> {
    let same = a.content() == b.content();
    let paths = a
        .paths()
        .into_iter()
        .chain(b.paths())
        .filter(|path| !(same && path.starts_with("provision")));
    paths.filter(|path| a.argument(path) != b.argument(path)).collect()
}

fn planned(spec: &Spec, world: &World) -> Plan {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("web.bake.hcl"), spec.text()).unwrap();
    fs::copy("testdata/plans/replace/1/root.tar", directory.path().join("root.tar")).unwrap();
    let now = "2026-11-20T12:00:00Z".to_owned();
    plan::make(
        &load(directory.path(), "default"),
        world,
        &Options {
            now,
            ..Options::default()
        },
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_names_what_differs_and_nothing_else(a in spec(), b in spec()) {
        let mut world = World::default();
        thought::apply(&planned(&a, &world), &mut world, 1);
        prop_assert!(planned(&a, &world).is_empty(), "what was applied is planned again");

        let plan = planned(&b, &world);
        let wanted = differences(&a, &b);
        let image = &plan.images[0];
        let named: BTreeSet<String> = image.changes.iter().map(|change| change.path.clone()).collect();
        prop_assert_eq!(&named, &wanted);
        prop_assert_eq!(image.changes.len(), named.len(), "each is named once");
        prop_assert_eq!(plan.is_empty(), wanted.is_empty() && a.content() == b.content());

        let text = anstream::adapter::strip_str(&bake::ui::plan::text(&plan, View::Whole, None)).to_string();
        let markdown = bake::ui::plan::markdown(&plan, LONGEST);
        let html = bake::ui::plan::html(&plan);
        let json: serde_json::Value = serde_json::from_str(&bake::ui::plan::json(&plan)).unwrap();
        let of_json = json["resource_changes"][0]["changes"].as_array().unwrap().iter();
        let of_json: BTreeSet<String> = of_json.map(|one| one["path"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(&of_json, &wanted);
        for change in &image.changes {
            prop_assert!([&text, &markdown, &html].iter().all(|form| form.contains(change.name())), "{}\n{}", change.path, text);
        }
        for (word, form) in [("env", &text), ("env", &markdown), ("inline", &text), ("inline", &markdown)] {
            let differs = wanted.iter().any(|path| path.ends_with(word));
            prop_assert_eq!(form.contains(&format!("{word} ")) || form.contains(&format!("{word}\n")), differs && image.action == Action::Replace, "{}", form);
        }

        thought::apply(&plan, &mut world, 2);
        prop_assert!(planned(&b, &world).is_empty(), "an apply leaves nothing to do");
    }
}
