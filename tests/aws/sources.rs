//! Data sources of the provider: what they find, what the lock file keeps of it, and what they say when they do not.

use std::fs;

use crate::bench::{Bench, HEAD, both};
use crate::lab::Lab;

/// Debian's account in the lab.
const DEBIAN: &str = "136693071363";

fn ami(arguments: &str) -> String {
    format!(
        r#"{HEAD}
data "ami" "debian" {{
  {arguments}
}}
image "web" {{
  source {{ ami = data.ami.debian.id }}
  provision "shell" "greet" {{ inline = ["echo hello > /greeting"] }}
}}
"#
    )
}

/// Plans, which must fail with these words, and without a call that creates.
fn refused(bench: &Bench, arguments: &str, words: &[&str]) {
    bench.project.write("main.bake.hcl", &ami(arguments));
    let output = bench.run(&["plan"]);
    let text = both(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words.iter().chain(&["main.bake.hcl:"]) {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn an_ami_is_found_locked_and_built_on() {
    let arguments = format!(
        "owners = [\"{DEBIAN}\"]\n  most_recent = true\n  filters = {{ name = [\"debian-12-*\"], architecture = \"x86_64\" }}"
    );
    let bench = Bench::new(Lab::xen(), &ami(&arguments));
    let newest = bench.lab.image("debian-12-amd64-20261115-2015");
    let text = bench.done(&["plan"]);
    assert!(text.contains("not locked"), "{text}");
    bench.done(&["update"]);
    let lock = fs::read_to_string(bench.project.path().join("bake.lock.hcl")).expect("bake update writes it");
    for word in [
        newest.as_str(),
        "debian-12-amd64-20261115-2015",
        DEBIAN,
        "\"/dev/xvda\"",
        "\"snap-",
        "\"x86_64\"",
        "\"Linux/UNIX\"",
        "\"RunInstances\"",
        "\"uefi-preferred\"",
    ] {
        assert!(lock.contains(word), "{word} is not in:\n{lock}");
    }
    bench.apply();
    bench.assert_standing(1, 1);
    // What is locked is not asked for again.
    let before = bench.lab.calls().len();
    bench.done(&["plan"]);
    let searches = bench.lab.calls_since(before).into_iter();
    let searches: Vec<_> = searches.filter(|call| call.to_string().contains(DEBIAN)).collect();
    assert!(searches.is_empty(), "{searches:#?}");
}

#[test]
fn an_ami_that_is_not_exactly_one() {
    let bench = Bench::new(Lab::xen(), "");
    let debian = format!("owners = [\"{DEBIAN}\"]\n  ");
    let with = |filters: &str| format!("{debian}filters = {filters}");
    refused(
        &bench,
        &with("{ name = \"debian-12-amd64-*\" }"),
        &[
            "2 AMIs fit, and one is wanted",
            &bench.lab.image("debian-12-amd64-20261101-2001"),
            &bench.lab.image("debian-12-amd64-20261115-2015"),
            "most_recent = true",
        ],
    );
    refused(
        &bench,
        &with("{ name = \"debian-13-*\" }"),
        &[
            "no AMI fits",
            "eu-central-1",
            "name = debian-13-*",
            "include_deprecated",
        ],
    );
    // The oldest one is deprecated, and another's.
    refused(&bench, &with("{ name = \"debian-11-*\" }"), &["no AMI fits"]);
    bench.project.write(
        "main.bake.hcl",
        &ami(&format!(
            "{}\n  include_deprecated = true",
            with("{ name = \"debian-11-*\" }")
        )),
    );
    bench.done(&["plan"]);
    refused(&bench, "filters = { name = \"debian-12-*\" }", &["owners"]);
    refused(&bench, "owners = []", &["it names nobody", "self"]);
    refused(
        &bench,
        &with("{ nam = \"debian-12-*\" }"),
        &["EC2 has no filter \"nam\"", "did you mean \"name\"?"],
    );
    refused(&bench, &with("{ name = [] }"), &["a text or a list of texts is wanted"]);
    refused(&bench, &with("\"debian\""), &["a map is wanted"]);
    bench.assert_standing(0, 0);
}

#[test]
fn the_caller_and_the_region_are_read_each_time() {
    let module = format!(
        r#"{HEAD}
data "caller_identity" "me" {{}}
data "region" "here" {{}}
output "account" {{ value = data.caller_identity.me.account }}
output "arn" {{ value = data.caller_identity.me.arn }}
output "region" {{ value = data.region.here.name }}
"#
    );
    let bench = Bench::new(Lab::xen(), &module);
    bench.done(&["update"]);
    let lock = fs::read_to_string(bench.project.path().join("bake.lock.hcl")).unwrap_or_default();
    assert!(!lock.contains("111122223333"), "{lock}");
    let text = bench.done(&["plan"]);
    for word in ["111122223333", "arn:aws:", "eu-central-1"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    let other = bench.bake_as("LABOTHER", &["plan"]).output().expect("bake starts");
    assert!(both(&other).contains("444455556666"), "{}", both(&other));
}
