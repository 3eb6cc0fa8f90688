//! Conditions that only an apply can judge, because they wait for the id of an image that it builds.

use std::fs;

use crate::bench::*;
use crate::support::Project;

const WEB: &str = "image \"web\" {\n  source {\n    image = image.base\n  }\nLIFECYCLE\n}\n";

fn lifecycle(kind: &str, condition: &str) -> String {
    format!(
        "  lifecycle {{\n    {kind} {{\n      condition = {condition}\n      error_message = \"is ${{image.base.id}}\"\n    }}\n  }}\n"
    )
}

/// What an apply says, and whether it is content.
fn apply(project: &Project) -> (bool, String) {
    let output = project
        .bake(&["apply", "-auto-approve", "-no-color"])
        .output()
        .expect("bake starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn images(project: &Project) -> String {
    project.done(&["images", "-no-color"])
}

#[test]
fn a_precondition_is_judged_before_anything_of_its_image_is_begun() {
    let bad = lifecycle("precondition", "!startswith(image.base.id, \"img-\")");
    let project = project(&(image("base", "") + &WEB.replace("LIFECYCLE", &bad)));
    let planned = project.done(&["plan", "-out", "kept", "-no-color"]);
    assert!(planned.contains("Plan: 2 to build"), "{planned}");
    let (done, said) = apply(&project);
    assert!(
        !done && said.contains("a precondition of image.web does not hold"),
        "{said}"
    );
    assert!(
        said.contains("= note: is img-") && said.contains("main.bake.hcl"),
        "{said}"
    );
    let standing = images(&project);
    assert!(
        standing.contains("image.base") && !standing.contains("image.web"),
        "{standing}"
    );

    // What a plan can tell, it tells.
    let output = project.bake(&["plan", "-no-color"]).output().expect("bake starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("a precondition of image.web does not hold"), "{said}");

    // One that holds lets it be built; a plan file carries it.
    let good = lifecycle("precondition", "startswith(image.base.id, \"img-\")");
    rewrite(&project, &(image("base", "") + &WEB.replace("LIFECYCLE", &good)));
    project.done(&["destroy", "-auto-approve"]);
    project.done(&["plan", "-out", "kept"]);
    project.done(&["apply", "kept"]);
    assert!(images(&project).contains("image.web"));
}

#[test]
fn nothing_is_built_on_an_image_whose_postcondition_fails() {
    let bad = lifecycle("postcondition", "endswith(image.base.id, \"none\")");
    let check = "check \"size\" {\n  assert {\n    condition = image.base.id == \"small\"\n    error_message = \"not small\"\n  }\n}\n";
    let alone = image("alone", "");
    let module = image("base", &bad) + &WEB.replace("LIFECYCLE", "") + &alone + check;
    let project = project(&module);
    let (done, said) = apply(&project);
    assert!(
        !done && said.contains("a postcondition of image.base does not hold"),
        "{said}"
    );
    assert!(
        said.contains("warning: check \"size\" does not hold: not small"),
        "{said}"
    );
    let standing = images(&project);
    assert!(
        standing.contains("image.base") && standing.contains("image.alone"),
        "{standing}"
    );
    assert!(!standing.contains("image.web"), "{standing}");

    // A check alone stops nobody.
    let project = crate::bench::project(&(image("base", "") + check));
    let (done, said) = apply(&project);
    assert!(
        done && said.contains("check \"size\" does not hold: not small"),
        "{said}"
    );
}

#[test]
fn a_module_asks_of_what_it_is_given_when_that_is_known() {
    let module = "module \"web\" {\n  source = \"./web\"\n  base = image.base\n  id = image.base.id\n}\n";
    let project = project(&(image("base", "") + module));
    fs::create_dir(project.path().join("web")).expect("a directory");
    let variables = "variable \"base\" {}\nvariable \"id\" {\n  validation {\n    condition = startswith(var.id, \"ami-\")\n    \
                     error_message = \"${var.id} is no AMI\"\n  }\n}\n";
    let web = "image \"web\" {\n  source {\n    image = var.base\n  }\n}\n";
    project.write("web/web.bake.hcl", &format!("{variables}{web}"));
    let (done, said) = apply(&project);
    assert!(!done && said.contains("variable \"id\" has a bad value"), "{said}");
    assert!(
        said.contains("is no AMI") && said.contains("web/web.bake.hcl"),
        "{said}"
    );
    assert!(!images(&project).contains("image.web"));
    project.write(
        "web/web.bake.hcl",
        &format!("{}{web}", variables.replace("\"ami-\"", "\"img-\"")),
    );
    assert!(apply(&project).0);
    assert!(images(&project).contains("image.web"));
}
