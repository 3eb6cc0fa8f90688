//! Roles that are assumed one from the other, with the code of an MFA device where a role wants one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use super::credentials;
use crate::digest::{ContentHasher, Digest};
use crate::providers::{Contact, ProviderError};
use crate::spec::{AssumeRole, AwsSettings, ProviderKey};

/// How often a person may mistype.
const ATTEMPTS: usize = 3;
/// A session is opened once more when so little of it is left, or a quarter of it if that is less.
const MARGIN: Duration = Duration::from_secs(60);
/// In the text of every call for which a session came to its end.
pub const OVER: &str = "the session that was opened with a code of an MFA device is over";

/// Sessions that were opened with a code. A code opens one and is then worth nothing, and one command opens a provider
/// several times, so they are kept for as long as the process lives, and nowhere else. None: the person gave up.
static SESSIONS: Mutex<BTreeMap<Digest, Option<Opened>>> = Mutex::new(BTreeMap::new());

/// Held while a code is asked for.
static ASKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What a code has opened.
#[derive(Debug, Clone)]
struct Opened {
    credentials: Credentials,
    /// From then on another one is wanted.
    renewed: Option<SystemTime>,
}

impl Opened {
    fn new(credentials: Credentials) -> Opened {
        let now = SystemTime::now();
        let before = |end: SystemTime| end - MARGIN.min(end.duration_since(now).unwrap_or_default() / 4);
        Opened {
            renewed: credentials.expiry().map(before),
            credentials,
        }
    }

    fn holds(&self) -> bool {
        self.renewed.is_none_or(|then| then > SystemTime::now())
    }

    fn is_over(&self) -> bool {
        let end = self.credentials.expiry();
        end.is_some_and(|end| end <= SystemTime::now())
    }
}

/// Roles that are assumed one from the other, for one provider.
pub struct Chain<'a> {
    key: &'a ProviderKey,
    settings: &'a AwsSettings,
    contact: &'a Contact,
    /// Those for which somebody was asked.
    pub sessions: Vec<Arc<Session>>,
}

impl<'a> Chain<'a> {
    /// Nothing is assumed yet.
    pub fn new(key: &'a ProviderKey, settings: &'a AwsSettings, contact: &'a Contact) -> Chain<'a> {
        Chain {
            key,
            settings,
            contact,
            sessions: Vec::new(),
        }
    }

    /// Assumes each role with the credentials of the one before; the first with those of the configuration.
    ///
    /// # Errors
    /// What kept a role from being assumed; that a code is wanted and nobody can be asked.
    pub async fn assume(&mut self, roles: &[AssumeRole], mut config: SdkConfig) -> Result<SdkConfig, ProviderError> {
        for role in roles {
            let before = config.credentials_provider().ok_or_else(credentials::none)?;
            let mut asked = config.clone().into_builder();
            if let Some(url) = self.settings.endpoints.get("sts") {
                asked = asked.endpoint_url(url);
            }
            let asked = asked.build();
            let provider = match &role.mfa_serial {
                Some(device) => {
                    let device = device.clone();
                    SharedCredentialsProvider::new(Held(self.session(role, device, before, asked).await?))
                }
                None => {
                    SharedCredentialsProvider::new(builder(role).configure(&asked).build_from_provider(before).await)
                }
            };
            config = config.into_builder().credentials_provider(provider).build();
        }
        Ok(config)
    }

    async fn session(
        &mut self,
        role: &AssumeRole,
        device: String,
        before: SharedCredentialsProvider,
        config: SdkConfig,
    ) -> Result<Arc<Session>, ProviderError> {
        let session = Arc::new(Session {
            key: self.key.clone(),
            settings: self.settings.clone(),
            contact: self.contact.clone(),
            role: role.clone(),
            device,
            before,
            config,
            now: Mutex::new(None),
        });
        session.open().await?;
        self.sessions.push(Arc::clone(&session));
        Ok(session)
    }
}

/// The session of a role that wants a code, and all with which another is opened when it ends.
#[derive(Debug)]
pub struct Session {
    key: ProviderKey,
    settings: AwsSettings,
    contact: Contact,
    role: AssumeRole,
    device: String,
    before: SharedCredentialsProvider,
    config: SdkConfig,
    now: Mutex<Option<Opened>>,
}

/// A session as what signs calls.
#[derive(Debug)]
struct Held(Arc<Session>);

impl ProvideCredentials for Held {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // Nobody is asked in the middle of a call, which would be given up meanwhile.
        let stands = self.0.now().filter(|opened| !opened.is_over());
        let over = || CredentialsError::provider_error(format!("{OVER}: that of {}", self.0.role.role_arn));
        future::ProvideCredentials::ready(stands.map(|opened| opened.credentials).ok_or_else(over))
    }
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

impl Session {
    fn now(&self) -> Option<Opened> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes one that stands, else opens a new one.
    async fn open(&self) -> Result<(), ProviderError> {
        let with = self.before.provide_credentials().await;
        let with = with.map_err(|error| credentials::explain(&self.settings, &error))?;
        let key = key(&self.role, &with);
        // Providers are opened side by side: one asks, and the others use its session.
        let _alone = ASKING.lock().await;
        let known = sessions().get(&key).cloned();
        let opened = match known {
            Some(Some(opened)) if opened.holds() => opened,
            Some(None) => return Err(self.no_code()),
            _ => {
                let opened = self.ask_and_open().await?.map(Opened::new);
                sessions().insert(key, opened.clone());
                opened.ok_or_else(|| self.no_code())?
            }
        };
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(())
    }

