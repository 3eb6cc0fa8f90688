//! The few calls of services that speak JSON (SSM, KMS, Secrets Manager), signed and repeated by what the SDK is made of.
//!
//! Each of their SDK crates would cost more time to build than all of bake. A request is a POST with the name of the action in
//! `X-Amz-Target`; an answer that says no has its code in `x-amzn-ErrorType` or in `__type` (AWS JSON 1.1 protocol).

use std::fmt;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_ec2::config::{Layer, RuntimeComponentsBuilder};
use aws_sdk_ec2::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use serde_json::Value;

use super::errors;
use super::throttle::Throttle;
use crate::event::Events;
use crate::providers::ProviderError;
use crate::spec::AwsSettings;

/// A service that speaks JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Systems Manager: the Parameter Store.
    Ssm,
    /// The Key Management Service.
    Kms,
    /// Secrets Manager.
    Secrets,
}

impl Service {
    /// In hosts, signatures, and in the `endpoints` block of the provider.
    fn name(self) -> &'static str {
        match self {
            Service::Ssm => "ssm",
            Service::Kms => "kms",
            Service::Secrets => "secretsmanager",
        }
    }

    /// What stands before the action in `X-Amz-Target`.
    fn target(self) -> &'static str {
        match self {
            Service::Ssm => "AmazonSSM",
            Service::Kms => "TrentService",
            Service::Secrets => "secretsmanager",
        }
    }

    /// The variable with the URL of this service alone (AWS SDKs reference guide, "Service-specific endpoints").
    fn variable(self) -> &'static str {
        match self {
            Service::Ssm => "AWS_ENDPOINT_URL_SSM",
            Service::Kms => "AWS_ENDPOINT_URL_KMS",
            Service::Secrets => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        }
    }
}

/// A service in a region. Connections are kept for further calls.
#[derive(Debug, Clone)]
pub struct JsonApi {
    service: Service,
    repeating: Operation<Asked, Value, Refusal>,
    once: Operation<Asked, Value, Refusal>,
}

/// Why a call failed.
pub type CallError = SdkError<Refusal, HttpResponse>;

impl JsonApi {
    /// A service of a region, with credentials, retries and time limits of that configuration. Nothing is asked yet.
    pub fn new(service: Service, region: &str, config: &SdkConfig, settings: &AwsSettings, events: &Events) -> JsonApi {
        let place = Place {
            service,
            region,
            events,
            url: endpoint(service, region, config, settings),
            config,
        };
        JsonApi {
            service,
            repeating: place.operation(Repeat::AsConfigured),
            once: place.operation(Repeat::Never),
        }
    }

    /// Calls an action; what is throttled, or gets no answer, is repeated as `max_retries` says.
    ///
    /// # Errors
    /// What the service said ([`errors::code`]), or why there is no answer.
    pub async fn call(&self, action: &str, body: &Value) -> Result<Value, CallError> {
        self.repeating.invoke(self.asked(action, body)).await
    }

    /// Calls an action whose effect must not be had twice: it is never repeated.
    ///
    /// # Errors
    /// What the service said; where [`errors::is_unclear`] says so it may have had its effect all the same.
    pub async fn call_once(&self, action: &str, body: &Value) -> Result<Value, CallError> {
        self.once.invoke(self.asked(action, body)).await
    }

    /// Calls an action that may be repeated; `what` reads after "cannot": "read the parameter /x".
    ///
    /// # Errors
    /// In words that say what to do.
    pub async fn ask(&self, what: &str, action: &str, body: &Value) -> Result<Value, ProviderError> {
        let answer = self.call(action, body).await;
        answer.map_err(|error| errors::explain(what, error))
    }

    fn asked(&self, action: &str, body: &Value) -> Asked {
        Asked {
            target: format!("{}.{action}", self.service.target()),
            body: body.to_string(),
        }
    }
}

/// One call.
#[derive(Debug)]
struct Asked {
    target: String,
    body: String,
}

/// Whether a call that failed is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    AsConfigured,
    Never,
}

/// What all calls of one service and region have in common.
struct Place<'a> {
    service: Service,
    region: &'a str,
    events: &'a Events,
    url: String,
    config: &'a SdkConfig,
}

impl Place<'_> {
    fn operation(&self, repeat: Repeat) -> Operation<Asked, Value, Refusal> {
        let version = self.config.behavior_version();
        let mut operation = Operation::builder()
            .service_name(self.service.name())
            .operation_name("call")
            .behavior_version(version.unwrap_or(BehaviorVersion::v2026_01_12()))
            .endpoint_url(&self.url)
            .runtime_plugin(self.signing())
            .interceptor(Throttle::new(self.region, self.events))
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
            .retry_classifier(HttpStatusCodeClassifier::default());
        if let Some(client) = self.config.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(patience) = self.config.timeout_config() {
            operation = operation.timeout_config(patience.clone());
        }
        operation = match self.config.retry_config() {
            Some(retries) if repeat == Repeat::AsConfigured => operation.standard_retry(retries),
            _ => operation.no_retry(),
        };
        operation.serializer(request).deserializer(answer).build()
    }

    /// Whose signature, for which service and region.
    fn signing(&self) -> StaticRuntimePlugin {
        let mut layer = Layer::new("signing");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(Region::new(self.region.to_owned()).into()),
            name: Some(self.service.name().into()),
            ..SigV4OperationSigningConfig::default()
        });
        let mut parts = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])));
        if let Some(credentials) = self.config.credentials_provider() {
            parts.set_identity_resolver(SCHEME_ID, credentials);
        }
        if let Some(cache) = self.config.identity_cache() {
            parts.set_identity_cache(Some(cache));
        }
        StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(parts)
    }
}

