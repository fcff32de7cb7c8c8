//! Errors, sorted by what the caller should do about them.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// An error of this crate.
///
/// [`Error::kind`] tells what to do, `Display` tells what happened in this layer and what to change (a
/// permission, a field, a setting), [`std::error::Error::source`] returns the cause. None of them ever holds
/// secret material. It can be cloned, since many callers may wait for one refresh.
///
/// ```
/// use credswap::{Error, ErrorKind};
/// let cause = std::io::Error::other("connection reset");
/// let error = Error::new(ErrorKind::Unavailable, "fetching the secret failed").with_source(cause);
/// assert!(error.is_retryable());
/// assert_eq!(format!("{:#}", anyhow::Error::from(error)), "fetching the secret failed: connection reset");
/// ```
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a caller should do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of this process is missing or contradicts another: change it.
    Config,
    /// The secret, or the requested version of it, does not exist at the source.
    NotFound,
    /// The source denied access to the secret: grant the permission that the message names.
    PermissionDenied,
    /// The source does not accept the credentials that fetch the secret (any more).
    Unauthenticated,
    /// The secret was fetched but is malformed, or a field is missing or empty: correct the secret.
    Malformed,
    /// The secret was fetched and connected, and the authority rejected it: correct the secret.
    Rejected,
    /// The authority does not know the new credential yet, and the propagation timeout has passed.
    NotPropagated,
    /// The credential is genuine but is not permitted to do what the check asked of it.
    Forbidden,
    /// The other side could not be reached, throttled the call, or failed: try again.
    Unavailable,
    /// An answer did not come in time: try again.
    Timeout,
    /// A request was rejected because its key is dead, and no newer key came in time.
    NoNewerKey,
    /// The request cannot be served: an unknown step, or a version that is not being rotated. Correct the request.
    InvalidRequest,
    /// There is no room for a new credential: the existing ones are in use. The message names the consumers.
    InUse,
    /// The source, the connect or the check panicked: a defect in that code.
    Panicked,
    /// Refreshing has ended.
    ShutDown,
}

impl Error {
    /// Creates an error. `message` must be free of secret material; lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Sets the cause, which `source()` returns.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns what to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns whether the same call may succeed later without a change by a person.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Returns the error and its causes on one line, outermost first: for logs.
    pub fn report(&self) -> String {
        let mut line = self.message.to_string();
        let mut cause = StdError::source(self);
        while let Some(inner) = cause {
            let text = inner.to_string();
            // SDK errors repeat a cause's text in their own; say it once.
            if !line.ends_with(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = inner.source();
        }
        line
    }
}

impl ErrorKind {
    /// Returns whether the same call may succeed later without a change by a person.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::Timeout | Self::NotPropagated | Self::InUse
        )
    }

    /// Returns the kind as a metric label and log field: lower case, words joined by `_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::NotFound => "not_found",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Malformed => "malformed",
            Self::Rejected => "rejected",
            Self::NotPropagated => "not_propagated",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::NoNewerKey => "no_newer_key",
            Self::InvalidRequest => "invalid_request",
            Self::InUse => "in_use",
            Self::Panicked => "panicked",
            Self::ShutDown => "shut_down",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_shows_this_layer_and_report_shows_all() {
        let cause = std::io::Error::other("connection reset");
        let error =
            Error::new(ErrorKind::Unavailable, "fetching the secret failed").with_source(cause);
        assert_eq!(error.to_string(), "fetching the secret failed");
        assert_eq!(
            error.report(),
            "fetching the secret failed: connection reset"
        );
        assert!(error.is_retryable());
    }

    #[test]
    fn what_a_person_must_change_is_not_retryable() {
        for kind in [
            ErrorKind::Config,
            ErrorKind::PermissionDenied,
            ErrorKind::Malformed,
            ErrorKind::Rejected,
        ] {
            assert!(!kind.is_retryable(), "{kind}");
        }
    }
}
