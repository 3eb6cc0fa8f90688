//! Parameters and secrets: read by every plan, used by the steps, and written down nowhere.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bench::{Bench, HEAD, both, from_scratch};
use crate::lab::Lab;

/// In everything that is secret here.
const CANARY: &str = "CANARY0secret";

/// An image whose step is given `value`, beside these data sources.
fn using(sources: &str, value: &str) -> String {
    let step = "provision \"shell\" \"use\" {\n    inline = [\"echo $S | md5sum > /used; echo \\\"used $S\\\"\"]\n    \
                env = { S = ";
    let image = from_scratch().replacen(HEAD, "", 1);
    let (image, _) = image.split_once("  provision").expect("it has a step");
    format!("{HEAD}\n{sources}\n{image}  {step}{value} }}\n  }}\n}}\n")
}

/// Every file below a directory, but what makes up the root file system.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push((path.display().to_string(), fs::read(&path).unwrap_or_default())),
        }
    }
    all
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Nothing in the project, in what was printed, or in what was asked of AWS holds the secret.
fn assert_kept_secret(bench: &Bench, said: &str, forms: &[&str]) {
    for form in forms {
        assert!(!said.contains(form), "{form} was printed:\n{said}");
        for (path, bytes) in files(bench.project.path()) {
            assert!(!contains(&bytes, form), "{form} is in {path}");
        }
        let log = Value::from(bench.lab.calls()).to_string();
        assert!(!log.contains(form), "{form} was sent");
    }
}