    /// Opens another one when this one ends soon. Without a code it is used to its end.
    ///
    /// # Errors
    /// That it is over, and no other was opened.
    pub async fn renew(&self) -> Result<(), ProviderError> {
        let Some(opened) = self.now().filter(|opened| !opened.holds()) else {
            return Ok(());
        };
        match self.open().await {
            Err(error) if opened.is_over() => Err(error),
            _ => Ok(()),
        }
    }

    /// A new session; none if there is no code that AWS accepts.
    async fn ask_and_open(&self) -> Result<Option<Credentials>, ProviderError> {
        if !self.contact.can_ask() {
            return Err(self.nobody());
        }
        let client = aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(&self.config).build());
        let call = call(&client, &self.role).serial_number(&self.device);
        let (key, role, device) = (&self.key, &self.role.role_arn, &self.device);
        let question = match self.now() {
            None => format!("{key}: {role} wants a code of the MFA device {device}\n  The code: "),
            Some(_) => {
                format!("{key}: the session of {role} ends; another code of the MFA device {device}\n  The code: ")
            }
        };
        for _ in 0..ATTEMPTS {
            let Some(code) = self.contact.ask(question.clone()).await else {
                return Ok(None);
            };
            if code.len() != 6 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
                self.contact.events.message("A code has six digits.");
                continue;
            }
            match call.clone().token_code(code).send().await {
                Ok(answer) => return read(answer.credentials, &self.role).map(Some),
                Err(error) if is_wrong_code(&error) => {
                    self.contact
                        .events
                        .message("AWS does not accept this code: each holds for half a minute, and only once.");
                }
                Err(error) => {
                    let error = CredentialsError::provider_error(error);
                    return Err(credentials::explain(&self.settings, &error));
                }
            }
        }
        Ok(None)
    }

    fn nobody(&self) -> ProviderError {
        ProviderError::Refused {
            what: format!("cannot assume {}", self.role.role_arn),
            why: format!(
                "it wants a code of the MFA device {}, and nobody can be asked: there is no terminal, or -input=false",
                self.device
            ),
            help: "run it on a terminal; elsewhere fetch a session with `aws sts assume-role ... --serial-number ... \
                   --token-code ...`, and hand its credentials on in the environment"
                .into(),
        }
    }

    fn no_code(&self) -> ProviderError {
        match self.now() {
            None => ProviderError::Refused {
                what: format!("cannot assume {}", self.role.role_arn),
                why: "it wants a code of an MFA device, and none was given that AWS accepts".into(),
                help: "wait for the next code, and look whether mfa_serial names the device that shows it".into(),
            },
            Some(_) => over(
                format!("cannot go on as {}", self.role.role_arn),
                "and no other code was given",
            ),
        }
    }
}

/// That a session came to its end.
pub fn over(what: String, more: &str) -> ProviderError {
    ProviderError::Refused {
        what,
        why: format!("{OVER}, {more}"),
        help: "run the same command again, with a new code: it goes on from what stands, and clears up the rest; `duration` \
               in assume_role makes sessions longer"
            .into(),
    }
}

fn sessions() -> std::sync::MutexGuard<'static, BTreeMap<Digest, Option<Opened>>> {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Over all that a session follows from.
fn key(role: &AssumeRole, with: &Credentials) -> Digest {
    let mut hasher = ContentHasher::new("session", 1);
    let role = serde_json::to_string(role).expect("a role is JSON");
    hasher.text("with", with.access_key_id()).text("role", &role);
    hasher.finish()
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
