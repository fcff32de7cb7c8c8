//! Why a call of an AWS service failed, apart from what only that operation can say.
//!
//! The SDK's own errors are not passed on: their `Debug` shows whole responses, and a response of Secrets Manager that
//! could not be parsed holds a secret. What is kept is what the service said in words.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::auth_error::{AuthError, AuthErrorKind, error_code, is_clock_skew};
use crate::error::{Error, ErrorKind};

/// A call that failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The service understood and said no.
    Service(ServiceError),
    /// It did not come to that; the error is complete.
    NoResponse(Error),
}

/// What a service said.
#[derive(Debug)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    /// Empty if the service said none, as in all answers to `HEAD`.
    pub(crate) code: String,
    message: String,
}

impl CallError {
    /// `what` was called, as in "`what` timed out".
    pub(crate) fn of<E>(what: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match &error {
            // The SDK takes what it cannot parse for an error of the service, also if the status says success.
            SdkError::ServiceError(service) if !service.raw().status().is_success() => {
                let raw = service.raw();
                let status = raw.status().as_u16();
                // The SDK does not find the code of an answer in another service's format.
                let code = service.err().code().or_else(|| {
                    let header = raw.headers().get("x-amzn-errortype");
                    error_code(header, raw.body().bytes().unwrap_or_default())
                });
                let refusal = ServiceError {
                    status,
                    code: code.unwrap_or_default().to_owned(),
                    message: service.err().message().unwrap_or_default().to_owned(),
                };
                refusal.sort(what)
            }
            SdkError::TimeoutError(_) => Self::NoResponse(Error::new(
                ErrorKind::Timeout,
                format!("{what} got no answer in time"),
            )),
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => Self::NoResponse(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "{what} got an answer that was cut off, or that is none of this service's: is the endpoint right?"
                ),
            )),
            _ => Self::NoResponse(unsent(what, &error)),
        }
    }

    /// The error of an operation that says by itself what a refusal means.
    #[cfg(any(feature = "secrets-manager", feature = "rotation"))]
    pub(crate) fn explained(self, refused: impl FnOnce(&ServiceError) -> Error) -> Error {
        match self {
            Self::Service(refusal) => refused(&refusal),
            Self::NoResponse(error) => error,
        }
    }
}

impl ServiceError {
    /// What the service said, as auth errors go.
    pub(crate) fn auth_error(&self) -> Option<AuthError> {
        match self.code.as_str() {
            "" => AuthError::of_response(self.status, None, &[]),
            code => AuthError::of_code(code),
        }
    }

    /// Whether the service's message has these words.
    #[cfg(any(feature = "secrets-manager", feature = "rotation"))]
    pub(crate) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    /// Whether it is KMS that denies: "Access to KMS is not allowed", or its own words. An ARN with "kms" in it is none.
    #[cfg(any(feature = "secrets-manager", feature = "rotation"))]
    pub(crate) fn is_of_kms(&self) -> bool {
        self.says("Access to KMS") || self.says("perform: kms:")
    }

    /// An error whose source is what the service said.
    pub(crate) fn error(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        // To a wrong signature, services answer with what should have been signed: the session token is part of it.
        let quoted = self.auth_error().map(AuthError::kind) != Some(AuthErrorKind::WrongSignature);
        let message = self.message.lines().next().filter(|_| quoted);
        let code = match self.code.as_str() {
            "" => "no code",
            code => code,
        };
        let mut said = format!("{} {code}", self.status);
        if let Some(message) = message {
            said.push_str(": ");
            said.extend(message.chars().take(LONGEST_MESSAGE));
        }
        Error::new(kind, text.into()).with_source(ServiceMessage(said))
    }

    fn sort(self, what: &str) -> CallError {
        CallError::NoResponse(if is_clock_skew(&self.code, &self.message) {
            self.error(
                ErrorKind::Config,
                format!("{what} was refused for its time: set this machine's clock"),
            )
        } else if self.status == 429 || is_throttling(&self.code) {
            self.error(ErrorKind::Unavailable, format!("{what} was throttled"))
        } else if self.status >= 500 || self.code.starts_with("RequestTimeout") {
            self.error(
                ErrorKind::Unavailable,
                format!("{what} failed at the service"),
            )
        } else {
            return CallError::Service(self);
        })
    }
}

/// A service's words, or those of what lies below it.
#[derive(Debug)]
struct ServiceMessage(String);

impl fmt::Display for ServiceMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for ServiceMessage {}

const LONGEST_MESSAGE: usize = 300;

/// The SDK has no types for these: of its endpoint rules and of its signer, and of its choice of an auth scheme.
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

/// The request never left, or nobody answered.
fn unsent<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    let (kind, why) = match error {
        _ if is_credentials_error(error) => without_credentials(what, error),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
            (ErrorKind::Timeout, format!("{what} got no answer in time"))
        }
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => (
            ErrorKind::Unavailable,
            format!("{what} failed on the network: no connection, or it was cut off"),
        ),
        _ => {
            let text = chain(error);
            if NO_REGION.iter().any(|words| text.contains(words)) {
                let why =
                    "needs a region, and none is configured: set AWS_REGION or the client's region";
                (ErrorKind::Config, format!("{what} {why}"))
            } else if text.contains(NO_PROVIDER) {
                let why = "needs credentials, and the client has no credentials provider";
                (ErrorKind::Config, format!("{what} {why}"))
            } else {
                (ErrorKind::Unavailable, format!("{what} could not be sent"))
            }
        }
    };
    Error::new(kind, why).with_source(ServiceMessage(chain(error)))
}

/// Whether the request was not even signed, since there was nothing to sign it with.
fn is_credentials_error(error: &(dyn StdError + 'static)) -> bool {
    find::<Error>(error).is_some() || find::<CredentialsError>(error).is_some()
}

fn without_credentials(what: &str, error: &(dyn StdError + 'static)) -> (ErrorKind, String) {
    // Our own edge, under the client that reads the secret.
    if let Some(edge) = find::<Error>(error) {
        return (edge.kind(), format!("{what} was not sent"));
    }
    let (kind, why) = match find::<CredentialsError>(error) {
        Some(CredentialsError::ProviderTimedOut(_)) => {
            (ErrorKind::Timeout, "their provider did not answer in time")
        }
        Some(CredentialsError::CredentialsNotLoaded(_)) => (
            ErrorKind::Config,
            "there are none: configure a credentials provider, or the environment",
        ),
        Some(CredentialsError::InvalidConfiguration(_)) => {
            (ErrorKind::Config, "their provider is not configured right")
        }
        _ => (ErrorKind::Unavailable, "their provider failed"),
    };
    (kind, format!("{what} needs credentials, and {why}"))
}

fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
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

fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| (**cause).source())
}
