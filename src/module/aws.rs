//! `provider "aws"`: its tables, and its settings from what was written.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{Block, Class, Default, Object, Type, argument, block, many, once};
use crate::spec::{AssumeRole, AwsSettings, Wait};

const NO_KEYS: &str = "a module holds no credentials: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, \
                       or name a profile";

/// The table of `provider "aws"`.
pub static AWS: Block = block("provider")
    .kind("aws")
    .doc("AMIs, built on an EC2 instance of the region without launching another. Credentials come from the standard chain.")
    .arguments(&[
        super::blocks::ALIAS,
        argument("region", Type::Text, Class::Run)
            .doc("Default: AWS_REGION, the profile's, else that of the instance on which bake runs."),
        argument("profile", Type::Text, Class::Run).doc("Default: AWS_PROFILE."),
        argument("shared_config_files", Type::TextList, Class::Run).doc("Instead of ~/.aws/config."),
        argument("shared_credentials_files", Type::TextList, Class::Run).doc("Instead of ~/.aws/credentials."),
        argument("default_tags", Type::TextMap, Class::Run)
            .doc("Tags on everything that is made; publish.tags and volume.tags win over them."),
        argument("max_retries", Type::Integer(0, 100), Class::Run)
            .default(Default::Integer(10))
            .doc("How often a call is repeated that was throttled or got no answer."),
        argument("access_key", Type::Any, Class::Run).unsupported(NO_KEYS),
        argument("secret_key", Type::Any, Class::Run).unsupported(NO_KEYS),
        argument("token", Type::Any, Class::Run).unsupported(NO_KEYS),
        argument("mfa_code", Type::Any, Class::Run).unsupported(
            "a module holds no codes: write assume_role { mfa_serial = \"...\" }, and the code is asked for",
        ),
        argument("custom_endpoint_ec2", Type::Any, Class::Run).unsupported("write endpoints { ec2 = \"...\" }"),
        argument("insecure_skip_tls_verify", Type::Any, Class::Run)
            .unsupported("certificates are always verified; for a test give an endpoint that begins with http://"),
        argument("skip_metadata_api_check", Type::Any, Class::Run).unsupported("set AWS_EC2_METADATA_DISABLED=true"),
        argument("skip_credential_validation", Type::Any, Class::Run)
            .unsupported("leave it out: credentials are first used when the account is asked what stands"),
        argument("skip_region_validation", Type::Any, Class::Run)
            .unsupported("leave it out: there is no list of regions that could be out of date"),
        argument("decode_authorization_messages", Type::Any, Class::Run)
            .unsupported("leave it out: what was denied is named with the call"),
    ])
    .blocks(&[many(&ASSUME_ROLE), once(&ENDPOINTS), once(&WAIT), once(&VAULT)]);

static ASSUME_ROLE: Block = block("assume_role")
    .doc("A role to be assumed; of several each is assumed by the one before.")
    .arguments(&[
        argument("role_arn", Type::Text, Class::Run)
            .required()
            .doc("arn:aws:iam::ACCOUNT:role/NAME"),
        argument("session_name", Type::Text, Class::Run)
            .default(Default::Text("bake"))
            .doc("How the session is called in logs."),
        argument("external_id", Type::Text, Class::Run).doc("What the role's trust policy asks for."),
        argument("duration", Type::Duration, Class::Run).doc("15m to 12h; fetched anew before that is over."),
        argument("mfa_serial", Type::Text, Class::Run).doc(
            "The MFA device whose code the role wants: its ARN, or the serial number of a hardware device. The code is asked \
             for on the terminal, once for a command.",
        ),
        argument("policy", Type::Text, Class::Run).doc("A policy (JSON) that narrows the role's."),
        argument("policy_arns", Type::TextList, Class::Run).doc("Policies that narrow the role's."),
        argument("tags", Type::TextMap, Class::Run).doc("Session tags."),
        argument("transitive_tag_keys", Type::TextList, Class::Run)
            .unsupported("give each assume_role block the tags that it needs"),
    ]);

