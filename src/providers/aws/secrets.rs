//! Data sources that are secret: parameters of the Parameter Store, and secrets of Secrets Manager. What they hold goes
//! into the answer and nowhere else: no message shows any of it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::json_api::{CallError, Service};
use super::lookups::{bad, texts};
use super::{Aws, errors};
use crate::diagnostic::Diagnostic;
use crate::lang::Value;
use crate::schema::Object;

type Found = BTreeMap<String, Value>;

/// Codes that say that there is no such parameter or secret, or no such version of it.
const MISSING: &[&str] = &[
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "ResourceNotFoundException",
];
/// Codes that say that its key cannot be used.
const UNDECIPHERABLE: &[&str] = &["InvalidKeyId", "DecryptionFailure"];

impl Aws {
    /// A parameter; `pinned` is the number of its version in the lock file.
    ///
    /// # Errors
    /// A version and a label at once; that it is not there, or may not be read.
    pub(super) async fn parameter(&self, arguments: &Object, pinned: Option<&Value>) -> Result<Found, Diagnostic> {
        let name = arguments.text("name").unwrap_or_default();
        let label = arguments.text("label");
        let version = arguments.integer("version").map(|number| number.to_string());
        if version.is_some() && label.is_some() {
            return Err(bad(arguments, "label", "there is a version already").help("write one of them"));
        }
        let pinned = pinned.and_then(Value::as_u64).map(|number| number.to_string());
        let selector = pinned.as_deref().or(version.as_deref()).or(label);
        let asked = match selector {
            Some(selector) => format!("{name}:{selector}"),
            None => name.to_owned(),
        };
        let client = self.client().await?;
        let body = json!({ "Name": asked, "WithDecryption": true });
        let answer = client
            .json(Service::Ssm, &client.region)
            .call("GetParameter", &body)
            .await;
        let answer =
            answer.map_err(|error| Wanted::parameter(name, selector, pinned.is_some(), client).explain(error))?;
        let of = |key: &str| answer.pointer(&format!("/Parameter/{key}"));
        let text = |key: &str| of(key).and_then(Json::as_str).map(str::to_owned);
        let plain = text("Type").is_some_and(|kind| kind != "SecureString");
        let mut found = texts([
            ("value", text("Value")),
            ("insecure_value", text("Value").filter(|_| plain)),
            ("type", text("Type")),
            ("data_type", text("DataType")),
            ("arn", text("ARN")),
        ]);
        let version = of("Version").and_then(Json::as_i64);
        found.extend(version.map(|version| ("version".to_owned(), Value::from(version))));
        Ok(found)
    }

    /// A secret; `pinned` is the id of its version in the lock file.
    ///
    /// # Errors
    /// A version and a stage at once; that it is not there, or may not be read; a key where there is no JSON object that
    /// has it.
    pub(super) async fn secret(&self, arguments: &Object, pinned: Option<&Value>) -> Result<Found, Diagnostic> {
        let name = arguments.text("name").unwrap_or_default();
        let (version, stage) = (arguments.text("version"), arguments.text("version_stage"));
        if version.is_some() && stage.is_some() {
            return Err(bad(arguments, "version_stage", "there is a version already").help("write one of them"));
        }
        let pinned = pinned.and_then(Value::as_str);
        let mut body = json!({ "SecretId": name });
        match (pinned.or(version), stage) {
            (Some(id), _) => body["VersionId"] = id.into(),
            (None, Some(stage)) => body["VersionStage"] = stage.into(),
            (None, None) => {}
        }
        let client = self.client().await?;
        let answer = client
            .json(Service::Secrets, &client.region)
            .call("GetSecretValue", &body)
            .await;
        let selector = pinned.or(version).or(stage);
        let answer = answer.map_err(|error| Wanted::secret(name, selector, pinned.is_some(), client).explain(error))?;
        let text = |key: &str| answer.get(key).and_then(Json::as_str).map(str::to_owned);
        let value = match arguments.text("key") {
            None => text("SecretString"),
            Some(key) => Some(at_key(arguments, text("SecretString").as_deref(), key)?),
        };
        Ok(texts([
            ("value", value),
            ("binary", text("SecretBinary")),
            ("version", text("VersionId")),
            ("arn", text("ARN")),
        ]))
    }
}