/// Where a service is: as the provider block says, the environment, the profile, or where AWS has it.
fn endpoint(service: Service, region: &str, config: &SdkConfig, settings: &AwsSettings) -> String {
    let written = settings.endpoints.get(service.name()).cloned();
    let written = written.or_else(|| std::env::var(service.variable()).ok().filter(|url| !url.is_empty()));
    let written = written.or_else(|| config.endpoint_url().map(str::to_owned));
    match written {
        Some(url) => url.replace("{region}", region),
        None => usual(service.name(), region, config),
    }
}

/// AWS's own host of a service (AWS General Reference, "Regional endpoints").
fn usual(service: &str, region: &str, config: &SdkConfig) -> String {
    let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
    let dual = config.use_dual_stack() == Some(true);
    let domain = match region {
        _ if region.starts_with("cn-") && dual => "api.amazonwebservices.com.cn",
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ if dual => "api.aws",
        _ => "amazonaws.com",
    };
    format!("https://{service}{fips}.{region}.{domain}")
}

fn request(asked: Asked) -> Result<HttpRequest, aws_sdk_ec2::error::BoxError> {
    let length = asked.body.len().to_string();
    let mut request = HttpRequest::new(asked.body.into());
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("content-length", length);
    headers.insert("x-amz-target", asked.target);
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Value, OrchestratorError<Refusal>> {
    let bytes = response.body().bytes().unwrap_or_default();
    let body = serde_json::from_slice::<Value>(bytes);
    if response.status().is_success() {
        return match body {
            Ok(value) => Ok(value),
            Err(_) if bytes.is_empty() => Ok(Value::Null),
            Err(error) => Err(OrchestratorError::response(Box::new(error))),
        };
    }
    let body = body.unwrap_or_default();
    let said = response.headers().get("x-amzn-errortype");
    let said = said.or_else(|| body.get("__type").and_then(Value::as_str));
    Err(OrchestratorError::operation(Refusal::of(said, &body)))
}

/// What a service said when it said no.
#[derive(Debug)]
pub struct Refusal(ErrorMetadata);

impl Refusal {
    /// A code may have a name space in front and a URL behind it: `com.amazonaws.ssm#ParameterNotFound:http://...`.
    fn of(said: Option<&str>, body: &Value) -> Refusal {
        let code = said.map(|said| said.split(':').next().unwrap_or(said));
        let code = code.map(|code| code.rsplit('#').next().unwrap_or(code));
        let message = ["message", "Message"].iter().find_map(|name| body.get(name)?.as_str());
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        if let Some(message) = message.filter(|message| !message.is_empty()) {
            metadata = metadata.message(message);
        }
        Refusal(metadata.build())
    }
}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = (self.0.code(), self.0.message());
        write!(
            f,
            "{}: {}",
            code.unwrap_or("an error without a code"),
            message.unwrap_or("no reason was given")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use aws_config::retry::RetryConfig;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use serde_json::json;

    use super::*;

    /// Answers calls one after the other; what was asked.
    fn serve(answers: Vec<(u16, &'static str)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let served = std::thread::spawn(move || {
            let mut all = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().expect("a client connects");
                let mut asked = Vec::new();
                let mut part = [0; 4096];
                while !asked.ends_with(b"}") {
                    let read = stream.read(&mut part).expect("a request");
                    asked.extend_from_slice(&part[..read]);
                }
                all.push(String::from_utf8_lossy(&asked).into_owned());
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).expect("it reads");
                stream.write_all(body.as_bytes()).expect("it reads");
            }
            all
        });
        (url, served)
    }

    fn api(url: String) -> JsonApi {
        let keys = Credentials::new("AKIA", "secret", None, None, "test");
        let retries = RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(retries);
        let settings = AwsSettings {
            endpoints: [("ssm".to_owned(), url)].into(),
            ..AwsSettings::default()
        };
        JsonApi::new(
            Service::Ssm,
            "eu-west-1",
            &config.build(),
            &settings,
            &Events::nowhere(),
        )
    }

    #[tokio::test]
    async fn a_call_is_signed_and_repeated() {
        let (url, served) = serve(vec![
            (500, "{}"),
            (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
            (200, r#"{"Parameters":[]}"#),
        ]);
        let answer = api(url).call("GetParameters", &json!({ "Names": ["/x"] })).await;
        assert_eq!(answer.expect("the third answer is good"), json!({ "Parameters": [] }));
        for asked in served.join().expect("it served") {
            assert!(asked.starts_with("POST / HTTP/1.1"), "{asked}");
            assert!(asked.contains("x-amz-target: AmazonSSM.GetParameters"), "{asked}");
            assert!(asked.contains("/eu-west-1/ssm/aws4_request"), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_refusal_has_its_code_and_what_must_happen_once_is_not_repeated() {
        let (url, served) = serve(vec![(
            400,
            r#"{"__type":"com.amazonaws.ssm#ParameterNotFound:http://x","message":""}"#,
        )]);
        let error = api(url)
            .call("GetParameter", &json!({}))
            .await
            .expect_err("it is refused");
        assert_eq!(errors::code(&error), Some("ParameterNotFound"));
        assert_eq!(served.join().expect("it served").len(), 1);
        let (url, served) = serve(vec![(500, r#"{"__type":"InternalServerError"}"#)]);
        let error = api(url)
            .call_once("PutParameter", &json!({}))
            .await
            .expect_err("it fails");
        assert!(errors::is_unclear(&error), "{error:?}");
        assert_eq!(served.join().expect("it served").len(), 1);
    }

    #[test]
    fn a_service_is_where_its_region_is() {
        let config = SdkConfig::builder().build();
        for (region, url) in [
            ("eu-west-1", "https://kms.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://kms.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "https://kms.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(usual("kms", region, &config), url);
        }
    }
}
