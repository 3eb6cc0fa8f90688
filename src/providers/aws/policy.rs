//! The least rights (an IAM policy) with which a module can be planned, or applied.
//!
//! Creating calls are allowed with the project's tag in them, changing and deleting ones on what has it: nobody can turn a
//! foreign resource into ours. Source: Service Authorization Reference, Amazon EC2.

use serde_json::{Value, json};

use super::tags::{PROJECT, encode};
use crate::providers::{Owner, Rights};
use crate::spec::ImageSpec;

/// What only looks; EC2 knows no narrower resource for it.
const LOOKING: &[&str] = &["ec2:DescribeImages", "ec2:DescribeSnapshots"];
const WAITING: &[&str] = &["ec2:DescribeVolumes"];
/// Calls that create, each with what it makes.
const CREATING: &[(&str, &str)] = &[
    ("ec2:CreateVolume", "volume"),
    ("ec2:CreateSnapshot", "snapshot"),
    ("ec2:RegisterImage", "image"),
];
/// What is done to what is ours.
const CHANGING: &[(&str, &[&str])] = &[
    (
        "volume",
        &[
            "ec2:AttachVolume",
            "ec2:CreateSnapshot",
            "ec2:DeleteVolume",
            "ec2:DetachVolume",
        ],
    ),
    ("snapshot", &["ec2:DeleteSnapshot"]),
    (
        "image",
        &[
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "ec2:DeregisterImage",
            "ec2:DisableImageDeprecation",
            "ec2:EnableImageDeprecation",
            "ec2:ModifyImageAttribute",
        ],
    ),
];
/// What EBS does with a key on behalf of the caller (EBS user guide, "Encryption requirements").
const KEYS: &[&str] = &[
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncrypt*",
];

/// The policy for these images of a project.
pub fn of(owner: &Owner, images: &[&ImageSpec], region: &str, rights: Rights) -> Value {
    let mut statements = vec![json!({
        "Sid": "Look",
        "Effect": "Allow",
        "Action": match rights {
            Rights::Plan => LOOKING.to_vec(),
            Rights::Apply => [LOOKING, WAITING].concat(),
        },
        "Resource": "*",
    })];
    if rights == Rights::Apply {
        let project = encode(&owner.project);
        statements.extend(applying(&project, region));
        if images.iter().any(|image| is_encrypted(image)) {
            statements.extend(encrypting(region));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn applying(project: &str, region: &str) -> Vec<Value> {
    let in_call = json!({ "StringEquals": { format!("aws:RequestTag/{PROJECT}"): project } });
    let on_it = json!({ "StringEquals": { format!("aws:ResourceTag/{PROJECT}"): project } });
    let creating = CREATING.iter().map(|(action, made)| {
        json!({ "Sid": format!("New{made}"), "Effect": "Allow", "Action": action, "Resource": arn(region, made), "Condition": in_call })
    });
    let names: Vec<&str> = CREATING
        .iter()
        .map(|(action, _)| action.trim_start_matches("ec2:"))
        .collect();
    let tagging = json!({
        "Sid": "TagWhatIsMade",
        "Effect": "Allow",
        "Action": "ec2:CreateTags",
        "Resource": CREATING.iter().map(|(_, made)| arn(region, made)).collect::<Vec<_>>(),
        "Condition": { "StringEquals": { "ec2:CreateAction": names } },
    });
    // A source's snapshot and the builder host carry no tag of the project.
    let reading = json!({
        "Sid": "FromSnapshots",
        "Effect": "Allow",
        "Action": ["ec2:CreateVolume", "ec2:RegisterImage"],
        "Resource": arn(region, "snapshot"),
    });
    let host = json!({
        "Sid": "ToInstances",
        "Effect": "Allow",
        "Action": ["ec2:AttachVolume", "ec2:DetachVolume"],
        "Resource": arn(region, "instance"),
    });
    let changing = CHANGING.iter().map(|(kind, actions)| {
        json!({ "Sid": format!("Own{kind}"), "Effect": "Allow", "Action": actions, "Resource": arn(region, kind), "Condition": on_it })
    });
    creating.chain([tagging, reading, host]).chain(changing).collect()
}

fn encrypting(region: &str) -> Vec<Value> {
    let via = json!({ "kms:ViaService": format!("ec2.{region}.amazonaws.com") });
    let use_keys = json!({ "Sid": "UseKeys", "Effect": "Allow", "Action": KEYS, "Resource": "*", "Condition": { "StringEquals": via } });
    let grant = json!({
        "Sid": "GrantKeys",
        "Effect": "Allow",
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": { "StringEquals": via, "Bool": { "kms:GrantIsForAWSResource": "true" } },
    });
    vec![use_keys, grant]
}

fn is_encrypted(image: &ImageSpec) -> bool {
    let asked = |name: &str| image.volumes.iter().any(|volume| volume.object.get(name).is_some());
    asked("encrypted") || asked("kms_key")
}

/// Images and snapshots have no account in their ARNs.
fn arn(region: &str, kind: &str) -> String {
    let account = if matches!(kind, "image" | "snapshot") { "" } else { "*" };
    format!("arn:aws:ec2:{region}:{account}:{kind}/*")
}
