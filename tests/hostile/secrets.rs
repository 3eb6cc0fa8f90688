//! A secret through every way into a module, looked for in everything that planning writes.

use std::fs;

use crate::bench::Bench;

const VARIABLES: &[&str] = &[
    "from_default",
    "from_flag",
    "from_file",
    "from_environment",
    "from_auto",
];

/// A module in which all of them are used wherever a secret may stand.
fn module() -> Bench {
    let steps = "  hook \"after_mount\" {\n    inline = [\"true\"]\n    env = { S = local.all }\n  }\n  \
                 provision \"shell\" \"a\" {\n    inline = [\"echo ${local.all}\"]\n    env = { S = local.all }\n  }\n  \
                 provision \"file\" \"b\" {\n    content = templatefile(\"t.tpl\", { s = local.all })\n    \
                 destination = \"/etc/b\"\n  }";
    let bench = Bench::with_image(steps);
    let mut text = fs::read_to_string(bench.at("a.bake.hcl")).expect("written before");
    for name in VARIABLES {
        let default = match *name {
            "from_default" => "  default = \"CANARY0default\"\n",
            _ => "",
        };
        text += &format!("variable \"{name}\" {{\n  type = string\n  sensitive = true\n{default}}}\n");
    }
    let all: Vec<_> = VARIABLES.iter().map(|name| format!("${{var.{name}}}")).collect();
    text += &format!("locals {{\n  all = \"{}\"\n}}\n", all.join("/"));
    text += "output \"all\" {\n  value = local.all\n  sensitive = true\n}\n";
    bench.write("a.bake.hcl", text.as_bytes());
    bench.write("t.tpl", b"secret=${s}\n");
    bench.write("x.auto.bakevars.hcl", b"from_auto = \"CANARY1auto\"\n");
    bench.write("f.hcl", b"from_file = \"CANARY2file\"\n");
    bench
}

const GIVEN: &[&str] = &["-var", "from_flag=CANARY3flag", "-var-file", "f.hcl"];

fn said(bench: &Bench, arguments: &[&str], code: i32) -> String {
    let output = bench.bake(arguments);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

#[test]
fn nothing_that_a_plan_writes_holds_a_secret() {
    let bench = module();
    for command in [&["plan"][..], &["plan", "-json"], &["plan", "-out", "kept"], &["graph"]] {
        let text = said(&bench, &[command, GIVEN].concat(), 0);
        assert!(!text.contains("CANARY"), "{command:?}: {text}");
    }
    let shown = said(&bench, &["show", "kept"], 0);
    assert!(shown.contains("image.m") && !shown.contains("CANARY"), "{shown}");
    let kept = fs::read(bench.at("kept")).expect("a plan file");
    assert!(!String::from_utf8_lossy(&kept).contains("CANARY"));
}

#[test]
fn a_digest_does_not_follow_a_secret() {
    let bench = module();
    let digest = |flag: &str| {
        let text = said(&bench, &["plan", "-var", flag, "-var-file", "f.hcl"], 0);
        let line = text.lines().find(|line| line.contains("digest")).map(str::to_owned);
        line.expect("the plan shows a digest")
    };
    assert_eq!(digest("from_flag=CANARY3flag"), digest("from_flag=other"));
}

#[test]
fn a_secret_does_not_become_part_of_the_record() {
    for argument in [
        "description = var.s",
        "name = var.s",
        "publish {\n    tags = { a = var.s }\n  }",
    ] {
        let bench = Bench::with_image(argument);
        let text = fs::read_to_string(bench.at("a.bake.hcl")).expect("written before");
        let variable = "variable \"s\" {\n  type = string\n  sensitive = true\n  default = \"CANARY\"\n}\n";
        bench.write("a.bake.hcl", format!("{text}{variable}").as_bytes());
        let refused = bench.refused();
        assert!(
            refused.contains("may not be sensitive") && !refused.contains("CANARY"),
            "{refused}"
        );
    }
}

#[test]
fn errors_do_not_repeat_a_secret() {
    let bench = module();
    for wrong in ["from_flag={CANARY", "other=CANARY"] {
        let output = bench.bake(&["plan", "-var", wrong, "-var-file", "f.hcl", "-target", "image.none"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.contains("CANARY"), "{text}");
    }
    let number = Bench::new("variable \"n\" {\n  type = number\n  sensitive = true\n}\n");
    let text = said(&number, &["plan", "-var", "n=CANARY"], 1);
    assert!(!text.contains("CANARY"), "{text}");
}
