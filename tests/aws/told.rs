//! What AWS makes one wait for is said while it is waited for.

use serde_json::{Value, json};

use crate::bench::{Bench, both, from_scratch, on_ami};
use crate::lab::Lab;

#[test]
fn throttling_that_lasts_and_how_far_a_snapshot_is() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.set(json!({ "snapshot": 6 }));
    bench
        .lab
        .fault(json!({ "action": "CreateVolume", "kind": "throttle", "times": 3 }));
    let output = bench.run(&["apply", "-auto-approve", "-json"]);
    let text = both(&output);
    assert!(output.status.success(), "{text}");
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let says = |words: &str| lines.iter().any(|line| line.to_string().contains(words));
    assert!(
        says("AWS turns CreateVolume in eu-central-1 away, 3 times in a row"),
        "{text}"
    );
    // Between nothing and all there is something.
    let percents = lines.iter().filter(|line| line["type"] == "node_progress");
    let percents: Vec<u64> = percents
        .filter(|line| line.to_string().contains("image.base.snapshot"))
        .filter_map(|line| line["percent"].as_u64())
        .collect();
    assert!(percents.iter().any(|percent| (1..100).contains(percent)), "{text}");
    assert!(percents.is_sorted(), "{percents:?}");
    bench.assert_standing(1, 1);
}

#[test]
fn the_variable_store_of_others_is_warned_of_until_it_is_said() {
    let lab = Lab::xen();
    let (own, foreign) = (lab.image("uefi"), lab.image("debian-12-amd64-20261115-2015"));
    let bench = Bench::new(lab, &on_ami(&foreign));
    let warning = format!("image.web does not take over the UEFI variable store of {foreign}");
    let plan = bench.done(&["plan"]);
    assert!(plan.contains(&warning), "{plan}");
    let said = on_ami(&foreign).replace("provision", "register { uefi_data = \"none\" }\n  provision");
    for module in [said, on_ami(&own)] {
        bench.project.write("main.bake.hcl", &module);
        let plan = bench.done(&["plan"]);
        assert!(!plan.contains("UEFI variable store"), "{plan}");
    }
}
