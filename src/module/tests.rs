//! Modules as text, and what comes of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Assignment, LoadOptions, Module, load, secrets};
use crate::diagnostic::Diagnostics;
use crate::digest::Digest;
use crate::schema::RecordedArgument;
use crate::spec::{ImageSpec, Layout};

const ROOT: &str = r#"
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
"#;

fn at(directory: &Path) -> LoadOptions<'static> {
    LoadOptions {
        directory: directory.to_owned(),
        workspace: "default".into(),
        ..LoadOptions::default()
    }
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        #[expect(clippy::disallowed_methods, reason = "the tests lay out a module")]
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn module(text: &str) -> Module {
    let directory = directory(&[("a.bake.hcl", text), ("f.sh", "true\n"), ("g.sh", "true\n")]);
    whole(load(&at(directory.path())))
}

fn whole(loaded: Result<Module, Diagnostics>) -> Module {
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// An image `a` from scratch with more in its block.
fn image(more: &str) -> Arc<ImageSpec> {
    module(&format!("image \"a\" {{{ROOT}{more}\n}}")).images.remove(0)
}

fn content(spec: &ImageSpec) -> Digest {
    spec.object.recorded().content("image", 1)
}

fn step(spec: &ImageSpec, argument: &str) -> RecordedArgument {
    spec.steps[0]
        .object
        .recorded()
        .arguments
        .get(argument)
        .expect("it is written")
        .as_ref()
        .clone()
}

#[test]
fn writing_a_default_or_another_unit_changes_nothing() {
    let plain = image("provision \"shell\" \"s\" {\n inline = [\"true\"]\n }");
    let written = image(
        "fstab = true\n provision \"shell\" \"s\" {\n inline = [\"true\"]\n interpreter = [\"/bin/sh\", \"-e\"]\n timeout = \"90s\"\n user = null\n }",
    );
    assert_eq!(content(&plain), content(&written));
    let other = module(&format!("image \"a\" {{{}}}", ROOT.replace("64MiB", "65536KiB")));
    assert_eq!(content(&image("")), content(&other.images[0]));
    assert_ne!(content(&plain), content(&image("")));
}

#[test]
fn of_a_file_its_content_counts_and_not_its_name() {
    let of = |path: &str| image(&format!("provision \"shell\" \"s\" {{\n script = \"{path}\"\n }}"));
    assert_eq!(content(&of("f.sh")), content(&of("./g.sh")));
    let step = step(&of("f.sh"), "script");
    assert_eq!(step.files[0].text.as_deref(), Some("true\n"));
}

#[test]
fn build_values_enter_as_references_without_the_image() {
    let text = |name: &str| {
        format!(
            "image \"{name}\" {{{ROOT} provision \"local\" \"s\" {{\n inline = [\"ls ${{build.mount_path}}\"]\n }}\n}}"
        )
    };
    let (a, b) = (module(&text("a")), module(&text("b")));
    assert_eq!(content(&a.images[0]), content(&b.images[0]));
    let inline = step(&a.images[0], "inline");
    assert_eq!(inline.value, None);
    assert_eq!(inline.after.as_deref(), Some("image.a.build"));
}

#[test]
fn a_secret_is_known_by_its_revision() {
    let text = |value: &str, revision: u64| {
        let variable =
            format!("variable \"t\" {{\n sensitive = true\n default = \"{value}\"\n revision = {revision}\n}}\n");
        format!(
            "{variable}image \"a\" {{{ROOT} provision \"shell\" \"s\" {{\n inline = [\"echo ${{upper(var.t)}}\"]\n }}\n}}"
        )
    };
    let (one, other, raised) = (
        module(&text("hunter2", 1)),
        module(&text("hunter3", 1)),
        module(&text("hunter2", 2)),
    );
    assert_eq!(content(&one.images[0]), content(&other.images[0]));
    assert_ne!(content(&one.images[0]), content(&raised.images[0]));
    let inline = step(&one.images[0], "inline");
    assert!(inline.sensitive && inline.value.is_none());
    let written = serde_json::to_string(&(&one.images[0].object.recorded(), &one.inputs)).unwrap();
    assert!(!written.to_lowercase().contains("hunter2"), "{written}");

    let identity = one.images[0].steps[0].object.arguments[&"inline"]
        .identity
        .clone()
        .unwrap();
    let again = identity
        .resolve_with(&|_, _| None, &|name, _| one.secrets.get(name).cloned())
        .unwrap();
    assert_eq!(again.elements().unwrap()[0].as_str(), Some("echo HUNTER2"));
    assert!(again.contains_sensitive());
}

#[test]
fn secrets_are_asked_for_again_at_the_same_revision() {
    let directory = directory(&[(
        "a.bake.hcl",
        "variable \"t\" {\n sensitive = true\n type = string\n revision = 3\n}",
    )]);
    let given = LoadOptions {
        environment: [("BAKE_VAR_t".to_owned(), "x".to_owned())].into(),
        ..at(directory.path())
    };
    let found = secrets(&given, &[("t".to_owned(), 3)].into()).unwrap();
    assert_eq!(found["t"].as_str(), Some("x"));
    assert!(secrets(&given, &[("t".to_owned(), 2)].into()).is_err());
    assert!(secrets(&at(directory.path()), &[("t".to_owned(), 3)].into()).is_err());
}

#[test]
fn the_strongest_source_of_a_variable_wins() {
    let declared = "variable \"v\" {\n default = \"default\"\n}\noutput \"v\" {\n value = var.v\n}";
    let value = |options: &LoadOptions<'_>| whole(load(options)).outputs[0].value.as_str().unwrap().to_owned();
    let directory = directory(&[("a.bake.hcl", declared), ("x.hcl", "v = \"file\"")]);
    let add = |name: &str, text: &str| {
        #[expect(clippy::disallowed_methods, reason = "the tests lay out a module")]
        fs::write(directory.path().join(name), text).unwrap();
    };
    let mut options = at(directory.path());
    assert_eq!(value(&options), "default");
    options.environment.insert("BAKE_VAR_v".into(), "environment".into());
    assert_eq!(value(&options), "environment");
    add("bake.auto.bakevars.hcl", "v = \"bake.auto\"");
    assert_eq!(value(&options), "bake.auto");
    add("a.auto.bakevars.json", "{\"v\": \"a.auto\"}");
    assert_eq!(value(&options), "a.auto");
    options.variables.push(Assignment::Value {
        name: "v".into(),
        text: "line".into(),
    });
    assert_eq!(value(&options), "line");
    options.variables.push(Assignment::File(directory.path().join("x.hcl")));
    assert_eq!(value(&options), "file");
}

#[test]
fn for_each_unfolds_and_others_choose() {
    let text = format!(
        "image \"m\" {{\n for_each = {{ a = \"xfs\", b = \"ext4\" }}\n{ROOT} publish {{\n tags = {{ kind = each.value }}\n }}\n}}
         image \"z\" {{\n for_each = image.m\n source {{\n image = each.value\n }}\n depends_on = [image.m]\n}}
         output \"o\" {{\n value = {{ for key, one in image.m : key => one.ids }}\n}}"
    );
    let module = module(&text);
    let addresses: Vec<String> = module.images.iter().map(|image| image.address.to_string()).collect();
    assert_eq!(
        addresses,
        ["image.m[\"a\"]", "image.m[\"b\"]", "image.z[\"a\"]", "image.z[\"b\"]"]
    );
    assert_eq!(module.images[3].source.base().unwrap().to_string(), "image.m[\"b\"]");
    assert_eq!(module.images[3].depends_on.len(), 2);
    assert_eq!(module.outputs[0].value.leaves().len(), 2);
}

#[test]
fn what_is_left_out_is_filled_in() {
    let text = "image \"a\" {\n scratch {}\n volume \"d\" {\n size = \"1GiB\"\n partition \"r\" {\n filesystem = \"ext4\"\n mount = \"/\"\n }\n }\n}";
    let image = module(text).images.remove(0);
    let Some(Layout::Table { partitions, .. }) = &image.volumes[0].layout else {
        panic!("a volume with partitions has a table")
    };
    assert_eq!(partitions[0].kind.value, "linux-root");
    assert_eq!(partitions[0].size, None);
    assert!(image.fstab);
    let from = module("image \"a\" {\n source {\n file = \"f.sh\"\n }\n}")
        .images
        .remove(0);
    assert_eq!(from.volumes[0].name.value, "root");
    assert!(from.volumes[0].grow && !from.fstab && from.volumes[0].layout.is_none());
}

#[test]
fn a_step_that_is_switched_off_is_not_there() {
    let off = image("provision \"shell\" \"s\" {\n inline = [\"true\"]\n when = 1 > 2\n }");
    assert!(off.steps.is_empty());
    assert_eq!(content(&off), content(&image("")));
}

#[test]
fn everything_that_was_read_is_an_input() {
    let module = module(
        "variable \"v\" {\n default = [1]\n}\nlocals {\n x = file(\"g.sh\")\n}\nimage \"a\" {\n source {\n file = \"f.sh\"\n }\n}",
    );
    let files: Vec<_> = module.inputs.files.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(files, ["a.bake.hcl", "f.sh", "g.sh"]);
    assert_eq!(module.inputs.variables["v"], serde_json::json!([1]));
}

#[test]
fn a_module_in_json_is_the_same_module() {
    let native = r#"
variable "who" {
  type    = string
  default = "world"
}
locals { names = [for name in [var.who] : upper(name)] }
image "a" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "greet" {
    inline = ["echo \"hello ${local.names[0]}\"", "echo $${HOME}"]
  }
  provision "file" "note" {
    content     = "line\n"
    destination = "/note"
  }
}
image "b" {
  source { image = image.a }
  publish { tags = { of = image.a.digest } }
  depends_on = [image.a]
}
output "b" { value = image.b.id }
"#;
    let json = r#"{
  "//": "the same",
  "variable": {"who": {"type": "string", "default": "world"}},
  "locals": {"names": "${[for name in [var.who] : upper(name)]}"},
  "image": [
    {"a": {
      "scratch": {},
      "volume": {"root": {"size": "64MiB", "filesystem": "ext4", "mount": "/"}},
      "provision": [
        {"shell": {"greet": {"inline": ["echo \"hello ${local.names[0]}\"", "echo $${HOME}"]}}},
        {"file": {"note": {"content": "line\n", "destination": "/note"}}}
      ]
    }},
    {"b": {
      "source": {"image": "image.a"},
      "publish": {"tags": {"of": "${image.a.digest}"}},
      "depends_on": ["image.a"]
    }}
  ],
  "output": {"b": {"value": "${image.b.id}"}}
}"#;
    let loaded = |name: &str, text: &str| {
        let directory = directory(&[(name, text)]);
        whole(load(&at(directory.path())))
    };
    let (native, json) = (loaded("a.bake.hcl", native), loaded("a.bake.json", json));
    let recorded = |module: &Module| -> Vec<_> {
        let all = module.images.iter();
        all.map(|spec| (spec.address.clone(), spec.object.recorded())).collect()
    };
    assert_eq!(recorded(&native), recorded(&json));
    assert_eq!(native.outputs[0].value, json.outputs[0].value);
}

