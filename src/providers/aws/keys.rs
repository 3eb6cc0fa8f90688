//! KMS keys, by what a module calls them: whether they are there, and can encrypt what is built (KMS API reference,
//! DescribeKey).

use serde_json::{Value as Json, json};

use super::json_api::Service;
use super::region::Regional;
use super::{Aws, errors};
use crate::providers::{DefaultEncryption, Key, ProviderError, SnapshotId, SourceKey};
use crate::units::Size;

/// What EBS encrypts with.
const USAGE: &str = "ENCRYPT_DECRYPT";
const SPEC: &str = "SYMMETRIC_DEFAULT";

impl Aws {
    /// What KMS says of a key of a region. What may not be looked at is [`Key::Hidden`].
    ///
    /// # Errors
    /// What kept KMS from answering.
    pub(super) async fn look_at_key(&self, region: &str, name: &str) -> Result<Key, ProviderError> {
        if let Some(other) = region_of(name).filter(|other| *other != region) {
            return Ok(Key::Wrong {
                why: format!("it is a key of {other}, and what it is to encrypt is in {region}"),
                help: "name a key of that region; an alias of the same name in each region stays the same text".into(),
            });
        }
        let api = self.client().await?.json(Service::Kms, region);
        match api.call("DescribeKey", &json!({ "KeyId": name })).await {
            Ok(answer) => Ok(key(&answer)),
            Err(error) => match errors::code(&error) {
                Some("NotFoundException" | "InvalidArnException") => Ok(Key::Wrong {
                    why: format!("there is no such key in {region}"),
                    help: "name its id, its ARN or its alias with \"alias/\" in front".into(),
                }),
                Some("AccessDeniedException") => Ok(Key::Hidden),
                _ => Err(errors::explain(&format!("look at the key {name} in {region}"), error)),
            },
        }
    }
}

impl Aws {
    /// What a region encrypts where nothing is said, and whose key is the account's default there.
    ///
    /// # Errors
    /// What kept EC2 or KMS from answering; that nobody may ask is an answer.
    pub(super) async fn default_of(&self, region: &str) -> Result<DefaultEncryption, ProviderError> {
        let there = self.region(region).await?;
        let always = match there.ec2.get_ebs_encryption_by_default().send().await {
            Ok(answer) => answer.ebs_encryption_by_default.unwrap_or_default(),
            Err(error) if errors::code(&error) == Some("UnauthorizedOperation") => {
                return Ok(DefaultEncryption::Hidden);
            }
            Err(error) => {
                let what = format!("find out whether EBS encrypts everything in {region}");
                return Err(errors::explain(&what, error));
            }
        };
        Ok(match self.default_key(&there).await? {
            SourceKey::Unknown => DefaultEncryption::Hidden,
            key => DefaultEncryption::Told {
                always,
                managed: key == SourceKey::Managed,
            },
        })
    }

    /// Whose key encrypts volumes that are made from a snapshot: its own one does, or, if that is somebody else's, the
    /// account's default key.
    pub(super) async fn key_of(
        &self,
        home: &Regional,
        root: Option<&(SnapshotId, Size)>,
    ) -> Result<SourceKey, ProviderError> {
        let Some((snapshot, _)) = root else {
            return Ok(SourceKey::Unknown);
        };
        let own = home.snapshots_by("snapshot-id", &[snapshot.0.as_str()]).await?;
        match own.first().and_then(|own| own.kms_key_id.as_deref()) {
            Some(key) => self.whose_key(&home.name, key).await,
            None => self.default_key(home).await,
        }
    }

    async fn default_key(&self, there: &Regional) -> Result<SourceKey, ProviderError> {
        match there.ec2.get_ebs_default_kms_key_id().send().await {
            Ok(answer) => match answer.kms_key_id {
                Some(key) => self.whose_key(&there.name, &key).await,
                None => Ok(SourceKey::Unknown),
            },
            Err(error) if errors::code(&error) == Some("UnauthorizedOperation") => Ok(SourceKey::Unknown),
            Err(error) => {
                let what = format!("find out the default key of EBS in {}", there.name);
                Err(errors::explain(&what, error))
            }
        }
    }

    async fn whose_key(&self, region: &str, key: &str) -> Result<SourceKey, ProviderError> {
        if key.contains("alias/aws/") {
            return Ok(SourceKey::Managed);
        }
        Ok(match self.look_at_key(region, key).await? {
            Key::Usable { managed: true, .. } => SourceKey::Managed,
            Key::Usable { .. } => SourceKey::Own,
            Key::Wrong { .. } | Key::Hidden => SourceKey::Unknown,
        })
    }
}

/// The region in an ARN.
fn region_of(name: &str) -> Option<&str> {
    name.strip_prefix("arn:")?.split(':').nth(2)
}

fn key(answer: &Json) -> Key {
    let text = |name: &str| {
        answer
            .pointer(&format!("/KeyMetadata/{name}"))
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    let wrong = |why: &str, help: &str| Key::Wrong {
        why: why.to_owned(),
        help: help.to_owned(),
    };
    match text("KeyState") {
        "Enabled" | "" => {}
        "Disabled" => return wrong("it is disabled", "enable it (aws kms enable-key), or name another"),
        "PendingDeletion" | "PendingReplicaDeletion" => {
            return wrong(
                "it is about to be deleted: what it encrypts will be lost",
                "cancel that (aws kms cancel-key-deletion) and enable it, or name another",
            );
        }
        "PendingImport" => return wrong("its key material is not imported yet", "import it, or name another"),
        other => {
            return wrong(
                &format!("its state is {other}"),
                "wait until it is enabled, or name another",
            );
        }
    }
    if text("KeyUsage") != USAGE || text("KeySpec") != SPEC {
        return wrong(
            &format!(
                "it is a key for {} ({}), and EBS wants a symmetric one that encrypts",
                text("KeyUsage"),
                text("KeySpec")
            ),
            "name a key whose usage is ENCRYPT_DECRYPT and whose spec is SYMMETRIC_DEFAULT",
        );
    }
    Key::Usable {
        arn: text("Arn").to_owned(),
        managed: text("KeyManager") == "AWS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enabled_symmetric_key_that_encrypts_is_usable() {
        let told = |state: &str, usage: &str, spec: &str, manager: &str| {
            key(&json!({ "KeyMetadata": {
                "Arn": "arn:aws:kms:eu-west-1:1:key/2", "KeyState": state, "KeyUsage": usage, "KeySpec": spec, "KeyManager": manager,
            } }))
        };
        let usable = |managed| Key::Usable {
            arn: "arn:aws:kms:eu-west-1:1:key/2".into(),
            managed,
        };
        assert_eq!(told("Enabled", USAGE, SPEC, "CUSTOMER"), usable(false));
        assert_eq!(told("Enabled", USAGE, SPEC, "AWS"), usable(true));
        for (state, usage, spec) in [
            ("Disabled", USAGE, SPEC),
            ("PendingDeletion", USAGE, SPEC),
            ("PendingImport", USAGE, SPEC),
            ("Unavailable", USAGE, SPEC),
            ("Enabled", "SIGN_VERIFY", "RSA_2048"),
            ("Enabled", USAGE, "RSA_2048"),
        ] {
            assert!(
                matches!(told(state, usage, spec, "CUSTOMER"), Key::Wrong { .. }),
                "{state} {usage} {spec}"
            );
        }
    }

    #[test]
    fn an_arn_says_its_region() {
        assert_eq!(region_of("arn:aws-cn:kms:cn-north-1:1:alias/x"), Some("cn-north-1"));
        assert_eq!(region_of("alias/x"), None);
    }
}
