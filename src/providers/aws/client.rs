//! Region, credentials and the clients of the services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::imds;
use aws_config::meta::region::ProvideRegion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ec2::config::SharedInterceptor;
use tokio::sync::OnceCell;

use super::json_api::{JsonApi, Service};
use super::profile::{self, Base};
use super::region::Regional;
use super::roles::{Chain, Session};
use super::throttle::Throttle;
use super::{credentials, errors};
use crate::event::Events;
use crate::providers::{Contact, ProviderError};
use crate::spec::{AwsSettings, ProviderKey, Wait};

/// How long the instance metadata may take to answer; outside of EC2 nobody does.
const IMDS_PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection, and one attempt of a call, may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const CALL_PATIENCE: Duration = Duration::from_secs(60);

/// What talks to AWS.
pub struct Client {
    /// EC2 in the region of the provider.
    pub ec2: aws_sdk_ec2::Client,
    /// That region.
    pub region: String,
    /// How things are waited for.
    pub wait: Wait,
    sts: aws_sdk_sts::Client,
    imds: imds::Client,
    host: OnceCell<Host>,
    settings: AwsSettings,
    events: Events,
    config: SdkConfig,
    json: Mutex<BTreeMap<(Service, String), JsonApi>>,
    regions: Mutex<BTreeMap<String, aws_sdk_ec2::Client>>,
    identity: OnceCell<Identity>,
    /// Those that were opened with a code, in the order of the chain.
    sessions: Vec<Arc<Session>>,
}

/// The EC2 instance on which bake runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// `i-0123...`
    pub instance: String,
    /// `eu-central-1a`
    pub zone: String,
    /// Where it is.
    pub region: String,
}

/// As whom AWS knows these credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// Of the user, or of the role with its session.
    pub arn: String,
    /// `AIDA...`; of a role `AROA...:session`.
    pub user_id: String,
}

impl Client {
    /// Finds region and credentials, as the block and the standard chain say.
    ///
    /// # Errors
    /// No region; no credentials, or ones that do not work, each in its own words.
    pub async fn connect(
        key: &ProviderKey,
        settings: &AwsSettings,
        contact: &Contact,
    ) -> Result<Client, ProviderError> {
        let imds = metadata(settings)?;
        let region = region(settings, &imds).await?;
        let mut chain = Chain::new(key, settings, contact);
        let config = match profile::with_mfa(settings, files(settings)).await? {
            None => load(settings, settings.profile.as_deref(), &region).await,
            Some(of_profile) => {
                let config = begin(settings, of_profile.base, &region).await;
                chain.assume(&of_profile.roles, config).await?
            }
        };
        let config = chain.assume(&settings.assume_role, config).await?;
        fetch_once(settings, &config).await?;
        let mut sts = aws_sdk_sts::config::Builder::from(&config);
        sts.set_endpoint_url(endpoint("sts", region.as_ref(), settings, &config));
        Ok(Client {
            ec2: ec2(region.as_ref(), settings, &config, &contact.events),
            region: region.to_string(),
            wait: settings.wait,
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            imds,
            host: OnceCell::new(),
            settings: settings.clone(),
            events: contact.events.clone(),
            config,
            json: Mutex::default(),
            regions: Mutex::default(),
            identity: OnceCell::new(),
            sessions: chain.sessions,
        })
    }

    /// Opens sessions that end soon once more, with another code.
    ///
    /// # Errors
    /// One that is over, and for which there is no other code.
    pub async fn renew(&self) -> Result<(), ProviderError> {
        for session in &self.sessions {
            session.renew().await?;
        }
        Ok(())
    }

    /// EC2 in a region.
    pub fn regional(&self, region: &str) -> Regional {
        let mut known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || match region == self.region {
            true => self.ec2.clone(),
            false => ec2(region, &self.settings, &self.config, &self.events),
        };
        Regional {
            name: region.to_owned(),
            ec2: known.entry(region.to_owned()).or_insert_with(made).clone(),
            wait: self.wait,
        }
    }

    /// A service that speaks JSON, in a region.
    pub fn json(&self, service: Service, region: &str) -> JsonApi {
        let mut known = self.json.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || JsonApi::new(service, region, &self.config, &self.settings, &self.events);
        known.entry((service, region.to_owned())).or_insert_with(made).clone()
    }

    /// As whom AWS knows the credentials (sts:GetCallerIdentity, which nobody can be denied).
    ///
    /// # Errors
    /// What is wrong with them.
    pub async fn identity(&self) -> Result<&Identity, ProviderError> {
        self.identity.get_or_try_init(|| self.who()).await
    }

    async fn who(&self) -> Result<Identity, ProviderError> {
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| errors::explain("ask AWS whose credentials these are", error))?;
        Ok(Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            user_id: answer.user_id.unwrap_or_default(),
        })
    }

    /// The instance on which bake runs, which volumes are attached to.
    ///
    /// # Errors
    /// If this is no EC2 instance, one of another region, or one whose metadata cannot be had.
    pub async fn host(&self) -> Result<&Host, ProviderError> {
        let host = self.host.get_or_try_init(|| host(&self.imds)).await?;
        if host.region == self.region {
            return Ok(host);
        }
        Err(ProviderError::Refused {
            what: "build on this host".into(),
            why: format!("it is in {}, and the provider's region is {}", host.region, self.region),
            help: "build in the region of the host, and copy the image with publish { regions = [...] }".into(),
        })
    }
}

