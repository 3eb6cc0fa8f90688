//! Roles that want the code of an MFA device: asked for on a terminal, never shown, never kept, and refused elsewhere.

use std::fs;

use serde_json::json;

use crate::bench::{Bench, both, from_scratch};
use crate::lab::Lab;
use crate::pty::Pty;

const SERIAL: &str = "arn:aws:iam::111122223333:mfa/builder";
/// What the lab takes.
const CODE: &str = "123456";

fn module() -> String {
    let role = format!(
        "provider \"aws\" {{\n  assume_role {{\n    role_arn   = \"arn:aws:iam::111122223333:role/with-mfa\"\n    \
         mfa_serial = \"{SERIAL}\"\n  }}\n}}"
    );
    from_scratch().replace("provider \"aws\" {}", &role)
}

/// A build whose step takes longer than a session.
fn slow() -> String {
    module().replace(
        "echo hello > /greeting",
        "/bin/busybox sleep 14; echo hello > /greeting",
    )
}

/// The environment of a client of the lab as words for env(1); `more` comes last.
fn environment(bench: &Bench, more: &str) -> String {
    let mut command = bench.bake(&[]);
    let all: Vec<String> = command
        .get_envs()
        .map(|(name, value)| match value {
            Some(value) => format!("{}={}", name.display(), value.display()),
            None => format!("-u {}", name.display()),
        })
        .collect();
    command.arg("version");
    let (gone, set): (Vec<_>, Vec<_>) = all.into_iter().partition(|word| word.starts_with("-u"));
    format!("{} {} {more}", gone.join(" "), set.join(" "))
}

fn roles(bench: &Bench) -> Vec<serde_json::Value> {
    let calls = bench.lab.calls().into_iter();
    calls.filter(|call| call["action"] == "AssumeRole").collect()
}

#[test]
fn the_code_is_asked_for_once_and_is_nowhere_afterwards() {
    let bench = Bench::new(Lab::xen(), &module());
    let environment = environment(&bench, "");
    let mut pty = Pty::bake_with(&bench.project, 200, &environment, &["apply", "-auto-approve"]);
    pty.wait_for(SERIAL);
    pty.wait_for("The code: ");
    pty.keys("12345\n");
    pty.wait_for("six digits");
    pty.wait_for("The code: ");
    pty.keys("654321\n");
    pty.wait_for("does not accept this code");
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(
        !ended.output.contains(CODE) && !ended.output.contains("654321"),
        "{}",
        ended.output
    );
    bench.assert_standing(1, 1);
    let asked = roles(&bench);
    assert_eq!(
        asked.len(),
        2,
        "one code was wrong, one right, and no session was opened again: {asked:#?}"
    );
    assert_eq!(asked[1]["parameters"]["SerialNumber"], SERIAL);
    for directory in [".bake", ".bake/log"] {
        for entry in fs::read_dir(bench.project.path().join(directory))
            .into_iter()
            .flatten()
            .flatten()
        {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            assert!(
                !String::from_utf8_lossy(&bytes).contains(CODE),
                "{}",
                entry.path().display()
            );
        }
    }
}

#[test]
fn three_wrong_codes_are_enough() {
    let bench = Bench::new(Lab::xen(), &module());
    let environment = environment(&bench, "");
    let mut pty = Pty::bake_with(&bench.project, 200, &environment, &["plan"]);
    for _ in 0..3 {
        pty.wait_for("The code: ");
        pty.keys("000000\n");
    }
    let ended = pty.end();
    assert_eq!(ended.code, 1, "{}", ended.output);
    assert!(
        ended.output.contains("none was given that AWS accepts"),
        "{}",
        ended.output
    );
}

