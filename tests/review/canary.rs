//! A secret through every way into bake, through a real apply, looked for in all that bake writes and prints. Needs root.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use super::project::{Project, text};
use super::stream;

/// The ways in; each has a secret of its own, so that a find says which it was.
const WAYS: &[&str] = &[
    "default",
    "flag",
    "file_hcl",
    "file_json",
    "auto",
    "environment",
    "prompt",
    "ephemeral",
    "program",
    "content",
];

/// With characters that JSON, a URL and a shell write in another way.
fn secret(way: &str, set: &str) -> String {
    format!("Kanari+\"{set}/{way}\" ö%")
}

/// The secret of a way as a text of the language.
fn quoted(way: &str, set: &str) -> String {
    serde_json::Value::from(secret(way, set)).to_string()
}

/// A module that uses all of them where a secret may stand; its variables are declared in JSON, its images in HCL.
fn project(set: &str) -> Project {
    let mut variables = serde_json::Map::new();
    for way in &WAYS[..8] {
        let mut one = serde_json::json!({ "type": "string", "sensitive": true, "description": "needed" });
        if *way == "default" {
            one["default"] = secret(way, set).into();
        }
        if *way == "ephemeral" {
            one["ephemeral"] = true.into();
        }
        variables.insert((*way).to_owned(), one);
    }
    let env: Vec<_> = WAYS[..7]
        .iter()
        .map(|way| format!("      S_{way} = var.{way}\n"))
        .collect();
    let step = format!(
        "  provision \"shell\" \"use\" {{\n    inline = [\"echo \\\"$S_flag\\\" $S_prompt\", \"echo $S_content $S_program\"]\n    \
         env = {{\n{}      S_program = local.program\n      S_content = local.content\n    }}\n  }}\n",
        env.concat()
    );
    let more = "locals {\n  content = sensitive(file(\"secret.txt\"))\n  program = data.external.p.result.s\n}\n\
                data \"external\" \"p\" {\n  program = [\"./answer\"]\n  query = { q = var.flag, e = var.ephemeral }\n}\n\
                output \"secret\" {\n  value = local.content\n  sensitive = true\n}\n";
    let project = stream::project(&(stream::module(&step) + more));
    project.write("v.bake.json", &serde_json::json!({ "variable": variables }).to_string());
    project.write("secret.txt", &secret("content", set));
    project.write(
        "answer",
        &format!(
            "#!/bin/sh\nprintf '%s' '{}'\n",
            serde_json::json!({ "s": secret("program", set) })
        ),
    );
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(project.path().join("answer"), executable).expect("it was written");
    project.write("x.auto.bakevars.hcl", &format!("auto = {}\n", hcl("auto", set)));
    project.write("f.hcl", &format!("file_hcl = {}\n", hcl("file_hcl", set)));
    project.write(
        "g.json",
        &serde_json::json!({ "file_json": secret("file_json", set) }).to_string(),
    );
    project
}

fn hcl(way: &str, set: &str) -> String {
    quoted(way, set).replace("${", "$${").replace("%{", "%%{")
}

/// bake with all of them given; those for which there is a prompt are typed at a terminal, if `typed`.
fn bake(project: &Project, set: &str, arguments: &[&str]) -> Output {
    let given = [
        format!("flag={}", secret("flag", set)),
        format!("ephemeral={}", secret("ephemeral", set)),
    ];
    let given = [
        "-var",
        &given[0],
        "-var",
        &given[1],
        "-var-file",
        "f.hcl",
        "-var-file",
        "g.json",
    ];
    let mut bake = project.bake(&[arguments, &given].concat());
    bake.env("BAKE_VAR_environment", secret("environment", set));
    bake.env("BAKE_VAR_prompt", secret("prompt", set));
    bake.env("HOME", project.path().join("home"));
    bake.output().expect("bake starts")
}

/// The forms of a secret that are looked for.
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine;
    let json = serde_json::Value::from(secret).to_string();
    let url: String = secret
        .bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        url,
        hex.to_uppercase(),
        hex,
        base64,
    ]
}