#[test]
fn the_clock_is_no_part_of_what_is_built() {
    let bad = |more: &str| {
        let directory = directory(&[("a.bake.hcl", &format!("image \"a\" {{{ROOT}{more}\n}}"))]);
        format!(
            "{:?}",
            load(&at(directory.path())).expect_err("the clock decides the content")
        )
    };
    let said = bad("provision \"shell\" \"s\" {\n inline = [\"echo ${timestamp()}\"]\n}");
    assert!(said.contains("timestamp gives another value each time"), "{said}");
    assert!(bad("volume \"data\" {\n size = uuid()\n}").contains("uuid gives another value each time"));
    // What is compared is the call.
    let described = || image("description = \"built ${timestamp()}\"");
    let one = described().object.recorded();
    assert_eq!(one, described().object.recorded());
    assert!(one.arguments.get("description").expect("it is written").value.is_none());
    assert_ne!(one, image("description = \"made ${timestamp()}\"").object.recorded());
}

#[test]
fn the_environment_is_read_in_defaults_only() {
    let with = |place: &str, more: &str| {
        let text =
            format!("variable \"v\" {{\n default = {place}\n}}\nimage \"a\" {{{ROOT}\n description = {more}\n}}");
        let directory = directory(&[("a.bake.hcl", &text)]);
        load(&at(directory.path()))
    };
    let path = std::env::var("PATH").unwrap();
    let module = whole(with("env(\"PATH\")", "var.v"));
    let recorded = module.images[0].object.recorded();
    assert_eq!(
        recorded.arguments.get("description").expect("it is written").value,
        Some(path.into())
    );
    let said = format!("{:?}", with("1", "env(\"PATH\")").unwrap_err());
    assert!(said.contains("in the default of a variable only"), "{said}");
}