#[test]
fn without_a_person_it_says_what_to_do() {
    let bench = Bench::new(Lab::xen(), &module());
    let text = both(&bench.run(&["plan"]));
    for words in [SERIAL, "nobody can be asked", "--token-code"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    let environment = environment(&bench, "");
    let ended = Pty::bake_with(&bench.project, 200, &environment, &["plan", "-input=false"]).end();
    assert_eq!(ended.code, 1, "{}", ended.output);
    assert!(ended.output.contains("nobody can be asked"), "{}", ended.output);
    assert!(roles(&bench).is_empty());
}

#[test]
fn a_profile_may_want_a_code_as_well() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    let profiles = format!(
        "[profile base]\naws_access_key_id = LABMAIN\naws_secret_access_key = lab\n\n[profile images]\nsource_profile = base\n\
         role_arn = arn:aws:iam::111122223333:role/mfa-of-profile\nmfa_serial = {SERIAL}\n"
    );
    bench.project.write("profiles", &profiles);
    let more = "-u AWS_ACCESS_KEY_ID";
    let with = format!(
        "AWS_PROFILE=images AWS_CONFIG_FILE={}",
        bench.project.path().join("profiles").display()
    );
    let environment = environment(&bench, "")
        .replace("AWS_ACCESS_KEY_ID=LABMAIN", "")
        .replace("AWS_SECRET_ACCESS_KEY=lab", "");
    let environment = format!("{more} {environment} {with}");
    let mut pty = Pty::bake_with(&bench.project, 200, &environment, &["plan"]);
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(ended.output.contains("assumed-role/mfa-of-profile"), "{}", ended.output);
    let mut circle = bench.bake(&["plan"]);
    bench.project.write(
        "profiles",
        "[profile a]\nsource_profile = b\nrole_arn = arn:aws:iam::111122223333:role/x\nmfa_serial = y\n\n[profile b]\nsource_profile = a\n\
         role_arn = arn:aws:iam::111122223333:role/y\n",
    );
    circle
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_PROFILE", "a")
        .env("AWS_CONFIG_FILE", bench.project.path().join("profiles"));
    let text = both(&circle.output().expect("bake starts"));
    assert!(text.contains("name each other as source_profile"), "{text}");
}

#[test]
fn a_session_that_ends_in_the_middle_is_opened_again() {
    let bench = Bench::new(Lab::xen(), &slow());
    bench.lab.set(json!({ "session": 12 }));
    let mut pty = Pty::bake_with(
        &bench.project,
        200,
        &environment(&bench, ""),
        &["apply", "-auto-approve"],
    );
    pty.wait_for("aws: arn:aws:iam::111122223333:role/with-mfa wants a code");
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    pty.wait_for("the session of arn:aws:iam::111122223333:role/with-mfa ends; another code");
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(!ended.output.contains(CODE), "{}", ended.output);
    bench.assert_standing(1, 1);
    assert_eq!(roles(&bench).len(), 2);
    let expired = bench
        .lab
        .calls()
        .into_iter()
        .filter(|call| call["outcome"] == "RequestExpired");
    assert_eq!(expired.count(), 0, "no call was made with what is over");
}

#[test]
fn without_another_code_it_says_that_the_session_is_over_and_the_next_run_clears_up() {
    let bench = Bench::new(Lab::xen(), &slow());
    bench.lab.set(json!({ "session": 12 }));
    let mut pty = Pty::bake_with(
        &bench.project,
        200,
        &environment(&bench, ""),
        &["apply", "-auto-approve"],
    );
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    for _ in 0..3 {
        pty.wait_for("The code: ");
        pty.keys("000000\n");
    }
    let ended = pty.end();
    assert_ne!(ended.code, 0, "{}", ended.output);
    for words in [
        "opened with a code of an MFA device is over",
        "run the same command again",
    ] {
        assert!(ended.output.contains(words), "{words} is not in {}", ended.output);
    }
    assert_eq!(
        bench.standing("volumes"),
        1,
        "nobody could remove it, and the journal knows of it"
    );
    assert_ne!(bench.project.journals(), 0);
    bench.lab.set(json!({ "session": 0 }));
    let mut pty = Pty::bake_with(
        &bench.project,
        200,
        &environment(&bench, ""),
        &["apply", "-auto-approve"],
    );
    pty.wait_for("The code: ");
    pty.keys(&format!("{CODE}\n"));
    // What an answer that never came may have made is looked for as long as EC2 may take to know of it.
    bench.until(|| bench.standing("images") == 1);
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    bench.assert_standing(1, 1);
    assert_eq!(bench.project.journals(), 0);
}

#[test]
fn of_several_providers_each_says_which_one_asks() {
    let second = "provider \"aws\" {\n  alias  = \"far\"\n  region = \"us-east-1\"\n  assume_role {\n    \
                  role_arn   = \"arn:aws:iam::111122223333:role/far-mfa\"\n    mfa_serial = \"arn:aws:iam::111122223333:mfa/far\"\n  }\n}\n";
    let module = module().replace("  scratch {}", "  provider = provider.aws\n  scratch {}");
    let bench = Bench::new(Lab::xen(), &(module + second));
    let mut pty = Pty::bake_with(&bench.project, 200, &environment(&bench, ""), &["plan"]);
    for provider in [
        "aws: arn:aws:iam::111122223333:role/with-mfa",
        "aws.far: arn:aws:iam::111122223333:role/far-mfa",
    ] {
        pty.wait_for(provider);
        pty.wait_for("The code: ");
        pty.keys(&format!("{CODE}\n"));
    }
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert_eq!(roles(&bench).len(), 2, "one code for each");
}