fn assert_clean(bytes: &[u8], set: &str, place: &str) {
    let said = String::from_utf8_lossy(bytes);
    for way in WAYS {
        for form in forms(&secret(way, set)) {
            assert!(
                !said.contains(&form),
                "{place} holds the secret of {way} as {form:?}:\n{said}"
            );
        }
    }
}

fn clean_run(project: &Project, set: &str, arguments: &[&str], code: i32) -> String {
    let output = bake(project, set, arguments);
    let said = text(&[output.stdout, output.stderr].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert_clean(said.as_bytes(), set, &format!("{arguments:?}"));
    said
}

/// Every file under `.bake` but the disks, which hold what the module puts into them.
fn look(directory: &Path, set: &str, seen: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match entry.file_type().expect("a type").is_dir() {
            true if name == "snapshots" || name == "volumes" => {}
            true => look(&path, set, seen),
            false => {
                assert_clean(&fs::read(&path).expect("a file"), set, &path.display().to_string());
                seen.push(name);
            }
        }
    }
}

#[test]
fn a_secret_is_in_nothing_that_is_printed_or_kept() {
    let (set, project) = ("one", project("one"));
    for format in ["text", "json", "markdown", "html", "github", "sarif"] {
        clean_run(&project, set, &["plan", "-format", format], 0);
    }
    clean_run(&project, set, &["plan", "-out", "kept"], 0);
    assert_clean(
        &fs::read(project.path().join("kept")).expect("a plan file"),
        set,
        "the plan file",
    );
    clean_run(&project, set, &["graph"], 0);
    for wrong in ["-target=image.none", "-var=nobody=1"] {
        clean_run(&project, set, &["plan", wrong], 1);
    }
    let said = clean_run(&project, set, &["apply", "-auto-approve", "-json"], 0);
    assert!(said.contains("\"output\""), "the step has said something: {said}");
    let mut seen = Vec::new();
    look(&project.path().join(".bake"), set, &mut seen);
    assert!(
        seen.iter().any(|name| name.ends_with(".log")),
        "logs are looked at: {seen:?}"
    );
    assert!(
        seen.iter().any(|name| name.ends_with(".json")),
        "manifests are looked at: {seen:?}"
    );
    clean_run(&project, set, &["images", "-json"], 0);
    clean_run(&project, set, &["output"], 0);
    let lock = project.path().join("bake.lock.hcl");
    if lock.exists() {
        assert_clean(&fs::read(lock).expect("the lock file"), set, "the lock file");
    }
}

#[test]
fn a_secret_that_is_typed_is_not_shown() {
    let (set, project) = ("one", project("one"));
    let secret = secret("prompt", set);
    let given = "-var flag=x -var ephemeral=x -var file_hcl=x -var file_json=x -var environment=x";
    let command = format!("{} plan -no-color {given}", env!("CARGO_BIN_EXE_bake"));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(project.path());
    let mut script = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let mut typed = script.stdin.take().expect("it was asked for");
    // Typed when bake has turned off the echo, as a person does, who sees the question first.
    std::thread::sleep(std::time::Duration::from_secs(1));
    typed.write_all(format!("{secret}\n").as_bytes()).expect("it is read");
    let output = script.wait_with_output().expect("script ends");
    let said = text(&output.stdout);
    assert!(said.contains("prompt") && said.contains("Plan: 2 to build"), "{said}");
    assert_clean(said.as_bytes(), set, "the terminal");
}

#[test]
fn no_digest_follows_a_secret() {
    let digests = |set: &str| {
        let project = project(set);
        let json = bake(&project, set, &["plan", "-json"]);
        let plan: serde_json::Value =
            serde_json::from_slice(&json.stdout).unwrap_or_else(|_| panic!("{}", text(&json.stderr)));
        assert_eq!(plan["resource_changes"][0]["action"], "build", "{plan}");
        plan["resource_changes"].to_string()
    };
    assert_eq!(digests("one"), digests("two"));
}
