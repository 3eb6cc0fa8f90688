//! Modules that need each other, as text, and what comes of them.

use crate::host::files;
use crate::lang::Value;
use crate::module::{LoadOptions, Module, load};

const MAIN: &str = r#"
variable "token" {
  sensitive = true
  default   = "TOKEN"
}
module "a" {
  source = "./a"
  x      = module.b.plain
  token  = var.token
}
module "b" {
  source   = "./b"
  for_each = toset(["one"])
  y        = "${module.a.plain} ${each.key}"
  hidden   = module.a.hidden
}
output "a" {
  value = module.a.both
}
output "b" {
  value = module.b["one"].both
}
output "hidden" {
  value     = module.b["one"].hidden
  sensitive = true
}
"#;

const A: &str = r#"
variable "x" {
  type = list(string)
  validation {
    condition     = local.words[0] == "b"
    error_message = "Only b will do."
  }
}
variable "token" {}
locals {
  words = var.x
}
output "plain" {
  value = "a"
}
output "both" {
  value = join(" ", concat(["a", "of"], var.x))
}
output "hidden" {
  value     = upper(var.token)
  sensitive = true
}
"#;

const B: &str = r#"
variable "y" {}
variable "hidden" {}
output "plain" {
  value = "b"
}
output "both" {
  value = "b of ${var.y}"
}
output "hidden" {
  value     = var.hidden
  sensitive = true
}
image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "login" {
    inline = ["login ${var.hidden}"]
  }
}
"#;

const B_IN_JSON: &str = r#"{
  "variable": { "y": {}, "hidden": {} },
  "output": {
    "plain": { "value": "b" },
    "both": { "value": "b of ${var.y}" },
    "hidden": { "value": "${var.hidden}", "sensitive": true }
  }
}"#;

/// The module that these files make; `x` takes the list that the call of `a` builds.
fn loaded(b: (&str, &str), token: &str) -> Module {
    let directory = tempfile::tempdir().unwrap();
    let main = MAIN
        .replace("module.b.plain", "[module.b[\"one\"].plain]")
        .replace("TOKEN", token);
    for (path, text) in [("main.bake.hcl", main.as_str()), ("a/a.bake.hcl", A), b] {
        let path = directory.path().join(path);
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::replace(&path, text.as_bytes()).unwrap();
    }
    let options = LoadOptions {
        directory: directory.path().to_owned(),
        workspace: "default".into(),
        ..LoadOptions::default()
    };
    load(&options).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn output<'m>(module: &'m Module, name: &str) -> &'m Value {
    let found = module.outputs.iter().find(|one| one.name == name);
    &found.expect("it is declared").value
}

#[test]
fn two_modules_may_need_different_outputs_of_each_other() {
    for b in [("b/b.bake.hcl", B), ("b/b.bake.json", B_IN_JSON)] {
        let module = loaded(b, "hunter2");
        assert_eq!(output(&module, "a").as_str(), Some("a of b"));
        assert_eq!(output(&module, "b").as_str(), Some("b of a one"));
        assert!(output(&module, "hidden").is_sensitive());
        assert_eq!(output(&module, "hidden").revealed().as_str(), Some("HUNTER2"));
        assert!(!output(&module, "b").contains_sensitive());
    }
}

#[test]
fn a_secret_that_comes_around_is_in_no_digest() {
    let digest = |token: &str| {
        let module = loaded(("b/b.bake.hcl", B), token);
        let recorded = module.images[0].object.recorded();
        let written = serde_json::to_string(&(&recorded, &module.inputs))
            .unwrap()
            .to_lowercase();
        assert!(!written.contains(token), "{written}");
        recorded.content("image", 1)
    };
    assert_eq!(digest("hunter2"), digest("hunter3"));
}
