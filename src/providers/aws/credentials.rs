//! Why there are no credentials, in words of its own for every way in which they can be missing or refused.
//!
//! The SDK tells its sources of credentials apart only by the texts of their errors; the rows below quote these.

use aws_credential_types::provider::error::CredentialsError;

use super::errors::{chain, refused};
use crate::providers::ProviderError;
use crate::spec::AwsSettings;

/// How one way of failing is known, and what is said of it.
struct Row {
    /// One of these is in the SDK's text.
    said: &'static [&'static str],
    why: &'static str,
    help: &'static str,
}

/// The first row that fits counts: the more special ones come before those whose words may turn up anywhere.
const ROWS: &[Row] = &[
    Row {
        said: &["MultiFactorAuthentication"],
        why: "the role wants a code of an MFA device",
        help: "write mfa_serial in the assume_role block or in the profile: the code is asked for",
    },
    Row {
        said: &["sso-session named"],
        why: "the profile names an sso-session that no file has",
        help: "write the [sso-session] section, or run aws configure sso",
    },
    Row {
        said: &[
            "invalid SSO config",
            "`sso_region` was missing",
            "`sso_start_url` was missing",
            "sso_role_name",
        ],
        why: "the profile does not say all that SSO needs",
        help: "it needs sso_session (or sso_start_url and sso_region), sso_account_id and sso_role_name; aws configure sso writes them",
    },
    Row {
        said: &["cargo feature", "Login token"],
        why: "the profile is one of `aws login`, which bake does not read",
        help: "use `aws configure export-credentials --format env`, and hand the credentials on in the environment",
    },
    Row {
        said: &["infinite loop"],
        why: "the profiles name each other as source_profile",
        help: "let the last of them have keys of its own",
    },
    Row {
        said: &[
            "missing credential source",
            "invalid credential source",
            "provider is not supported",
        ],
        why: "the profile has a role, and not with whose credentials it is assumed",
        help: "write source_profile, or credential_source = Environment, Ec2InstanceMetadata or EcsContainer",
    },
    Row {
        said: &[
            "was not defined",
            "did not contain credential information",
            "No profiles were defined",
        ],
        why: "the profile is not there, or says nothing of credentials",
        help: "look into ~/.aws/config and ~/.aws/credentials, and at AWS_PROFILE",
    },
    Row {
        said: &["invalid profile"],
        why: "~/.aws/config or ~/.aws/credentials does not read",
        help: "look at the line that is named",
    },
    Row {
        said: &["external process"],
        why: "the program that credential_process names failed, or did not write what it should",
        help: "run it by hand: it must write a JSON object with Version 1, AccessKeyId and SecretAccessKey",
    },
    Row {
        said: &[
            "WebIdentity",
            "InvalidIdentityToken",
            "IDPRejectedClaim",
            "IDPCommunicationError",
        ],
        why: "AWS does not accept the web identity token",
        help: "look whether it has expired, and whether the role trusts whoever issued it (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN)",
    },
    Row {
        said: &["ECS provider", "HTTP credential provider", "EcsContainer", "ECS"],
        why: "the agent of the container gives no credentials",
        help: "look at AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, and whether the task or pod has a role",
    },
    Row {
        said: &["Incorrect IMDS/IAM configuration"],
        why: "the instance's role cannot be used by an instance",
        help: "its trust policy must name ec2.amazonaws.com",
    },
    Row {
        said: &["IMDS"],
        why: "the instance metadata gives no credentials",
        help: "give the instance a role; in a container the metadata needs a hop limit of 2",
    },
    Row {
        said: &["ExpiredToken", "expired"],
        why: "the credentials have expired",
        help: "fetch new ones, then run the same command again",
    },
    Row {
        said: &["SSO", "sso"],
        why: "the SSO session is over or was never begun",
        help: "run aws sso login, with -profile if the profile is not the default one",
    },
    Row {
        said: &["SignatureDoesNotMatch"],
        why: "the secret key with which the role is to be assumed does not fit its access key, or the clock of this host is wrong",
        help: "set the secret key anew, and compare the clock with another's",
    },
    Row {
        said: &["InvalidClientTokenId", "UnrecognizedClient"],
        why: "AWS does not accept the credentials with which the role is to be assumed",
        help: "look whether the access key exists and is active",
    },
    Row {
        said: &["RegionDisabledException"],
        why: "STS is switched off in this region for the account of the role",
        help: "activate STS there (IAM, account settings), or choose another region",
    },
    Row {
        said: &["MalformedPolicyDocument", "PackedPolicyTooLarge"],
        why: "AWS does not take the policy or the tags of assume_role",
        help: "look at policy, policy_arns and tags: together they must not be too large",
    },
    Row {
        said: &["DurationSeconds", "MaxSessionDuration"],
        why: "the role does not allow sessions of this duration",
        help: "write a shorter duration; a role that another role assumes has one hour at most",
    },
    Row {
        said: &["AccessDenied", "not authorized"],
        why: "the role may not be assumed",
        help: "its trust policy must name who assumes it (and the external_id), and that one needs sts:AssumeRole",
    },
    Row {
        said: &["dispatch failure", "timeout", "timed out", "connector error"],
        why: "nobody answers where the credentials are fetched",
        help: "look at the network, at proxies (HTTPS_PROXY), and at the endpoints of the provider block",
    },
];

