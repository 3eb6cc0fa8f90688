//! What AWS said, in words that say what to do.

use std::error::Error;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use super::roles;
use crate::providers::ProviderError;

/// Codes of a call that was turned away because there were too many (aws-runtime, THROTTLING_ERRORS).
pub const THROTTLED: &[&str] = &[
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestThrottled",
    "SlowDown",
    "BandwidthLimitExceeded",
    "LimitExceededException",
];

/// Codes after which it is not known whether something was made.
const UNCLEAR: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "KMSInternalException",
    "Unavailable",
    "ServiceUnavailable",
];

/// The code of an answer that says no; none if there was no answer.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// Whether a call was turned away because there were too many.
pub fn is_throttled<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error).is_some_and(|code| THROTTLED.contains(&code))
}

/// Whether it is not known if the call had its effect.
pub fn is_unclear<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::ServiceError(said) => said.err().code().is_none_or(|code| UNCLEAR.contains(&code)),
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

/// Whether what a call was about is not there.
pub fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error).is_some_and(|code| code.ends_with(".NotFound") || code == "InvalidAMIID.Unavailable")
}

/// The words for a call that failed; `what` reads after "cannot": "create a volume".
pub fn explain<E, R>(what: &str, error: SdkError<E, R>) -> ProviderError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let what = format!("cannot {what}");
    if is_throttled(&error) {
        return refused(
            what,
            "AWS goes on turning calls of this account away because there are too many",
            "try again later; other programs of the account count too, and max_retries in the provider block says how patient bake is",
        );
    }
    let Some(said) = error.as_service_error() else {
        let why = chain(&error);
        if why.contains(roles::OVER) {
            return roles::over(
                what,
                "and nobody could be asked for another code in the middle of a call",
            );
        }
        return ProviderError::Failed { what, why };
    };
    let message = readable(said.message().unwrap_or("no reason was given"));
    let code = said.code().unwrap_or("an error without a code").to_owned();
    if let Some((why, help)) = of_credentials(&code) {
        return refused(what, &format!("{why} ({code}: {message})"), help);
    }
    if is_missing(&error) {
        return ProviderError::NotFound { what: message };
    }
    let why = format!("{message} ({code})");
    match is_unclear(&error) {
        true => ProviderError::Failed { what, why },
        false => refused(what, &why, ""),
    }
}

/// Without the part that only sts:DecodeAuthorizationMessage can read.
fn readable(message: &str) -> String {
    let message = message
        .split("Encoded authorization failure message")
        .next()
        .unwrap_or(message);
    message.trim().trim_end_matches('.').to_owned()
}

/// A definite no, with what to do about it.
pub fn refused(what: String, why: &str, help: &str) -> ProviderError {
    ProviderError::Refused {
        what,
        why: why.to_owned(),
        help: help.to_owned(),
    }
}

/// What a code says of the credentials or the account, and what to do.
fn of_credentials(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => (
            "these credentials may not do that",
            "give the user or role the right; a policy that forbids it counts more than one that allows it",
        ),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "AuthFailure" => (
            "AWS does not accept these credentials",
            "look whether the access key exists and is active; `aws sts get-caller-identity` says the same in short",
        ),
        "SignatureDoesNotMatch" | "IncompleteSignature" => (
            "the secret key does not fit the access key, or the clock of this host is wrong",
            "set AWS_SECRET_ACCESS_KEY anew, and compare the clock with another's",
        ),
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (
            "the credentials have expired",
            "fetch new ones (aws sso login, or a new session), then run the same command again",
        ),
        "OptInRequired" => (
            "the account has not opted in to this region or service",
            "enable the region in the account, or choose another",
        ),
        "Blocked" => ("AWS has blocked the account", "ask AWS support"),
        "PendingVerification" => (
            "AWS is still verifying the account for this region",
            "try again in a few hours",
        ),
        _ => return None,
    })
}

/// An error with all that caused it, without repeats.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}