const WRITTEN: &str = r#"
  volume "data" {
    size            = "64MiB"
    partition_table = "gpt"
    partition "a" {
      size       = "16MiB"
      filesystem = "ext4"
      mount      = "/srv/a"
    }
    partition "b" {
      size       = "100%"
      filesystem = "ext4"
      mount      = "/srv/b"
    }
  }
  provision "shell" "one" {
    inline = ["echo one of 0"]
    env    = { N = "0" }
  }
  provision "shell" "two" {
    inline = ["echo two of 1"]
    env    = { N = "1" }
  }
  provision "file" "last" {
    content     = "x"
    destination = "/x"
  }
"#;

const DYNAMIC: &str = r#"
  dynamic "volume" {
    for_each = { data = { a = "16MiB", b = "100%" } }
    labels   = [volume.key]
    content {
      size            = "64MiB"
      partition_table = "gpt"
      dynamic "partition" {
        for_each = volume.value
        iterator = one
        labels   = [one.key]
        content {
          size       = one.value
          filesystem = "ext4"
          mount      = "/srv/${one.key}"
        }
      }
    }
  }
  dynamic "provision" {
    for_each = ["one", "two"]
    labels   = ["shell", provision.value]
    content {
      inline = ["echo ${provision.value} of ${provision.key}"]
      env    = { for name in ["N"] : name => provision.key }
    }
  }
  dynamic "provision" {
    for_each = toset([])
    labels   = ["shell", "never"]
    content {}
  }
  provision "file" "last" {
    content     = "x"
    destination = "/x"
  }