fn ec2(region: &str, settings: &AwsSettings, config: &SdkConfig, events: &Events) -> aws_sdk_ec2::Client {
    let mut ec2 = aws_sdk_ec2::config::Builder::from(config).region(Region::new(region.to_owned()));
    ec2.push_interceptor(SharedInterceptor::new(Throttle::new(region, events)));
    ec2.set_endpoint_url(endpoint("ec2", region, settings, config));
    aws_sdk_ec2::Client::from_conf(ec2.build())
}

/// The URL of a service that the provider block or the environment gives; none: where AWS has it.
fn endpoint(service: &str, region: &str, settings: &AwsSettings, config: &SdkConfig) -> Option<String> {
    let written = settings.endpoints.get(service).map(String::as_str);
    let url = written.or_else(|| config.endpoint_url())?;
    Some(url.replace("{region}", region))
}

fn metadata(settings: &AwsSettings) -> Result<imds::Client, ProviderError> {
    let builder = imds::Client::builder()
        .max_attempts(2)
        .connect_timeout(IMDS_PATIENCE)
        .read_timeout(IMDS_PATIENCE);
    let Some(url) = settings.endpoints.get("imds") else {
        return Ok(builder.build());
    };
    let builder = builder.endpoint(url).map_err(|error| ProviderError::Refused {
        what: format!("reach the instance metadata at {url}"),
        why: error.to_string(),
        help: "write a URL such as http://169.254.169.254".into(),
    })?;
    Ok(builder.build())
}

/// That of the block, of the environment, of the profile, or of the instance, in this order.
async fn region(settings: &AwsSettings, imds: &imds::Client) -> Result<Region, ProviderError> {
    if let Some(region) = &settings.region {
        return Ok(Region::new(region.clone()));
    }
    let from_environment = aws_config::environment::region::EnvironmentVariableRegionProvider::new();
    if let Some(region) = from_environment.region().await {
        return Ok(region);
    }
    let mut of_profile = aws_config::profile::region::Builder::default();
    if let Some(profile) = &settings.profile {
        of_profile = of_profile.profile_name(profile);
    }
    if let Some(files) = files(settings) {
        of_profile = of_profile.profile_files(files);
    }
    if let Some(region) = of_profile.build().region().await {
        return Ok(region);
    }
    let of_instance = aws_config::imds::region::ImdsRegionProvider::builder()
        .imds_client(imds.clone())
        .build();
    of_instance.region().await.ok_or_else(|| ProviderError::Refused {
        what: "find out the AWS region".into(),
        why: "neither the provider block, AWS_REGION, the profile nor the instance metadata says it".into(),
        help: "write region = \"...\" in the provider block, or set AWS_REGION".into(),
    })
}

fn files(settings: &AwsSettings) -> Option<EnvConfigFiles> {
    if settings.config_files.is_empty() && settings.credentials_files.is_empty() {
        return None;
    }
    let mut files = EnvConfigFiles::builder();
    match settings.config_files.as_slice() {
        [] => files = files.include_default_config_file(true),
        given => {
            for path in given {
                files = files.with_file(EnvConfigFileKind::Config, path);
            }
        }
    }
    match settings.credentials_files.as_slice() {
        [] => files = files.include_default_credentials_file(true),
        given => {
            for path in given {
                files = files.with_file(EnvConfigFileKind::Credentials, path);
            }
        }
    }
    Some(files.build())
}

/// The standard chain, with what the block says in its place.
async fn load(settings: &AwsSettings, profile: Option<&str>, region: &Region) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(settings.max_retries + 1)
        .with_max_backoff(Duration::from_secs(20));
    let patience = TimeoutConfig::builder()
        .connect_timeout(CONNECT_PATIENCE)
        .operation_attempt_timeout(CALL_PATIENCE);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .retry_config(retries)
        .timeout_config(patience.build());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(files) = files(settings) {
        loader = loader.profile_files(files);
    }
    loader.load().await
}

/// With what a profile begins whose roles are assumed by bake itself.
async fn begin(settings: &AwsSettings, base: Base, region: &Region) -> SdkConfig {
    match base {
        Base::Profile(name) => load(settings, Some(&name), region).await,
        Base::Keys(keys) => {
            let config = load(settings, settings.profile.as_deref(), region).await;
            let keys = SharedCredentialsProvider::new(keys);
            config.into_builder().credentials_provider(keys).build()
        }
    }
}

/// Fetches credentials once, so that what is wrong with them is said in its own words.
async fn fetch_once(settings: &AwsSettings, config: &SdkConfig) -> Result<(), ProviderError> {
    let provider = config.credentials_provider().ok_or_else(credentials::none)?;
    let fetched = provider.provide_credentials().await;
    fetched
        .map(|_| ())
        .map_err(|error| credentials::explain(settings, &error))
}

async fn host(imds: &imds::Client) -> Result<Host, ProviderError> {
    let document = imds.get("/latest/dynamic/instance-identity/document").await;
    let document = document.map_err(|error| ProviderError::Refused {
        what: "find out on which EC2 instance this is".into(),
        why: format!("the instance metadata does not answer: {}", errors::chain(&error)),
        help: "run bake on an EC2 instance; in a container the metadata needs a hop limit of 2".into(),
    })?;
    let read = || {
        let document: serde_json::Value = serde_json::from_str(document.as_ref()).ok()?;
        let text = |name: &str| Some(document.get(name)?.as_str()?.to_owned());
        Some(Host {
            instance: text("instanceId")?,
            zone: text("availabilityZone")?,
            region: text("region")?,
        })
    };
    read().ok_or_else(|| ProviderError::Damaged {
        what: "the instance identity document".into(),
        why: "it does not name instance, zone and region".into(),
    })
}
