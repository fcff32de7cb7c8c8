//! Why a call of an AWS service failed, as far as it does not depend on the operation.
//!
//! The SDK's own errors are not passed on: their `Debug` has whole responses, and a response of Secrets Manager that could
//! not be parsed holds a secret. Only the service's status, code and message are kept.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::auth_error::is_clock_skew;
use super::causes::{causes, find};
use super::provider_error::{PROVIDER_FAILED, provider_fault};
pub(crate) use super::service_error::ServiceError;
use super::service_error::ServiceMessage;
use crate::error::{Error, ErrorKind};

/// A call that failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The service rejected the request.
    Service(ServiceError),
    /// The request was not answered, or for a reason that is the same for all operations; the error is complete.
    NoResponse(Error),
}

impl CallError {
    /// Classifies the SDK's error. `what` names the call in messages such as "`what` was throttled".
    pub(crate) fn of<E>(what: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match &error {
            // The SDK takes a response that it cannot parse for a service error, even if the status is a success.
            SdkError::ServiceError(service) if !service.raw().status().is_success() => {
                let error = ServiceError::of(service.raw(), Some(service.err().meta()));
                Self::classify(what, error)
            }
            SdkError::TimeoutError(_) => Self::NoResponse(Error::new(
                ErrorKind::Timeout,
                format!("{what} received no answer in time"),
            )),
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => Self::NoResponse(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "{what} received an answer that was cut off or is not this service's; check the endpoint"
                ),
            )),
            _ => Self::NoResponse(unsent(what, &error)),
        }
    }

    /// Handles the rejections that mean the same for all operations.
    fn classify(what: &str, answer: ServiceError) -> Self {
        Self::NoResponse(if is_clock_skew(&answer.code, &answer.message) {
            answer.error(
                ErrorKind::Config,
                format!(
                    "{what} was rejected because of clock skew; synchronize this machine's clock"
                ),
            )
        } else if answer.status == 429 || is_throttling(&answer.code) {
            answer.error(ErrorKind::Unavailable, format!("{what} was throttled"))
        } else if answer.status >= 500 || answer.code.starts_with("RequestTimeout") {
            answer.error(
                ErrorKind::Unavailable,
                format!("{what} failed at the service"),
            )
        } else {
            return Self::Service(answer);
        })
    }

    /// Returns the complete error; `explain` knows what a rejection means for this operation.
    #[cfg(any(
        feature = "_sdk-source",
        feature = "rotation",
        feature = "s3",
        all(feature = "aws", feature = "sts")
    ))]
    pub(crate) fn explained(self, explain: impl FnOnce(&ServiceError) -> Error) -> Error {
        match self {
            Self::Service(error) => explain(&error),
            Self::NoResponse(error) => error,
        }
    }
}

/// Texts of errors for which the SDK has no types: those of its endpoint rules, its signer and its auth schemes.
const NO_REGION: [&str; 2] = ["Missing Region", "missing signing region"];
const NO_PROVIDER: &str = "no identity resolver";

fn is_throttling(code: &str) -> bool {
    code.contains("Throttl")
        || matches!(
            code,
            "SlowDown"
                | "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "LimitExceededException"
                | "BandwidthLimitExceeded"
                | "PriorRequestNotComplete"
        )
}

/// Returns the error of a request that was not sent, or not answered.
fn unsent<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    let (kind, text) = match error {
        _ if is_credentials_error(error) => without_credentials(what, error),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => (
            ErrorKind::Timeout,
            format!("{what} received no answer in time"),
        ),
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => (
            ErrorKind::Unavailable,
            format!("{what} failed on the network: no connection, or it was interrupted"),
        ),
        _ => {
            let causes = chain(error);
            if NO_REGION.iter().any(|text| causes.contains(text)) {
                let fault = "needs a region; set AWS_REGION or the client's region";
                (ErrorKind::Config, format!("{what} {fault}"))
            } else if causes.contains(NO_PROVIDER) {
                let fault = "needs credentials; the client has no credentials provider";
                (ErrorKind::Config, format!("{what} {fault}"))
            } else {
                (ErrorKind::Unavailable, format!("{what} could not be sent"))
            }
        }
    };
    Error::new(kind, text).with_source(ServiceMessage(chain(error)))
}

/// Returns whether the request was not signed because there were no credentials.
fn is_credentials_error(error: &(dyn StdError + 'static)) -> bool {
    find::<Error>(error).is_some() || find::<CredentialsError>(error).is_some()
}

fn without_credentials(what: &str, error: &(dyn StdError + 'static)) -> (ErrorKind, String) {
    // Refreshable credentials under the client that reads the secret.
    if let Some(ours) = find::<Error>(error) {
        return (ours.kind(), format!("{what} was not sent"));
    }
    let (kind, fault) = match find::<CredentialsError>(error) {
        Some(error) => provider_fault(error),
        None => PROVIDER_FAILED,
    };
    (kind, format!("{what} needs credentials, and {fault}"))
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for text in causes(error).skip(1).map(ToString::to_string) {
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
    }
    line
}
