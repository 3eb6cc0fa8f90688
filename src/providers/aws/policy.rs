//! The least rights (an IAM policy) with which a module can be planned, or applied.
//!
//! Creating calls are allowed with the project's tag in them, changing and deleting ones on what has it: nobody can turn a
//! foreign resource into ours, but for who imports: only what no project has marked, and with rights of its own. Source: Service Authorization Reference, Amazon EC2, AWS Systems Manager, AWS KMS.

mod reads;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::tags::{PROJECT, encode};
use crate::providers::{Publication, Rights, Uses};
use crate::spec::ImageSpec;

/// What is read of the image on which one is built; it carries no tag of the project.
const OF_SOURCES: &str = "ec2:DescribeImageAttribute";

/// What only looks; EC2 knows no narrower resource for it.
const LOOKING: &[&str] = &["ec2:DescribeImages", "ec2:DescribeSnapshots"];
const WAITING: &[&str] = &["ec2:DescribeVolumes"];
/// Who may use what is ours.
const SHARED: &[(&str, &str)] = &[
    ("image", "ec2:DescribeImageAttribute"),
    ("snapshot", "ec2:DescribeSnapshotAttribute"),
];
/// What becomes encrypted by default, and with which key, where something is shared.
const DEFAULTS: &[&str] = &["ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"];
/// Calls that create in the region of the provider, each with what it makes.
const CREATING: &[(&str, &str)] = &[
    ("ec2:CreateVolume", "volume"),
    ("ec2:CreateSnapshot", "snapshot"),
    ("ec2:RegisterImage", "image"),
];
/// Calls that create in other regions.
const COPYING: &[(&str, &str)] = &[("ec2:CopyImage", "image"), ("ec2:CopyImage", "snapshot")];
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
    (
        "snapshot",
        &[
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DeleteTags",
            "ec2:ModifySnapshotAttribute",
        ],
    ),
    (
        "image",
        &[
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "ec2:DeregisterImage",
            "ec2:DisableImageDeprecation",
            "ec2:DisableImageDeregistrationProtection",
            "ec2:EnableImageDeprecation",
            "ec2:EnableImageDeregistrationProtection",
            "ec2:ModifyImageAttribute",
        ],
    ),
];
/// What is asked, and what is done, about parameters.
const READING: &[&str] = &["ssm:GetParameters", "ssm:ListTagsForResource"];
const WRITING: &[&str] = &["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter"];
/// What EBS does with a key on behalf of the caller (EBS user guide, "Encryption requirements").
const KEYS: &[&str] = &[
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncrypt*",
];

