//! Profiles whose roles want the code of an MFA device. The SDK reads such a profile and passes `mfa_serial` over, so its
//! chain of roles is followed here.

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFiles;

use crate::providers::ProviderError;
use crate::spec::{AssumeRole, AwsSettings};
use crate::units::Duration;

/// How a session is called that the profile does not name.
const SESSION: &str = "bake";

/// A profile taken apart: where its first credentials come from, and the roles that are assumed from there, in order.
#[derive(Debug)]
pub struct Chain {
    /// Whose credentials come first.
    pub base: Base,
    /// At least one of them wants a code.
    pub roles: Vec<AssumeRole>,
}

/// Where the first credentials of a profile come from.
#[derive(Debug)]
pub enum Base {
    /// From another profile, which the SDK can read.
    Profile(String),
    /// They stand in the profile itself.
    Keys(Credentials),
}

/// The chain of the chosen profile, if a role in it wants a code and nothing stronger than a profile gives credentials.
///
/// # Errors
/// A chain that does not end.
pub async fn with_mfa(settings: &AwsSettings, files: Option<EnvConfigFiles>) -> Result<Option<Chain>, ProviderError> {
    // As in the standard chain, keys in the environment come before a profile.
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|key| !key.is_empty()) {
        return Ok(None);
    }
    let chosen = settings.profile.clone().map(Into::into);
    let files = files.unwrap_or_default();
    // Files that cannot be read are the SDK's to speak of.
    let Ok(profiles) = aws_config::profile::load(&Default::default(), &Default::default(), &files, chosen).await else {
        return Ok(None);
    };
    follow(&profiles)
}

fn follow(profiles: &ProfileSet) -> Result<Option<Chain>, ProviderError> {
    let mut roles: Vec<AssumeRole> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut name = profiles.selected_profile();
    let base = loop {
        let Some(profile) = profiles.get_profile(name) else {
            return Ok(None);
        };
        if seen.contains(&name) {
            return Err(circle(&seen));
        }
        seen.push(name);
        let Some(role) = role(profile) else {
            break Base::Profile(name.to_owned());
        };
        roles.insert(0, role);
        match profile.get("source_profile") {
            // It names itself: its keys are in it, beside the role.
            Some(source) if source == name => match keys(profile) {
                Some(keys) => break Base::Keys(keys),
                None => return Ok(None),
            },
            Some(source) => name = source,
            None => return Ok(None),
        }
    };
    let wanted = roles.iter().any(|role| role.mfa_serial.is_some());
    Ok(wanted.then_some(Chain { base, roles }))
}

fn role(profile: &Profile) -> Option<AssumeRole> {
    if profile.get("web_identity_token_file").is_some() {
        return None;
    }
    let text = |name: &str| profile.get(name).map(str::to_owned);
    let seconds = profile.get("duration_seconds").and_then(|text| text.parse().ok());
    Some(AssumeRole {
        role_arn: text("role_arn")?,
        session_name: text("role_session_name").unwrap_or_else(|| SESSION.to_owned()),
        external_id: text("external_id"),
        duration: seconds.map(Duration::seconds),
        mfa_serial: text("mfa_serial"),
        ..AssumeRole::default()
    })
}

fn keys(profile: &Profile) -> Option<Credentials> {
    let (id, secret) = (profile.get("aws_access_key_id")?, profile.get("aws_secret_access_key")?);
    let token = profile.get("aws_session_token").map(str::to_owned);
    Some(Credentials::new(id, secret, token, None, "Profile"))
}

fn circle(seen: &[&str]) -> ProviderError {
    ProviderError::Refused {
        what: "cannot use AWS".into(),
        why: format!("the profiles {} name each other as source_profile", seen.join(", ")),
        help: "let the last of them have keys of its own".into(),
    }
}