/// That nothing gave credentials.
pub fn none() -> ProviderError {
    refused(
        "cannot use AWS".into(),
        "no credentials were found: not in the environment, not in a profile, not from the instance",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write profile = \"...\" in the provider block, or give the \
         instance a role",
    )
}

/// The words for credentials that could not be had.
pub fn explain(settings: &AwsSettings, error: &CredentialsError) -> ProviderError {
    let profile = settings.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok());
    let what = || "cannot use AWS".to_owned();
    match (error, &profile) {
        (CredentialsError::CredentialsNotLoaded(_), None) => return none(),
        (CredentialsError::CredentialsNotLoaded(_), Some(name)) => {
            return refused(
                what(),
                &format!("the profile {name:?} is not there, or says nothing of credentials"),
                "look into ~/.aws/config and ~/.aws/credentials, and at AWS_PROFILE",
            );
        }
        _ => {}
    }
    let said = chain(error);
    if let (Some(file), true) = (
        token_file(),
        said.contains("No such file") || said.contains("Permission denied"),
    ) {
        let why = format!("the web identity token in {file} cannot be read ({said})");
        return refused(
            what(),
            &why,
            "look at AWS_WEB_IDENTITY_TOKEN_FILE: whoever runs bake must be able to read the file",
        );
    }
    let known = ROWS.iter().find(|row| row.said.iter().any(|part| said.contains(part)));
    let (why, help) = known.map_or(
        (
            "the credentials cannot be fetched",
            "`aws sts get-caller-identity` with the same environment says more",
        ),
        |row| (row.why, row.help),
    );
    refused(what(), &format!("{why} ({said})"), help)
}

fn token_file() -> Option<String> {
    std::env::var("AWS_WEB_IDENTITY_TOKEN_FILE")
        .ok()
        .filter(|file| !file.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(said: &str) -> String {
        explain(
            &AwsSettings::default(),
            &CredentialsError::provider_error(said.to_owned()),
        )
        .to_string()
    }

    #[test]
    fn the_more_special_words_count() {
        for (said, wanted) in [
            (
                "sso-session named `x` (referenced by profile `y`) was not found",
                "names an sso-session",
            ),
            (
                "profile `x` was not defined: could not find source profile x",
                "the profile is not there",
            ),
            (
                "Error retrieving credentials: external process exited with code 1. Stderr: expired",
                "credential_process",
            ),
            ("error response from IMDS (code: 500)", "the instance metadata"),
            (
                "Non-success status from HTTP credential provider: 500",
                "the agent of the container",
            ),
            (
                "AccessDenied: User is not authorized to perform: sts:AssumeRole",
                "the role may not be assumed",
            ),
            ("cached SSO token is expired", "have expired"),
            ("failed to read `/root/.aws/sso/cache/x.json`", "the SSO session"),
            ("something else", "cannot be fetched"),
        ] {
            assert!(why(said).contains(wanted), "{said}: {}", why(said));
        }
    }
}
