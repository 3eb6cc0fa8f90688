//! Plans of whole modules: one golden case per action and flag.
//!
//! A case is a directory of modules, `1/`, `2/`, ... Each but the last is planned and applied in thought; the plan of the
//! last is compared with `plan.txt` and `plan.json` beside them. `case.json` holds flags, and what happened outside of
//! bake in between. With `BAKE_UPDATE=1` the golden files are written again.

#![allow(clippy::disallowed_methods)] // golden files are written by the test, not by the product

#[path = "plans/case.rs"]
mod case;
#[path = "plans/random.rs"]
mod random;
#[path = "plans/thought.rs"]
mod thought;

use std::fs;
use std::path::{Path, PathBuf};

use bake::plan::{self, Action, Options, World};
use case::{Case, load};

fn root() -> PathBuf {
    PathBuf::from("testdata/plans")
}

#[test]
fn every_case_plans_as_it_did() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let wrong: Vec<String> = cases.iter().filter_map(|directory| check(directory).err()).collect();
    assert!(cases.len() > 20 && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(directory: &Path) -> Result<(), String> {
    let case = Case::read(directory);
    let outcome = case.outcome();
    compare(&directory.join("plan.txt"), &outcome.text)?;
    if let Some(json) = &outcome.json {
        compare(&directory.join("plan.json"), json)?;
    }
    if let Some(markdown) = &outcome.markdown {
        compare(&directory.join("plan.md"), markdown)?;
    }
    match case.outcome() == outcome {
        true => Ok(()),
        false => Err(format!("{}: a second plan differs from the first", directory.display())),
    }
}

fn compare(golden: &Path, is: &str) -> Result<(), String> {
    if std::env::var_os("BAKE_UPDATE").is_some() {
        fs::write(golden, is).unwrap();
    }
    let was = fs::read_to_string(golden).unwrap_or_default();
    match was == is {
        true => Ok(()),
        false => Err(format!("{} differs; it is now:\n{is}", golden.display())),
    }
}

/// After every plan of every case has been applied, nothing is left to do.
#[test]
fn an_applied_plan_leaves_nothing_to_do() {
    for entry in fs::read_dir(root()).unwrap() {
        let case = Case::read(&entry.unwrap().path());
        let Some((module, mut world, plan)) = case.planned() else {
            continue;
        };
        if plan.mode != plan::Mode::Normal || case.is_partial() {
            continue;
        }
        thought::apply(&plan, &mut world, 30);
        let again = plan::make(
            &module,
            &world,
            &Options {
                now: case.now(),
                ..Options::default()
            },
        )
        .unwrap();
        let actions: Vec<Action> = again.images.iter().map(|image| image.action).collect();
        assert!(again.is_empty(), "{}: {actions:?}", case.name());
    }
}

#[test]
fn what_another_owner_has_is_not_seen() {
    let mut world = World::default();
    for workspace in ["default", "other"] {
        let module = load(&root().join("none/1"), workspace);
        // A provider answers a query of one owner with that owner's images alone.
        let mut own = world.clone();
        own.images.retain(|_, images| {
            images.retain(|image| image.manifest.owner == module.owner);
            !images.is_empty()
        });
        let plan = plan::make(&module, &own, &Options::default()).unwrap();
        assert!(plan.images.iter().all(|image| image.action == Action::Build));
        let names = |plan: &plan::Plan| -> Vec<_> {
            plan.images
                .iter()
                .filter_map(|image| image.after.as_ref()?.name.clone())
                .collect()
        };
        let standing: Vec<_> = world
            .images
            .values()
            .flatten()
            .map(|image| image.name.clone())
            .collect();
        assert!(
            names(&plan).iter().all(|name| !standing.contains(name)),
            "names of two workspaces differ"
        );
        thought::apply(&plan, &mut world, 1);
    }
}

#[test]
fn a_plan_file_reads_back_and_tells_what_moved() {
    let case = Case::read(&root().join("replace"));
    let (module, mut world, plan) = case.planned().unwrap();
    let bytes = plan::file::to_bytes(&plan);
    assert_eq!(bytes, plan::file::to_bytes(&plan));
    let back = plan::file::from_bytes(&bytes, "x.bakeplan").unwrap();
    assert_eq!(plan::file::to_bytes(&back), bytes);
    assert!(plan::file::moved(&back, &module.inputs, &world).is_empty());

    let mut damaged = bytes.clone();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    assert!(
        plan::file::from_bytes(&damaged, "x")
            .unwrap_err()
            .summary
            .contains("damaged")
    );

    let mut inputs = module.inputs.clone();
    inputs
        .files
        .values_mut()
        .next()
        .unwrap()
        .clone_from(&bake::digest::Digest::of(b"other"));
    inputs.variables.insert("x".into(), 1.into());
    thought::apply(&plan, &mut world, 2);
    let moved: Vec<String> = plan::file::moved(&back, &inputs, &world)
        .iter()
        .map(|one| one.summary.clone())
        .collect();
    assert!(moved.iter().any(|one| one.contains("has changed since")), "{moved:?}");
    assert!(
        moved.iter().any(|one| one.contains("was made after the plan")),
        "{moved:?}"
    );
}

/// Every argument that differs is named by the JSON, and by the page that text and Markdown draw; nothing else is.
#[test]
fn all_forms_name_the_same_changes() {
    let mut seen = 0;
    for entry in fs::read_dir(root()).unwrap() {
        let case = Case::read(&entry.unwrap().path());
        let Some((_, _, plan)) = case.planned() else { continue };
        let json: serde_json::Value = serde_json::from_str(&bake::ui::plan::json(&plan)).unwrap();
        let text = bake::ui::plan::text(&plan, bake::ui::plan::View::Whole, None);
        let text = anstream::adapter::strip_str(&text).to_string();
        let markdown = bake::ui::plan::markdown(&plan, usize::MAX);
        for (image, resource) in plan.images.iter().zip(json["resource_changes"].as_array().unwrap()) {
            let paths: Vec<&str> = image.changes.iter().map(|change| change.path.as_str()).collect();
            let of_json = resource["changes"].as_array().unwrap().iter();
            let of_json: Vec<&str> = of_json.map(|change| change["path"].as_str().unwrap()).collect();
            assert_eq!(of_json, paths, "{}", case.name());
            for change in &image.changes {
                let file = change.files().into_iter().find_map(|(before, after)| after.or(before));
                let name = file.map_or(change.name().to_owned(), |file| file.path.display().to_string());
                let named = |form: &str| form.contains(&name);
                assert!(named(&text) && named(&markdown), "{}: {}", case.name(), change.path);
                seen += 1;
            }
        }
        let page = bake::ui::plan::Page::of(&plan);
        for line in page
            .images
            .iter()
            .flat_map(|block| &block.lines)
            .map(|line| line.drawn())
        {
            assert!(
                text.contains(line.trim()) && markdown.contains(line.trim()),
                "{}: {line}",
                case.name()
            );
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_comment_is_never_longer_than_it_may_be() {
    let (_, _, plan) = Case::read(&root().join("base-changed")).planned().unwrap();
    let whole = bake::ui::plan::markdown(&plan, usize::MAX);
    assert!(!whole.contains("not the whole plan"), "{whole}");
    for longest in [1_200, 1_500, 2_000, 3_000] {
        let text = bake::ui::plan::markdown(&plan, longest);
        assert!(text.chars().count() <= longest, "{longest}: {}", text.chars().count());
        let is_whole = text.chars().count() == whole.chars().count();
        assert_eq!(text.contains("This comment is not the whole plan"), !is_whole, "{text}");
        assert_eq!(
            text.matches("<details").count(),
            text.matches("</details>").count(),
            "{text}"
        );
    }
}

#[test]
fn secrets_are_in_no_form_of_a_plan() {
    let (_, _, plan) = Case::read(&root().join("secret")).planned().unwrap();
    let file = String::from_utf8(plan::file::to_bytes(&plan)).unwrap();
    for text in [
        file,
        bake::ui::plan::json(&plan),
        bake::ui::plan::markdown(&plan, bake::ui::plan::LONGEST),
        bake::ui::plan::html(&plan),
        bake::ui::plan::text(&plan, bake::ui::plan::View::Whole, None),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