/// What stands under a key of a secret that is a JSON object. What else is in it is not told.
fn at_key(arguments: &Object, text: Option<&str>, key: &str) -> Result<String, Diagnostic> {
    let object = text.and_then(|text| serde_json::from_str::<Json>(text).ok());
    let object = object.as_ref().and_then(Json::as_object);
    let object = object.ok_or_else(|| {
        let error = bad(arguments, "key", "the secret is no JSON object");
        error.help("leave key out, and read the whole value")
    })?;
    match object.get(key) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(bad(arguments, "key", "the secret has no such key").help("keys are case-sensitive")),
    }
}

/// What was asked for, as an error names it.
struct Wanted {
    /// `parameter /images/token`
    what: String,
    /// `version 3`, `the label "prod"`: as it was asked for.
    selector: Option<String>,
    pinned: bool,
    region: String,
    /// The right that reading it needs.
    right: &'static str,
}

impl Wanted {
    fn parameter(name: &str, selector: Option<&str>, pinned: bool, client: &super::client::Client) -> Wanted {
        Wanted {
            what: format!("parameter {name}"),
            selector: selector.map(|one| match one.bytes().all(|digit| digit.is_ascii_digit()) {
                true => format!("version {one}"),
                false => format!("version with the label {one:?}"),
            }),
            pinned,
            region: client.region.clone(),
            right: "ssm:GetParameter",
        }
    }

    fn secret(name: &str, selector: Option<&str>, pinned: bool, client: &super::client::Client) -> Wanted {
        Wanted {
            what: format!("secret {name}"),
            selector: selector.map(|one| format!("version {one}")),
            pinned,
            region: client.region.clone(),
            right: "secretsmanager:GetSecretValue",
        }
    }

    fn explain(&self, error: CallError) -> Diagnostic {
        let Wanted { what, region, .. } = self;
        let code = errors::code(&error).unwrap_or_default().to_owned();
        let message = error.as_service_error().map(ToString::to_string).unwrap_or_default();
        if MISSING.contains(&code.as_str()) {
            return self.missing();
        }
        // Both services answer so when it is the key that may not be used.
        let of_key = message.contains("KMS") || message.contains("master key");
        match code.as_str() {
            _ if UNDECIPHERABLE.contains(&code.as_str()) => {
                Diagnostic::error(format!("{what} in {region} cannot be decrypted"))
                    .note(message)
                    .help("look whether the key that encrypts it stands and is enabled")
            }
            "AccessDeniedException" if of_key => Diagnostic::error(format!(
                "{what} in {region} cannot be decrypted: these credentials may not use its key"
            ))
            .note(message)
            .help("they need kms:Decrypt on the key that encrypts it; bake policy -plan has the statement"),
            "AccessDeniedException" => Diagnostic::error(format!("these credentials may not read {what} in {region}"))
                .note(message)
                .help(format!("they need {}; bake policy -plan has the statement", self.right)),
            "InvalidRequestException" => Diagnostic::error(format!("{what} in {region} cannot be read"))
                .note(message)
                .help("restore the secret, or name another"),
            _ => errors::explain(&format!("read {what}"), error).into(),
        }
    }

    fn missing(&self) -> Diagnostic {
        let Wanted { what, region, .. } = self;
        match (&self.selector, self.pinned) {
            (None, _) => Diagnostic::error(format!("there is no {what} in {region}"))
                .help("names are case-sensitive; another region wants a provider block with an alias"),
            (Some(selector), true) => Diagnostic::error(format!(
                "there is no {what} in {region}, or no {selector} of it, which the lock file pins"
            ))
            .help("bake update pins the present one"),
            (Some(selector), false) => {
                Diagnostic::error(format!("there is no {what} in {region}, or no {selector} of it"))
                    .help("names and labels are case-sensitive")
            }
        }
    }
}