fn refused(bench: &Bench, module: &str, words: &[&str]) {
    bench.project.write("main.bake.hcl", module);
    let output = bench.run(&["plan"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words.iter().chain(&["main.bake.hcl:"]) {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
    assert!(!text.contains(CANARY), "{text}");
}

fn done(bench: &Bench, said: &mut String, arguments: &[&str]) -> String {
    let text = bench.done(arguments);
    said.push_str(&text);
    text
}

#[test]
fn a_parameter_is_used_and_written_nowhere() {
    let module = using(
        "data \"parameter\" \"token\" {\n  name = \"/images/token\"\n}",
        "data.parameter.token.value",
    );
    let bench = Bench::new(Lab::xen(), &module);
    let put = |value: &str| {
        bench.lab.put_parameter(
            json!({ "Name": "/images/token", "Value": value, "Type": "SecureString", "KeyId": "alias/lab" }),
        )
    };
    put(CANARY);
    let mut said = String::new();
    let plan = done(&bench, &mut said, &["plan"]);
    assert!(plan.contains("not locked"), "{plan}");
    done(&bench, &mut said, &["update"]);
    let lock = fs::read_to_string(bench.project.path().join("bake.lock.hcl")).expect("bake update writes it");
    assert!(lock.contains("version = 1"), "{lock}");
    let plan = done(&bench, &mut said, &["plan", "-lockfile=readonly", "-out", "kept"]);
    assert!(!plan.contains("not locked"), "{plan}");
    for more in [&["plan", "-json"][..], &["show", "kept"], &["graph"], &["policy"]] {
        done(&bench, &mut said, more);
    }
    // The plan file says which version, and the apply reads that again.
    let applied = done(&bench, &mut said, &["apply", "kept"]);
    assert!(applied.contains("used (sensitive)"), "{applied}");
    bench.assert_standing(1, 1);
    let again = done(&bench, &mut said, &["plan", "-detailed-exitcode"]);
    assert!(again.contains("No changes") || again.contains("0 to build"), "{again}");
    // A newer version changes nothing until it is locked.
    put("CANARY1secret");
    done(&bench, &mut said, &["plan", "-detailed-exitcode"]);
    done(&bench, &mut said, &["update"]);
    let moved = bench.run(&["plan", "-detailed-exitcode"]);
    said.push_str(&both(&moved));
    assert_eq!(moved.status.code(), Some(2), "{}", both(&moved));
    assert_kept_secret(&bench, &said, &[CANARY, "CANARY1secret", "Q0FOQVJZ"]);
}

#[test]
fn versions_and_labels_of_parameters() {
    let bench = Bench::new(Lab::xen(), "");
    for value in ["one", "two", "three"] {
        bench
            .lab
            .put_parameter(json!({ "Name": "/lab/plain", "Value": value, "Type": "String" }));
    }
    let label = json!({ "Name": "/lab/plain", "ParameterVersion": 2, "Labels": ["stable"] });
    bench.lab.service("ssm", "AmazonSSM.LabelParameterVersion", &label);
    let source =
        |name: &str, more: &str| format!("data \"parameter\" \"{name}\" {{\n  name = \"/lab/plain\"\n  {more}\n}}\n");
    let output = |name: &str| {
        format!(
            "output \"{name}\" {{\n  value = \"${{data.parameter.{name}.insecure_value}} ${{data.parameter.{name}.version}}\"\n}}\n"
        )
    };
    let all = [
        ("newest", ""),
        ("first", "version = 1"),
        ("stable", "label = \"stable\""),
    ];
    let module: String = all
        .iter()
        .map(|(name, more)| source(name, more) + &output(name))
        .collect();
    bench.project.write("main.bake.hcl", &format!("{HEAD}{module}"));
    let text = bench.done(&["output"]);
    for words in ["\"three 3\"", "\"one 1\"", "\"two 2\""] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    // Locked, the label may go elsewhere.
    bench.done(&["update"]);
    let moved = json!({ "Name": "/lab/plain", "ParameterVersion": 3, "Labels": ["stable"] });
    bench.lab.service("ssm", "AmazonSSM.LabelParameterVersion", &moved);
    assert_eq!(bench.done(&["output", "-raw", "stable"]), "two 2");

    let with = |more: &str| format!("{HEAD}{}{}", source("x", more), output("x"));
    refused(
        &bench,
        &with("version = 9"),
        &["version 9", "/lab/plain", "eu-central-1"],
    );
    refused(&bench, &with("label = \"none\""), &["label \"none\""]);
    refused(
        &bench,
        &with("version = 1\n  label = \"stable\""),
        &["there is a version already"],
    );
    let missing = with("").replace("/lab/plain", "/lab/none");
    refused(
        &bench,
        &missing,
        &["there is no parameter /lab/none in eu-central-1", "case-sensitive"],
    );
    refused(&bench, &with("").replace("name = \"/lab/plain\"", ""), &["name"]);
}

#[test]
fn a_secret_is_used_and_written_nowhere() {
    let sources = "data \"secret\" \"whole\" {\n  name = \"build/token\"\n}\n\
                   data \"secret\" \"old\" {\n  name = \"build/token\"\n  version_stage = \"AWSPREVIOUS\"\n}\n\
                   data \"secret\" \"one\" {\n  name = \"build/json\"\n  key = \"password\"\n}\n\
                   data \"secret\" \"bytes\" {\n  name = \"build/bytes\"\n}";
    let value =
        "\"${data.secret.whole.value} ${data.secret.old.value} ${data.secret.one.value} ${data.secret.bytes.binary}\"";
    let bench = Bench::new(Lab::xen(), &using(sources, value));
    let texts = ["CANARY0old", "CANARY1new", "CANARY2json"];
    bench.lab.put_secret(
        "CreateSecret",
        json!({ "Name": "build/token", "SecretString": texts[0] }),
    );
    let version = bench.lab.put_secret(
        "PutSecretValue",
        json!({ "SecretId": "build/token", "SecretString": texts[1] }),
    );
    let object = json!({ "user": "x", "password": texts[2] }).to_string();
    bench
        .lab
        .put_secret("CreateSecret", json!({ "Name": "build/json", "SecretString": object }));
    let bytes = "Q0FOQVJZM2J5dGVz"; // CANARY3bytes
    bench
        .lab
        .put_secret("CreateSecret", json!({ "Name": "build/bytes", "SecretBinary": bytes }));
    let mut said = String::new();
    done(&bench, &mut said, &["update"]);
    let lock = fs::read_to_string(bench.project.path().join("bake.lock.hcl")).expect("bake update writes it");
    assert!(lock.contains(&version), "{lock}");
    done(&bench, &mut said, &["plan", "-json", "-out", "kept"]);
    let applied = done(&bench, &mut said, &["apply", "kept"]);
    assert!(applied.contains("used (sensitive)"), "{applied}");
    bench.assert_standing(1, 1);
    let all = bench.lab.inventory();
    let snapshot = all["snapshots"][0]["id"].as_str().expect("a snapshot");
    assert_eq!(bench.file_in(snapshot, 0, "/used").len(), 36, "md5sum has written");
    done(&bench, &mut said, &["plan", "-detailed-exitcode"]);
    let mut forms = texts.to_vec();
    forms.extend([bytes, "CANARY3bytes"]);
    assert_kept_secret(&bench, &said, &forms);
}

#[test]
fn a_secret_that_cannot_be_read_says_why() {
    let bench = Bench::new(Lab::xen(), "");
    let with = |name: &str, more: &str| {
        format!(
            "{HEAD}data \"secret\" \"x\" {{\n  name = \"{name}\"\n  {more}\n}}\noutput \"x\" {{\n  value = data.secret.x.value\n  sensitive = true\n}}\n"
        )
    };
    let create = |name: &str, more: Value| {
        let mut asked = json!({ "Name": name });
        asked
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        bench.lab.put_secret("CreateSecret", asked);
    };
    create("text", json!({ "SecretString": CANARY }));
    create(
        "json",
        json!({ "SecretString": format!("{{\"a\": \"{CANARY}\", \"n\": 42}}") }),
    );
    create(
        "forbidden",
        json!({ "SecretString": CANARY, "KmsKeyId": "alias/forbidden" }),
    );
    create(
        "disabled",
        json!({ "SecretString": CANARY, "KmsKeyId": "alias/disabled" }),
    );
    create("gone", json!({ "SecretString": CANARY }));
    bench.lab.service(
        "secretsmanager",
        "secretsmanager.DeleteSecret",
        &json!({ "SecretId": "gone" }),
    );
    refused(&bench, &with("none", ""), &["there is no secret none in eu-central-1"]);
    refused(
        &bench,
        &with("text", "version_stage = \"AWSPENDING\""),
        &["no version AWSPENDING of it"],
    );
    refused(&bench, &with("text", "key = \"a\""), &["the secret is no JSON object"]);
    refused(
        &bench,
        &with("json", "key = \"A\""),
        &["the secret has no such key", "case-sensitive"],
    );
    refused(&bench, &with("forbidden", ""), &["may not use its key", "kms:Decrypt"]);
    refused(&bench, &with("disabled", ""), &["cannot be decrypted", "enabled"]);
    refused(&bench, &with("gone", ""), &["marked for deletion"]);
    refused(
        &bench,
        &with("text", "version = \"1\"\n  version_stage = \"x\""),
        &["there is a version already"],
    );
    bench.project.write("main.bake.hcl", &with("json", "key = \"n\""));
    let output = bench.run(&["output", "-raw", "x"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42", "{}", both(&output));
    let mut denied = bench.bake_as("LABDENIED", &["plan"]);
    let text = both(&denied.output().expect("bake starts"));
    assert!(
        text.contains("may not read secret json") && text.contains("secretsmanager:GetSecretValue"),
        "{text}"
    );
}

/// The policies name what the module reads, and that is enough to read it.
#[test]
fn the_rights_for_secrets_are_in_the_policies() {
    let sources = "data \"parameter\" \"p\" {\n  name = \"/images/token\"\n}\ndata \"secret\" \"s\" {\n  name = \"build/token\"\n}";
    let module = using(sources, "\"${data.parameter.p.value}${data.secret.s.value}\"");
    let bench = Bench::new(Lab::xen(), &module);
    let parameter = json!({ "Name": "/images/token", "Value": CANARY, "Type": "SecureString", "KeyId": "alias/lab" });
    bench.lab.put_parameter(parameter);
    bench.lab.put_secret(
        "CreateSecret",
        json!({ "Name": "build/token", "SecretString": CANARY, "KmsKeyId": "alias/lab" }),
    );
    bench
        .lab
        .put_secret("CreateSecret", json!({ "Name": "build/other", "SecretString": CANARY }));
    for (key, arguments, does) in [
        ("LABPLAN", &["policy", "-plan"][..], &["plan"][..]),
        ("LABAPPLY", &["policy"][..], &["apply", "-auto-approve"][..]),
    ] {
        let output = bench.run(arguments);
        let policy: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
        bench
            .lab
            .access_key(json!({ "key": key, "account": crate::lab::ACCOUNT, "state": "valid", "policies": [policy] }));
        let output = bench.bake_as(key, does).output().expect("bake starts");
        assert!(output.status.success(), "{}", both(&output));
        let more = module.replace("\"build/token\"", "\"build/other\"");
        bench.project.write("main.bake.hcl", &more);
        let output = bench.bake_as(key, &["plan"]).output().expect("bake starts");
        assert!(
            both(&output).contains("may not read secret build/other"),
            "{}",
            both(&output)
        );
        bench.project.write("main.bake.hcl", &module);
    }
    bench.assert_standing(1, 1);
}
