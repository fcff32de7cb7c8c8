//! The error response of a service, as far as it does not depend on the operation.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;

use super::auth_error::{AuthError, AuthErrorKind};
use super::error_answer::ErrorAnswer;
use crate::error::{Error, ErrorKind};

/// The error response of a service.
#[derive(Clone)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    /// Empty if the response has none, as most responses to `HEAD`.
    pub(crate) code: String,
    /// Empty if the response has none.
    pub(super) message: String,
}

impl ServiceError {
    /// Reads an error response, of which the SDK's parser found `parsed`.
    pub(crate) fn of(raw: &HttpResponse, parsed: Option<&ErrorMetadata>) -> Self {
        let ErrorAnswer { code, message } = ErrorAnswer::of(raw, parsed);
        Self {
            status: raw.status().as_u16(),
            code,
            message,
        }
    }

    /// Returns the rejection as an auth error, if it is one.
    pub(crate) fn auth_error(&self) -> Option<AuthError> {
        AuthError::of(self.status, &self.code, &self.message)
    }

    /// Returns whether the two are the same answer.
    #[cfg(feature = "s3")]
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let parts = |error: &Self| (error.status, error.code.clone(), error.message.clone());
        parts(self) == parts(other)
    }

    /// Returns whether the service's message contains `text`.
    #[cfg(any(
        feature = "secrets-manager",
        feature = "parameter-store",
        feature = "sts",
        feature = "s3"
    ))]
    pub(crate) fn says(&self, text: &str) -> bool {
        self.message.contains(text)
    }

    /// Returns whether KMS denied access: "Access to KMS is not allowed", or KMS's own message. An ARN that contains "kms" does
    /// not count.
    #[cfg(any(
        feature = "secrets-manager",
        feature = "parameter-store",
        feature = "rotation",
        feature = "s3"
    ))]
    pub(crate) fn is_of_kms(&self) -> bool {
        self.says("Access to KMS") || self.says("perform: kms:")
    }

    /// Returns an error whose source is the service's status, code and message.
    pub(crate) fn error(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::new(kind, text.into()).with_source(ServiceMessage(self.summary()))
    }

    /// Returns status, code and message on one line, without secrets.
    pub(crate) fn summary(&self) -> String {
        // The answer to a wrong signature quotes what should have been signed, and the session token is part of that.
        let is_wrong = |error| AuthError::kind(error) == AuthErrorKind::WrongSignature;
        let is_quotable =
            !self.code.contains("Signature") && !self.auth_error().is_some_and(is_wrong);
        let message = self
            .message
            .lines()
            .next()
            .filter(|text| is_quotable && !text.is_empty());
        let code = match self.code.as_str() {
            "" => "no code",
            code => code,
        };
        let mut answer = format!("{} {code}", self.status);
        if let Some(message) = message {
            answer.push_str(": ");
            answer.extend(message.chars().take(LONGEST_MESSAGE));
        }
        answer
    }
}

/// The text of a service's answer, or of the SDK's error.
#[derive(Debug)]
pub(super) struct ServiceMessage(pub(super) String);

impl fmt::Display for ServiceMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for ServiceMessage {}

// By hand: a message may quote secrets.
impl fmt::Debug for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceError({})", self.summary())
    }
}

const LONGEST_MESSAGE: usize = 300;