/// The policy for what a module does with a region, and those to which it copies.
pub fn of(uses: &Uses<'_>, region: &str, rights: Rights) -> Value {
    let images = &uses.images;
    let wanted = images.iter().filter_map(|image| image.publish.object.as_ref());
    let wanted: Vec<Publication> = wanted
        .map(|block| Publication::of_block(&block.recorded(), region))
        .collect();
    let module = Module {
        project: encode(&uses.owner.project),
        home: region,
        away: wanted
            .iter()
            .flat_map(|one| one.copies.keys().map(String::as_str))
            .collect(),
        parameters: wanted
            .iter()
            .flat_map(|one| one.parameters.keys().map(String::as_str))
            .collect(),
        keys: images.iter().any(|image| names_key(image))
            || wanted.iter().any(|one| one.copies.values().any(Option::is_some)),
        shares: wanted.iter().any(|one| !one.shares.is_empty()),
    };
    let mut statements = module.looking(rights);
    statements.extend(reads::of(&uses.sources, region));
    if rights == Rights::Import {
        statements.push(module.adopting());
    }
    if rights == Rights::Apply {
        statements.extend(module.applying());
        if module.keys || images.iter().any(|image| is_encrypted(image)) {
            statements.extend(module.encrypting());
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What of a module says which rights it needs.
struct Module<'a> {
    project: String,
    /// Where images are built.
    home: &'a str,
    /// Where they are copied to.
    away: BTreeSet<&'a str>,
    parameters: BTreeSet<&'a str>,
    keys: bool,
    /// Whether somebody else may use what it makes.
    shares: bool,
}

impl Module<'_> {
    fn looking(&self, rights: Rights) -> Vec<Value> {
        let mut all = vec![json!({
            "Sid": "Look",
            "Effect": "Allow",
            "Action": match rights {
                Rights::Plan => LOOKING.to_vec(),
                Rights::Apply | Rights::Import => [LOOKING, WAITING].concat(),
            },
            "Resource": "*",
        })];
        all.extend(SHARED.iter().map(|(kind, action)| {
            json!({ "Sid": format!("Shared{kind}"), "Effect": "Allow", "Action": action, "Resource": self.everywhere(kind), "Condition": self.on_it() })
        }));
        if !self.parameters.is_empty() {
            let actions = match rights {
                Rights::Plan | Rights::Import => READING.to_vec(),
                Rights::Apply => [READING, WRITING].concat(),
            };
            all.push(
                json!({ "Sid": "Parameters", "Effect": "Allow", "Action": actions, "Resource": self.parameters() }),
            );
        }
        if self.shares && rights != Rights::Import {
            all.push(json!({ "Sid": "LookAtDefaults", "Effect": "Allow", "Action": DEFAULTS, "Resource": "*" }));
        }
        if self.keys || self.shares {
            all.push(json!({ "Sid": "LookAtKeys", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*" }));
        }
        all
    }

    fn applying(&self) -> Vec<Value> {
        let in_call = json!({ "StringEquals": { format!("aws:RequestTag/{PROJECT}"): self.project } });
        let made = |(action, kind): &(&str, &str), resource: Value| {
            let name = action.trim_start_matches("ec2:");
            let sid = format!("{name}{kind}");
            json!({ "Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource, "Condition": in_call })
        };
        let here = |kind: &str| json!(arn(self.home, kind));
        let mut all: Vec<Value> = CREATING.iter().map(|one| made(one, here(one.1))).collect();
        if !self.away.is_empty() {
            all.extend(COPYING.iter().map(|one| made(one, json!(self.abroad(one.1)))));
            all.push(json!({
                "Sid": "CopyFrom",
                "Effect": "Allow",
                "Action": "ec2:CopyImage",
                "Resource": here("image"),
                "Condition": self.on_it(),
            }));
        }
        all.push(self.tagging());
        // A source's snapshot and the builder host carry no tag of the project.
        all.push(json!({
            "Sid": "FromSnapshots",
            "Effect": "Allow",
            "Action": ["ec2:CreateVolume", "ec2:RegisterImage"],
            "Resource": here("snapshot"),
        }));
        all.push(json!({
            "Sid": "FromImages",
            "Effect": "Allow",
            "Action": OF_SOURCES,
            "Resource": here("image"),
        }));
        all.push(json!({
            "Sid": "ToInstances",
            "Effect": "Allow",
            "Action": ["ec2:AttachVolume", "ec2:DetachVolume"],
            "Resource": here("instance"),
        }));
        all.extend(CHANGING.iter().map(|(kind, actions)| {
            json!({ "Sid": format!("Own{kind}"), "Effect": "Allow", "Action": actions, "Resource": self.everywhere(kind), "Condition": self.on_it() })
        }));
        all
    }

    /// Tags of the project on what no project has marked.
    fn adopting(&self) -> Value {
        json!({
            "Sid": "AdoptWhatIsFree",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": [arn(self.home, "image"), arn(self.home, "snapshot")],
            "Condition": {
                "StringEquals": { format!("aws:RequestTag/{PROJECT}"): self.project },
                "Null": { format!("aws:ResourceTag/{PROJECT}"): "true" },
            },
        })
    }

    /// Tags in creating calls.
    fn tagging(&self) -> Value {
        let here = CREATING
            .iter()
            .map(|(action, kind)| (*action, vec![arn(self.home, kind)]));
        let away = COPYING.iter().map(|(action, kind)| (*action, self.abroad(kind)));
        let all: Vec<(&str, Vec<String>)> = here.chain(away).filter(|(_, arns)| !arns.is_empty()).collect();
        let names: BTreeSet<&str> = all
            .iter()
            .map(|(action, _)| action.trim_start_matches("ec2:"))
            .collect();
        json!({
            "Sid": "TagWhatIsMade",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": all.iter().flat_map(|(_, arns)| arns).collect::<Vec<_>>(),
            "Condition": { "StringEquals": { "ec2:CreateAction": names } },
        })
    }

    fn encrypting(&self) -> Vec<Value> {
        let regions = std::iter::once(self.home).chain(self.away.iter().copied());
        let services: Vec<String> = regions.map(|region| format!("ec2.{region}.amazonaws.com")).collect();
        let via = json!({ "kms:ViaService": services });
        let use_keys = json!({ "Sid": "UseKeys", "Effect": "Allow", "Action": KEYS, "Resource": "*", "Condition": { "StringLike": via } });
        let grant = json!({
            "Sid": "GrantKeys",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": { "StringLike": via, "Bool": { "kms:GrantIsForAWSResource": "true" } },
        });
        vec![use_keys, grant]
    }

    fn on_it(&self) -> Value {
        json!({ "StringEquals": { format!("aws:ResourceTag/{PROJECT}"): self.project } })
    }

    fn abroad(&self, kind: &str) -> Vec<String> {
        self.away.iter().map(|region| arn(region, kind)).collect()
    }

    /// Volumes are only where images are built.
    fn everywhere(&self, kind: &str) -> Vec<String> {
        let away = if kind == "volume" {
            Vec::new()
        } else {
            self.abroad(kind)
        };
        std::iter::once(arn(self.home, kind)).chain(away).collect()
    }

    fn parameters(&self) -> Vec<String> {
        let regions = std::iter::once(self.home).chain(self.away.iter().copied());
        regions
            .flat_map(|region| {
                let names = self.parameters.iter();
                names.map(move |name| format!("arn:aws:ssm:{region}:*:parameter/{}", name.trim_start_matches('/')))
            })
            .collect()
    }
}

fn names_key(image: &ImageSpec) -> bool {
    let mut volumes = image.volumes.iter();
    volumes.any(|volume| volume.object.text("kms_key").is_some())
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
