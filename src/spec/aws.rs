//! The settings of a `provider "aws"` block: what a plan file and a journal need to find things again. No credentials.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::Duration;

/// A `provider "aws"` block, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSettings {
    /// None: as the environment, the profile or the instance metadata say, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// None: `AWS_PROFILE`, else `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Files instead of `~/.aws/config`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_files: Vec<String>,
    /// Files instead of `~/.aws/credentials`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials_files: Vec<String>,
    /// Roles to be assumed one from the other, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assume_role: Vec<AssumeRole>,
    /// Tags on all that is made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub default_tags: BTreeMap<String, String>,
    /// URLs by service: `ec2`, `sts`, `imds`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, String>,
    /// How waiting is done.
    #[serde(default)]
    pub wait: Wait,
    /// How often a call is repeated that was throttled or got no answer.
    pub max_retries: u32,
}

/// How long, and how often, something is looked at that is not ready yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// At most so long between two looks; the first follow each other faster.
    pub interval: Duration,
    /// After this it counts as failed.
    pub timeout: Duration,
}

impl Default for Wait {
    fn default() -> Wait {
        Wait {
            interval: Duration::seconds(5),
            timeout: Duration::seconds(3600),
        }
    }
}

/// An `assume_role` block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumeRole {
    /// `arn:aws:iam::111122223333:role/bake`
    pub role_arn: String,
    /// `bake` unless it says otherwise.
    pub session_name: String,
    /// What the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How long the credentials hold; they are fetched anew before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// The MFA device whose code is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_serial: Option<String>,
    /// A policy (JSON) that narrows the role's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The same, by ARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// Session tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}
