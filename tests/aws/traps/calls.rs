//! Regions, endpoints, look-ups.

use serde_json::{Value, json};

use super::running;
use crate::bench::{Bench, HEAD, both};
use crate::lab::{Lab, REGION};

#[test]
fn looks_are_retried() {
    let bench = Bench::new(Lab::xen(), "");
    bench.project.write("main.bake.hcl", &running(&bench, &["true"]));
    bench.lab.fault(json!([
        { "action": "DescribeImages", "kind": "status", "times": 2 },
        { "action": "DescribeSnapshots", "kind": "throttle" },
        { "action": "DescribeImages", "kind": "cut_before", "nth": 2 },
    ]));
    let plan = bench.done(&["plan"]);
    assert!(plan.contains("1 to build"), "{plan}");
}

#[test]
fn an_endpoint_is_that_of_its_service() {
    let (bench, other) = (Bench::new(Lab::xen(), ""), Lab::xen());
    let provider = format!(
        "provider \"aws\" {{\n  endpoints {{\n    ec2 = \"{}\"\n    imds = \"{}\"\n  }}\n}}",
        bench.lab.endpoint(),
        bench.lab.endpoint()
    );
    let module = running(&bench, &["true"]).replace("provider \"aws\" {}", &provider);
    bench.project.write("main.bake.hcl", &module);
    let mut plan = bench.bake(&["plan"]);
    plan.env("AWS_ENDPOINT_URL", other.endpoint());
    let output = plan.output().expect("bake starts");
    assert!(output.status.success(), "{}", both(&output));
    let services = |lab: &Lab| {
        let mut all: Vec<String> = lab
            .calls()
            .iter()
            .filter_map(|call| Some(call["service"].as_str()?.to_owned()))
            .collect();
        all.dedup();
        all
    };
    assert_eq!(services(&bench.lab), ["ec2"]);
    assert_eq!(services(&other), ["sts"]);
}

#[test]
fn validate_calls_nobody() {
    let bench = Bench::new(Lab::xen(), "");
    bench.project.write("main.bake.hcl", &running(&bench, &["true"]));
    bench.done(&["validate"]);
    assert_eq!(bench.lab.calls().len(), 0);
}

#[test]
fn the_region_is_that_of_the_instance_when_nobody_says_another() {
    let bench = Bench::new(Lab::xen(), "");
    bench.project.write("main.bake.hcl", &running(&bench, &["true"]));
    let mut plan = bench.bake(&["plan"]);
    plan.env_remove("AWS_REGION");
    let text = both(&plan.output().expect("bake starts"));
    assert!(
        text.contains(&format!("in {REGION}")) && text.contains("1 to build"),
        "{text}"
    );
}

#[test]
fn a_filter_value_is_one_value() {
    let module = format!(
        "{HEAD}\ndata \"ami\" \"one\" {{\n  owners  = [\"self\"]\n  filters = {{ name = \"a, \\\"b\\\",c*\" }}\n}}\noutput \"id\" {{ value = data.ami.one.id }}\n"
    );
    let bench = Bench::new(Lab::xen(), &module);
    let output = bench.run(&["plan"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    let calls = bench.lab.calls();
    let filters = calls.iter().filter(|call| call["action"] == "DescribeImages");
    let values: Vec<&Value> = filters
        .filter_map(|call| call.pointer("/parameters/Filters/0/Values"))
        .collect();
    assert!(values.contains(&&json!(["a, \"b\",c*"])), "{values:?}");
}
