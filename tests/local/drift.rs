//! What somebody changed outside of bake: shown, not believed, mended when asked.

use std::collections::BTreeMap;

use bake::providers::local::Local;
use bake::providers::{ImageId, ImageUpdate, Images};
use bake::spec::{ProviderKey, ProviderSettings};
use serde_json::Value as Json;

use crate::bench::*;
use crate::support::Project;

fn module() -> String {
    let publish = "  description = \"a small one\"\n  publish {\n    tags = { app = \"web\" }\n  }\n";
    image("tiny", "").replacen("  scratch {}", &format!("{publish}  scratch {{}}"), 1)
}

/// Changes what stands as another program would that knows the store, but not the module.
fn meddle(project: &Project, change: ImageUpdate) {
    let all: Json = serde_json::from_str(&project.done(&["images", "-json"])).expect("bake prints JSON");
    let id = ImageId(all["images"][0]["id"].as_str().expect("an id").to_owned());
    let settings = ProviderSettings {
        key: ProviderKey {
            kind: "local".to_owned(),
            alias: None,
        },
        store: Some(project.path().join(".bake/store")),
        ignore_publish: false,
        aws: None,
    };
    let local = Local::open(&settings).expect("it names a store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the kernel gives a thread");
    runtime
        .block_on(local.update(&id, &change))
        .expect("the store can be written");
}

fn tags(app: &str) -> ImageUpdate {
    ImageUpdate {
        tags: Some(BTreeMap::from([("app".to_owned(), app.to_owned())])),
        ..ImageUpdate::default()
    }
}

#[test]
fn refresh_only_shows_what_was_changed_and_nothing_else() {
    let project = project(&module());
    apply(&project);
    let only = ["plan", "-refresh-only", "-no-color"];
    let said = project.done(&only);
    assert!(said.contains("No drift. What stands is as bake left it."), "{said}");
    let code = |arguments: &[&str]| project.run(arguments).status.code();
    assert_eq!(code(&["plan", "-refresh-only", "-detailed-exitcode"]), Some(0));

    meddle(&project, tags("meddled"));
    // What the module says differs, too: that is no drift.
    rewrite(&project, &module().replace("a small one", "another"));
    let said = project.done(&only);
    for words in [
        "1 image changed outside of bake.",
        "image.tiny was changed outside of bake",
        "~ app = \"web\" -> \"meddled\"",
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
    assert!(!said.contains("another") && !said.contains("Plan:"), "{said}");
    assert_eq!(code(&["plan", "-refresh-only", "-detailed-exitcode"]), Some(2));

    let json: Json = serde_json::from_str(&project.done(&["plan", "-refresh-only", "-json"])).expect("JSON");
    assert_eq!(json["mode"], "refresh_only");
    assert_eq!(json["applyable"], false);
    assert_eq!(json["resource_changes"][0]["action"], "none");
    let drift = &json["resource_drift"][0]["change"];
    assert_eq!(drift["before"]["publish.tags"]["app"], "web");
    assert_eq!(drift["after"]["publish.tags"]["app"], "meddled");
    let markdown = project.done(&["plan", "-refresh-only", "-format", "markdown"]);
    assert!(
        markdown.contains("changed outside of bake") && markdown.contains("meddled"),
        "{markdown}"
    );

    // It is there to be looked at: nothing applies it, from a file or without.
    let words = "a plan of -refresh-only only shows what was changed";
    assert!(refused(&project, &["apply", "-auto-approve", "-refresh-only"]).contains(words));
    project.done(&["plan", "-refresh-only", "-out", "p"]);
    assert!(refused(&project, &["apply", "p"]).contains(words));
    for other in ["-destroy", "-replace=image.tiny", "-refresh=false"] {
        assert_ne!(code(&["plan", "-refresh-only", other]), Some(0), "{other}");
    }
}

#[test]
fn an_apply_mends_what_was_changed_and_refresh_false_believes_what_was_recorded() {
    let project = project(&module());
    apply(&project);
    meddle(&project, tags("meddled"));
    let believed = project.done(&["plan", "-refresh=false", "-no-color"]);
    assert!(believed.contains("No changes"), "{believed}");
    let said = plan(&project);
    assert!(
        said.contains("Changed outside of bake since the last apply") && said.contains("1 to update"),
        "{said}"
    );
    apply(&project);
    assert!(project.done(&["plan", "-refresh-only"]).contains("No drift"));
    assert!(plan(&project).contains("No changes"));
}
