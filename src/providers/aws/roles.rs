//! Roles that are assumed one from the other, with the code of an MFA device where a role wants one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use super::credentials;
use crate::digest::{ContentHasher, Digest};
use crate::providers::{Contact, ProviderError};
use crate::spec::{AssumeRole, AwsSettings};

/// How often a person may mistype.
const ATTEMPTS: usize = 3;
/// A session is not used any more when so little of it is left.
const MARGIN: Duration = Duration::from_secs(60);

/// Sessions that were opened with a code. A code opens one and is then worth nothing, and one command opens a provider
/// several times, so they are kept for as long as the process lives, and nowhere else. None: the person gave up.
static SESSIONS: Mutex<BTreeMap<Digest, Option<Credentials>>> = Mutex::new(BTreeMap::new());

/// Held while a code is asked for.
static ASKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Assumes each role with the credentials of the one before; the first with those of the configuration.
///
/// # Errors
/// What kept a role from being assumed; that a code is wanted and nobody can be asked.
pub async fn assume(
    settings: &AwsSettings,
    roles: &[AssumeRole],
    contact: &Contact,
    mut config: SdkConfig,
) -> Result<SdkConfig, ProviderError> {
    for role in roles {
        let before = config.credentials_provider().ok_or_else(credentials::none)?;
        let mut asked = config.clone().into_builder();
        if let Some(url) = settings.endpoints.get("sts") {
            asked = asked.endpoint_url(url);
        }
        let asked = asked.build();
        let provider = match &role.mfa_serial {
            Some(device) => {
                let with = before.provide_credentials().await;
                let with = with.map_err(|error| credentials::explain(settings, &error))?;
                SharedCredentialsProvider::new(session(settings, role, device, &with, &asked, contact).await?)
            }
            None => SharedCredentialsProvider::new(builder(role).configure(&asked).build_from_provider(before).await),
        };
        config = config.into_builder().credentials_provider(provider).build();
    }
    Ok(config)
}

fn builder(role: &AssumeRole) -> aws_config::sts::AssumeRoleProviderBuilder {
    let mut builder = AssumeRoleProvider::builder(&role.role_arn).session_name(&role.session_name);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    if let Some(duration) = role.duration {
        builder = builder.session_length(duration.as_std());
    }
    if let Some(policy) = &role.policy {
        builder = builder.policy(policy);
    }
    if !role.policy_arns.is_empty() {
        builder = builder.policy_arns(role.policy_arns.clone());
    }
    if !role.tags.is_empty() {
        builder = builder.tags(role.tags.clone());
    }
    builder
}

/// The session of a role that wants a code: one that stands, else a new one.
async fn session(
    settings: &AwsSettings,
    role: &AssumeRole,
    device: &str,
    with: &Credentials,
    config: &SdkConfig,
    contact: &Contact,
) -> Result<Credentials, ProviderError> {
    let key = key(role, with);
    // Providers are opened side by side: one asks, and the others use its session.
    let _alone = ASKING.lock().await;
    let known = sessions().get(&key).cloned();
    match known {
        Some(Some(session)) if holds(&session) => return Ok(session),
        Some(None) => return Err(no_code(role)),
        _ => {}
    }
    let opened = ask_and_open(settings, role, device, config, contact).await?;
    sessions().insert(key, opened.clone());
    opened.ok_or_else(|| no_code(role))
}

fn sessions() -> std::sync::MutexGuard<'static, BTreeMap<Digest, Option<Credentials>>> {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn holds(session: &Credentials) -> bool {
    session.expiry().is_none_or(|end| end > SystemTime::now() + MARGIN)
}

/// Over all that a session follows from.
fn key(role: &AssumeRole, with: &Credentials) -> Digest {
    let mut hasher = ContentHasher::new("session", 1);
    let role = serde_json::to_string(role).expect("a role is JSON");
    hasher.text("with", with.access_key_id()).text("role", &role);
    hasher.finish()
}

/// A new session; none if there is no code that AWS accepts.
async fn ask_and_open(
    settings: &AwsSettings,
    role: &AssumeRole,
    device: &str,
    config: &SdkConfig,
    contact: &Contact,
) -> Result<Option<Credentials>, ProviderError> {
    if !contact.can_ask() {
        return Err(nobody(role, device));
    }
    let client = aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(config).build());
    let call = call(&client, role).serial_number(device);
    let question = format!(
        "{} wants a code of the MFA device {device}\n  The code: ",
        role.role_arn
    );
    for _ in 0..ATTEMPTS {
        let Some(code) = contact.ask(question.clone()).await else {
            return Ok(None);
        };
        if code.len() != 6 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
            contact.events.message("A code has six digits.");
            continue;
        }
        match call.clone().token_code(code).send().await {
            Ok(answer) => return read(answer.credentials, role).map(Some),
            Err(error) if is_wrong_code(&error) => {
                contact
                    .events
                    .message("AWS does not accept this code: each holds for half a minute, and only once.");
            }
            Err(error) => {
                let error = CredentialsError::provider_error(error);
                return Err(credentials::explain(settings, &error));
            }
        }
    }
    Ok(None)
}

fn call(client: &aws_sdk_sts::Client, role: &AssumeRole) -> AssumeRoleFluentBuilder {
    let arns = role.policy_arns.iter();
    let arns: Vec<_> = arns
        .map(|arn| PolicyDescriptorType::builder().arn(arn).build())
        .collect();
    let tags = role.tags.iter();
    let tags: Vec<Tag> = tags
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    client
        .assume_role()
        .role_arn(&role.role_arn)
        .role_session_name(&role.session_name)
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.duration.and_then(|time| time.as_std().as_secs().try_into().ok()))
        .set_policy(role.policy.clone())
        .set_policy_arns(Some(arns).filter(|arns| !arns.is_empty()))
        .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
}

/// STS says `AccessDenied` of this as of everything else; only the words differ.
fn is_wrong_code<R>(
    error: &aws_sdk_sts::error::SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError, R>,
) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    message.is_some_and(|text| text.contains("MultiFactorAuthentication"))
}

fn read(found: Option<aws_sdk_sts::types::Credentials>, role: &AssumeRole) -> Result<Credentials, ProviderError> {
    let found = found.ok_or_else(|| ProviderError::Failed {
        what: format!("cannot assume {}", role.role_arn),
        why: "the answer holds no credentials".into(),
    })?;
    let builder = Credentials::builder()
        .access_key_id(found.access_key_id)
        .secret_access_key(found.secret_access_key)
        .session_token(found.session_token)
        .provider_name("AssumeRole");
    Ok(match SystemTime::try_from(found.expiration) {
        Ok(end) => builder.expiry(end).build(),
        Err(_) => builder.build(),
    })
}

fn nobody(role: &AssumeRole, device: &str) -> ProviderError {
    ProviderError::Refused {
        what: format!("cannot assume {}", role.role_arn),
        why: format!(
            "it wants a code of the MFA device {device}, and nobody can be asked: there is no terminal, or -input=false"
        ),
        help: "run it on a terminal; elsewhere fetch a session with `aws sts assume-role ... --serial-number ... \
               --token-code ...`, and hand its credentials on in the environment"
            .into(),
    }
}

fn no_code(role: &AssumeRole) -> ProviderError {
    ProviderError::Refused {
        what: format!("cannot assume {}", role.role_arn),
        why: "it wants a code of an MFA device, and none was given that AWS accepts".into(),
        help: "wait for the next code, and look whether mfa_serial names the device that shows it".into(),
    }
}