"#;

#[test]
fn dynamic_blocks_are_the_blocks_that_they_stand_for() {
    let (written, dynamic) = (image(WRITTEN), image(DYNAMIC));
    assert_eq!(content(&written), content(&dynamic));
    assert_eq!(written.object.recorded(), dynamic.object.recorded());
}

#[test]
fn dynamic_blocks_are_written_in_json() {
    let hcl = format!("image \"a\" {{{ROOT}{DYNAMIC}\n}}");
    let json = r#"{"image": {"a": {
      "scratch": {},
      "volume": {"root": {"size": "64MiB", "filesystem": "ext4", "mount": "/"}},
      "dynamic": [
        {"volume": {
          "for_each": {"data": {"a": "16MiB", "b": "100%"}},
          "labels": ["${volume.key}"],
          "content": {
            "size": "64MiB", "partition_table": "gpt",
            "dynamic": {"partition": {
              "for_each": "${volume.value}", "iterator": "one", "labels": ["${one.key}"],
              "content": {"size": "${one.value}", "filesystem": "ext4", "mount": "/srv/${one.key}"}}}}}},
        {"provision": {
          "for_each": ["one", "two"], "labels": ["shell", "${provision.value}"],
          "content": {"inline": ["echo ${provision.value} of ${provision.key}"], "env": {"N": "${provision.key}"}}}}],
      "provision": {"file": {"last": {"content": "x", "destination": "/x"}}}}}}"#;
    let directory = directory(&[("a.bake.json", json)]);
    let json = whole(load(&at(directory.path())));
    let hcl = module(&hcl);
    assert_eq!(json.images[0].object.recorded(), hcl.images[0].object.recorded());
}

#[test]
fn a_secret_in_a_dynamic_block_is_no_part_of_what_is_hashed() {
    let of = |secret: &str, revision: u64| {
        let text = format!(
            r#"variable "token" {{
              default   = "{secret}"
              sensitive = true
              revision  = {revision}
            }}
            image "a" {{{ROOT}
              dynamic "provision" {{
                for_each = {{ a = var.token }}
                labels   = ["shell", provision.key]
                content {{
                  inline = ["true"]
                  env    = {{ TOKEN = provision.value }}
                }}
              }}
            }}"#
        );
        let module = module(&text);
        let env = step(&module.images[0], "env");
        assert!(env.sensitive && env.value.is_none());
        env.digest
    };
    assert_eq!(of("tell-nobody", 1), of("another", 1));
    assert_ne!(of("tell-nobody", 1), of("tell-nobody", 2));
}