static ENDPOINTS: Block = block("endpoints")
    .doc("URLs instead of AWS's own, by service; {region} in one stands for the region.")
    .arguments(&[
        argument("ec2", Type::Text, Class::Run).doc("EC2."),
        argument("sts", Type::Text, Class::Run).doc("STS."),
        argument("ssm", Type::Text, Class::Run).doc("Systems Manager: parameters."),
        argument("kms", Type::Text, Class::Run).doc("The Key Management Service."),
        argument("secretsmanager", Type::Text, Class::Run).doc("Secrets Manager."),
        argument("imds", Type::Text, Class::Run).doc("The instance metadata."),
        argument("ebs", Type::Text, Class::Run).unsupported("the EBS direct route is not supported yet"),
    ]);

static WAIT: Block = block("wait")
    .doc("How long is waited for what EC2 does. Looks follow each other fast at first, then more slowly.")
    .arguments(&[
        argument("interval", Type::Duration, Class::Run)
            .default(Default::Text("5s"))
            .doc("The longest pause between two looks."),
        argument("timeout", Type::Duration, Class::Run)
            .default(Default::Text("1h"))
            .doc("After this it counts as failed."),
    ]);

static VAULT: Block = block("vault_aws_engine").unsupported(
    "fetch credentials from Vault before: `vault read -format=json aws/creds/NAME`, and hand them on in the environment",
);

/// The settings of a block.
pub(super) fn settings(object: &Object, found: &mut Diagnostics) -> AwsSettings {
    check_tags(object, found);
    AwsSettings {
        region: object.text("region").map(str::to_owned),
        profile: object.text("profile").map(str::to_owned),
        config_files: object.list("shared_config_files"),
        credentials_files: object.list("shared_credentials_files"),
        assume_role: object.children("assume_role").map(|block| assume_role(block)).collect(),
        default_tags: object.map("default_tags"),
        endpoints: object
            .child("endpoints")
            .map(|block| endpoints(block, found))
            .unwrap_or_default(),
        wait: object.child("wait").map(|block| wait(block)).unwrap_or_default(),
        max_retries: object
            .integer("max_retries")
            .and_then(|number| number.try_into().ok())
            .unwrap_or(10),
    }
}

fn assume_role(block: &Object) -> AssumeRole {
    AssumeRole {
        role_arn: block.text("role_arn").unwrap_or_default().to_owned(),
        session_name: block.text("session_name").unwrap_or("bake").to_owned(),
        external_id: block.text("external_id").map(str::to_owned),
        mfa_serial: block.text("mfa_serial").map(str::to_owned),
        duration: block.duration("duration").map(|duration| duration.value),
        policy: block.text("policy").map(str::to_owned),
        policy_arns: block.list("policy_arns"),
        tags: block.map("tags"),
    }
}

fn wait(block: &Object) -> Wait {
    let usual = Wait::default();
    Wait {
        interval: block
            .duration("interval")
            .map_or(usual.interval, |interval| interval.value),
        timeout: block.duration("timeout").map_or(usual.timeout, |timeout| timeout.value),
    }
}

fn endpoints(block: &Object, found: &mut Diagnostics) -> std::collections::BTreeMap<String, String> {
    let mut all = std::collections::BTreeMap::new();
    for name in block.arguments.keys() {
        let Some(url) = block.spanned_text(name) else { continue };
        if !url.value.starts_with("http://") && !url.value.starts_with("https://") {
            let error = Diagnostic::error(format!("argument \"{name}\" has a bad value"));
            found.push(error.label(&url.span, "a URL begins with http:// or https://"));
        }
        all.insert((*name).to_owned(), url.value);
    }
    all
}

fn check_tags(object: &Object, found: &mut Diagnostics) {
    let Some(argument) = object.get("default_tags") else {
        return;
    };
    for key in object.map("default_tags").keys() {
        if key.starts_with("bake:") || key.to_ascii_lowercase().starts_with("aws:") {
            let error = Diagnostic::error(format!("a tag may not be called {key:?}"));
            found.push(error.label(
                &argument.span,
                "keys that begin with aws: or bake: belong to AWS and bake",
            ));
        }
    }
}
