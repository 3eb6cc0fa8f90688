//! Modules that call modules, built, changed and moved.

use std::fs;

use crate::bench::*;
use crate::support::{Project, Traces};

const MAIN: &str = r#"
variable "token" {
  sensitive = true
  revision  = 1
}

module "bases" {
  source = "./bases"
  token  = var.token
}

module "web" {
  source   = "./web"
  for_each = { eu = "hello", us = "howdy" }
  base     = module.bases.image
  greeting = "${each.value} ${each.key}, ${module.bases.text}"
}

output "ids" {
  value = { for key, one in module.web : key => one.id }
}
"#;

/// A module that only passes on what the one below it says.
const BASES: &str = r#"
variable "token" {
  sensitive = true
}
module "tiny" {
  source = "../tiny"
  token  = var.token
}
output "image" {
  value = module.tiny.image
}
output "text" {
  value = module.tiny.text
}
"#;

const WEB: &str = r#"
variable "base" {}
variable "greeting" {
  type = string
}
image "web" {
  source {
    image = var.base
  }
  provision "file" "motd" {
    content     = var.greeting
    destination = "/greeting"
  }
}
output "id" {
  value = image.web.id
}
"#;

fn project() -> Project {
    let project = Project::new(MAIN);
    for directory in ["bases", "tiny/files", "web"] {
        fs::create_dir_all(project.path().join(directory)).expect("a directory");
    }
    project.write("secret.auto.bakevars.hcl", "token = \"c4n4ry\"\n");
    project.write("bases/bases.bake.hcl", BASES);
    project.write("web/web.bake.hcl", WEB);
    let token = "variable \"token\" {\n  sensitive = true\n}\n";
    let secret = "  provision \"file\" \"token\" {\n    content = var.token\n    destination = \"/token\"\n  }\n\
                  provision \"file\" \"text\" {\n    source = \"files/text\"\n    destination = \"/text\"\n  }\n";
    let outputs = "output \"image\" {\n  value = image.tiny\n}\noutput \"text\" {\n  value = trimspace(file(\"files/text\"))\n}\n";
    project.write(
        "tiny/tiny.bake.hcl",
        &format!("{token}{}{outputs}", image("tiny", secret)),
    );
    project.write("tiny/files/text", "from the deep\n");
    make_root(&project.path().join("tiny/root.tar"));
    project
}

#[test]
fn modules_are_built_with_what_they_say_to_each_other() {
    let project = project();
    let said = project.done(&["plan", "-out", "plan", "-no-color"]);
    assert!(said.contains("Plan: 3 to build"), "{said}");
    project.done(&["apply", "plan", "-no-color"]);
    Traces::wait_until_none(project.path());
    let eu = "module.web[\"eu\"].image.web";
    assert_eq!(file_in(&project, eu, "/greeting"), "hello eu, from the deep");
    assert_eq!(file_in(&project, eu, "/token"), "c4n4ry");
    assert_eq!(file_in(&project, eu, "/text"), "from the deep\n");
    assert!(project.done(&["plan", "-no-color"]).contains("No changes. 3 images"));
    let said = project.done(&["images", "-no-color"]);
    assert!(said.contains("module.bases.module.tiny.image.tiny"), "{said}");

    // The secret is nowhere but in the images.
    let kept = sh(
        "grep -rl c4n4ry . | grep -v -e '\\.raw$' -e '^./secret.auto' || true",
        project.path(),
    );
    assert_eq!(kept, "");

    // A file of a module below is an input of the plan; what it changes is built anew, and nothing else.
    project.done(&["plan", "-out", "plan"]);
    project.write("tiny/files/text", "from the depth\n");
    let refused = project
        .bake(&["apply", "plan"])
        .env("BAKE_VAR_token", "c4n4ry")
        .output()
        .expect("bake starts");
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("tiny/files/text"), "{why}");
    project.write("tiny/files/text", "from the deep\n");
    project.write(
        "web/web.bake.hcl",
        &WEB.replace("content     = var.greeting", "content     = \"${var.greeting}!\""),
    );
    let only = ["plan", "-no-color", "-target", eu];
    assert!(project.done(&only).contains("1 to replace"));

    // Another revision of the secret reaches the module that uses it.
    project.write("web/web.bake.hcl", WEB);
    rewrite(&project, &MAIN.replace("revision  = 1", "revision  = 2"));
    assert!(project.done(&["plan", "-no-color"]).contains("3 to replace"));

    // What is not called any more is destroyed.
    rewrite(
        &project,
        &MAIN.replace("{ eu = \"hello\", us = \"howdy\" }", "{ eu = \"hello\" }"),
    );
    assert!(project.done(&["plan", "-no-color"]).contains("1 to destroy"));
}

#[test]
fn what_a_module_calls_secret_is_in_no_plan_file() {
    let main = image("first", "")
        + "module \"web\" {\n  source = \"./web\"\n  given = { id = image.first.id, password = \"c4n4ry\" }\n}\n";
    let project = crate::bench::project(&main);
    fs::create_dir_all(project.path().join("web")).expect("a directory");
    let step =
        "  provision \"shell\" \"use\" {\n    inline = [\"true\"]\n    env = { PASSWORD = var.given.password }\n  }\n";
    let web = format!("variable \"given\" {{\n  sensitive = true\n}}\n{}", image("web", step));
    project.write("web/web.bake.hcl", &web.replace("root.tar", "../root.tar"));
    project.done(&["plan", "-out", "plan"]);
    let kept = fs::read_to_string(project.path().join("plan")).expect("a plan file");
    assert!(kept.contains("PASSWORD") || kept.contains("provision"), "{kept}");
    assert!(!kept.contains("c4n4ry"), "the secret is in the plan file");
}

#[test]
fn a_whole_module_is_a_target_and_is_moved() {
    let call = |name: &str| format!("module \"{name}\" {{\n  source = \"./tiny\"\n}}\n");
    let project = crate::bench::project(&(image("other", "") + &call("old")));
    fs::create_dir_all(project.path().join("tiny")).expect("a directory");
    let tiny = image("a", "") + &image("b", "");
    project.write("tiny/tiny.bake.hcl", &tiny.replace("root.tar", "../root.tar"));
    let said = project.done(&["apply", "-auto-approve", "-no-color", "-target", "module.old"]);
    assert!(said.contains("Plan: 2 to build"), "{said}");
    let moved = "moved {\n  from = module.old\n  to = module.new\n}\n";
    rewrite(&project, &(image("other", "") + &call("new") + moved));
    let said = project.done(&["plan", "-no-color", "-exclude", "image.other"]);
    assert!(said.contains("0 to build") && said.contains("2 to update"), "{said}");
    project.done(&["apply", "-auto-approve", "-exclude", "image.other"]);
    let said = project.done(&["images", "-no-color"]);
    assert!(
        said.contains("module.new.image.a") && !said.contains("module.old"),
        "{said}"
    );
    let output = project
        .bake(&["plan", "-target", "module.none"])
        .output()
        .expect("bake starts");
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(why.contains("-target=module.none: there is no such module"), "{why}");
}
