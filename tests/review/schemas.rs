//! The schemas in `docs/schemas` hold for what bake prints.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::project::{Project, module};

/// What of a document a schema does not allow; nothing if all is well.
pub fn breaks(schema: &str, document: &Json) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(schema);
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let text = fs::read_to_string(&path).expect("the schema is there");
    compiler
        .add_resource("schema.json", serde_json::from_str(&text).expect("a schema is JSON"))
        .expect("a schema has a name");
    let index = compiler
        .compile("schema.json", &mut schemas)
        .expect("the schema is one");
    schemas
        .validate(document, index)
        .err()
        .map(|error| format!("{error:#}"))
}

#[test]
fn every_plan_of_the_golden_cases_is_as_the_schema_says() {
    let mut seen = 0;
    for case in fs::read_dir("testdata/plans").expect("there are cases") {
        let path = case.expect("a case").path().join("plan.json");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let document: Json = serde_json::from_str(&text).expect("a plan is JSON");
        assert_eq!(breaks("plan.json", &document), None, "{}", path.display());
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_schema_can_be_broken() {
    let text = fs::read_to_string("testdata/plans/replace/plan.json").expect("the case is there");
    let good: Json = serde_json::from_str(&text).expect("a plan is JSON");
    let mut more = good.clone();
    more["resource_changes"][0]["change"]["more"] = 1.into();
    assert!(breaks("plan.json", &more).is_some(), "a field that is not described");
    let mut less = good.clone();
    less.as_object_mut().expect("an object").remove("resource_changes");
    assert!(breaks("plan.json", &less).is_some(), "a field that is missing");
    let mut older = good;
    older["format_version"] = "1.0".into();
    assert!(breaks("plan.json", &older).is_some(), "another version");
}

#[test]
fn what_is_wrong_is_as_the_schema_says() {
    let project = Project::copy(&module());
    project.change("web.bake.hcl", "partition_table", "partition_tabel");
    for (code, command) in [(1, "validate"), (1, "plan")] {
        let out = project.out(code, &[command, "-json"]);
        let document = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{command} prints JSON: {out}"));
        assert_eq!(breaks("diagnostics.json", &document), None);
        assert_eq!(document["valid"], false);
    }
    let github = project.out(1, &["validate", "-format", "github"]);
    assert!(github.starts_with("::error file=web.bake.hcl,line=17,col="), "{github}");
    let sarif = project.out(1, &["plan", "-format=sarif"]);
    let log: Json = serde_json::from_str(&sarif).expect("SARIF is JSON");
    assert_eq!(log["runs"][0]["results"][0]["level"], "error");
}
