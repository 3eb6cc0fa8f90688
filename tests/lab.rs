//! The lab as tests of the aws provider use it; what it answers is tested by `tests/lab/tests`.
//!
//! Needs root, and Python with its `venv`.

#[path = "support/lab.rs"]
mod support;

use std::path::Path;

use serde_json::json;
use support::{Lab, REGION};

#[test]
fn a_lab_is_there_and_goes_without_a_trace() {
    let lab = Lab::xen();
    lab.set(json!({ "snapshot": 2.5 }));
    assert_eq!(lab.get("settings")["snapshot"], json!(2.5));
    lab.fault(json!({ "action": "CreateVolume", "kind": "cut_after", "times": 3 }));
    assert_eq!(lab.get("faults")[0]["kind"], json!("cut_after"));
    lab.no_faults();
    assert_eq!(lab.get("faults"), json!([]));
    assert!(lab.image("whole-disk").starts_with("ami-"));
    assert!(lab.key(REGION, "aws/ebs").starts_with("arn:aws:kms:"));
    for shelf in ["volumes", "snapshots", "images", "attachments", "loops", "mounts"] {
        assert_eq!(lab.inventory()[shelf], json!([]), "{shelf}");
    }
    let directory = lab.get("facts")["directory"].as_str().map(str::to_owned);
    let directory = directory.expect("the lab says where its files are");
    assert!(Path::new(&directory).exists());
    drop(lab);
    assert!(!Path::new(&directory).exists());
}
