//! A secret through every way into bake, through a real apply, looked for in all that bake writes and prints. Needs root.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
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
    "http",
    "within",
    "literal",
    "template",
    "handed_in",
    "handed_out",
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
    // What the step prints of a longer text is the secret in it alone.
    let step = format!(
        "  provision \"shell\" \"use\" {{\n    inline = [\"echo \\\"$S_flag\\\" $S_prompt\", \"echo $S_content $S_program\", \
         \"for s in \\\"$S_within\\\" \\\"$S_literal\\\" \\\"$S_template\\\" \\\"$S_http\\\"; do s=$${{s#*<}}; echo \\\"$${{s%>*}}\\\"; done\", \
         \"echo \\\"$S_in\\\" \\\"$S_out\\\"\"]\n    \
         env = {{\n{}      S_program = local.program\n      S_content = local.content\n      S_within = local.within\n      \
         S_literal = local.literal\n      S_template = local.template\n      S_http = local.http\n      S_in = module.m.given\n      \
         S_out = module.m.made\n    }}\n  }}\n",
        env.concat()
    );
    // An argument that is nothing but a secret, and that no variable stands for.
    let alone = "  provision \"file\" \"alone\" {\n    content = sensitive(file(\"secret.txt\"))\n    destination = \"/etc/alone\"\n  }\n";
    let step = step + alone;
    let address = serve(&secret("http", set));
    let more = format!(
        "locals {{\n  within = \"user <${{sensitive(trimspace(file(\"within.txt\")))}}> behind\"\n  literal = \"<${{sensitive({})}}>\"\n  \
         template = templatefile(\"t.tpl\", {{ s = sensitive(file(\"template.txt\")) }})\n  \
         http = \"<${{sensitive(data.http.key.body)}}>\"\n}}\n\
         data \"http\" \"key\" {{\n  url = \"http://{address}/\"\n}}\n\
         module \"m\" {{\n  source = \"./m\"\n  given = sensitive(file(\"handed_in.txt\"))\n}}\n",
        hcl("literal", set)
    );
    let more = more
        + "locals {\n  content = sensitive(file(\"secret.txt\"))\n  program = data.external.p.result.s\n}\n\
                data \"external\" \"p\" {\n  program = [\"./answer\"]\n  query = { q = var.flag, e = var.ephemeral }\n}\n\
                output \"secret\" {\n  value = local.content\n  sensitive = true\n}\n";
    let project = stream::project(&(stream::module(&step) + &more));
    for way in ["within", "template", "handed_in"] {
        project.write(&format!("{way}.txt"), &secret(way, set));
    }
    project.write("t.tpl", "a line <${s}> of a file\n");
    fs::create_dir(project.path().join("m")).expect("a new directory");
    project.write("m/handed_out.txt", &secret("handed_out", set));
    project.write(
        "m/m.bake.hcl",
        "variable \"given\" {\n  type = string\n}\noutput \"given\" {\n  value = \"in ${var.given} in\"\n  sensitive = true\n}\n\
         output \"made\" {\n  value = trimspace(file(\"handed_out.txt\"))\n  sensitive = true\n}\n",
    );
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

/// Answers every request with this text, as long as the test runs.
fn serve(text: &str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
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

/// Each is wrong in a way that has the secret at hand when it is said.
#[test]
fn what_is_wrong_says_no_secret() {
    let (set, project) = ("one", project("one"));
    let module = fs::read_to_string(project.path().join("main.bake.hcl")).expect("it was written");
    project.write("spill", "#!/bin/sh\ncat >&2\nexit 1\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(project.path().join("spill"), executable).expect("it was written");
    for (wrong, words) in [
        (
            "data \"external\" \"w\" {\n  program = [\"./spill\"]\n  query = { q = local.within }\n}\n",
            "spill failed",
        ),
        (
            "data \"http\" \"w\" {\n  url = \"http://127.0.0.1:1/${sensitive(trimspace(file(\"within.txt\")))}\"\n}\n",
            "127.0.0.1",
        ),
        (
            "provider \"local\" {\n  store = local.content\n}\n",
            "may not be sensitive",
        ),
        ("output \"w\" {\n  value = local.within\n}\n", "sensitive"),
        (
            "output \"w\" {\n  value = tonumber(local.literal)\n  sensitive = true\n}\n",
            "tonumber",
        ),
        (
            "check \"w\" {\n  assert {\n    condition = local.within == \"\"\n    error_message = \"not ${local.within}\"\n  }\n}\n",
            "does not hold",
        ),
    ] {
        project.write("main.bake.hcl", &(module.clone() + wrong));
        let output = bake(&project, set, &["plan"]);
        let said = text(&[output.stdout, output.stderr].concat());
        assert!(said.contains(words), "{wrong}: {said}");
        assert_clean_but_for_excerpts(&said, set, wrong);
    }
}

/// The text of the module itself, with the line that is meant, is shown as it stands there: `sensitive("literal")` too.
fn assert_clean_but_for_excerpts(said: &str, set: &str, place: &str) {
    let is_excerpt = |line: &&str| {
        let front = line.split('|').next().unwrap_or_default().trim();
        line.contains('|') && front.chars().all(|c| c.is_ascii_digit())
    };
    let lines: Vec<&str> = said.lines().filter(|line| !is_excerpt(line)).collect();
    assert_clean(lines.join("\n").as_bytes(), set, place);
}

/// The environment of Ansible, with its other arguments, as a plan shows and keeps it.
#[test]
fn what_ansible_is_given_is_not_shown() {
    let (set, project) = ("one", project("one"));
    let module = fs::read_to_string(project.path().join("main.bake.hcl")).expect("it was written");
    fs::create_dir(project.path().join("play")).expect("a new directory");
    project.write("play/site.yml", "- hosts: all\n");
    let step = "  provision \"ansible\" \"play\" {\n    directory = \"play\"\n    env = { A = local.within, B = local.http }\n    \
                extra_vars = { c = local.template, d = module.m.made }\n    arguments = [\"--extra-vars\", local.literal]\n  }\n";
    let module = module.replacen(
        "  provision \"shell\" \"use\"",
        &format!("{step}  provision \"shell\" \"use\""),
        1,
    );
    project.write("main.bake.hcl", &module);
    for format in ["text", "json", "markdown", "html", "github", "sarif"] {
        clean_run(&project, set, &["plan", "-format", format], 0);
    }
    clean_run(&project, set, &["plan", "-out", "kept"], 0);
    let kept = fs::read(project.path().join("kept")).expect("a plan file");
    assert_clean(&kept, set, "the plan file");
}

#[test]
fn no_digest_of_a_file_that_is_read_as_a_secret_is_kept() {
    let (set, project) = ("one", project("one"));
    clean_run(&project, set, &["plan", "-out", "kept"], 0);
    let kept = text(&fs::read(project.path().join("kept")).expect("a plan file"));
    assert!(kept.contains("\"t.tpl\""), "files that are read are named: {kept}");
    for name in ["within.txt", "template.txt", "handed_in.txt", "secret.txt"] {
        assert!(
            !kept.contains(name),
            "{name}: its digest would give a short secret away"
        );
    }
}
