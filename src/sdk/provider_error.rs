//! Why a credentials provider has no credentials.

use aws_credential_types::provider::error::CredentialsError;

#[cfg(feature = "aws")]
use super::causes::find;
#[cfg(feature = "aws")]
use crate::error::Error;
use crate::error::ErrorKind;

/// What is said of a provider whose error does not say more.
pub(super) const PROVIDER_FAILED: (ErrorKind, &str) =
    (ErrorKind::Unavailable, "their provider failed");

/// Returns why a provider has no credentials, without quoting it: what it prints is not known.
pub(super) fn provider_fault(error: &CredentialsError) -> (ErrorKind, &'static str) {
    match error {
        CredentialsError::ProviderTimedOut(_) => {
            (ErrorKind::Timeout, "their provider did not answer in time")
        }
        CredentialsError::CredentialsNotLoaded(_) => (
            ErrorKind::Config,
            "there are none; configure a credentials provider, or the environment",
        ),
        CredentialsError::InvalidConfiguration(_) => (
            ErrorKind::Config,
            "their provider's configuration is invalid",
        ),
        _ => PROVIDER_FAILED,
    }
}

/// Returns the error for a provider that gave no credentials: that of this crate, if it is the cause.
#[cfg(feature = "aws")]
pub(crate) fn no_credentials(error: &CredentialsError) -> Error {
    if let Some(ours) = find::<Error>(error) {
        return ours.clone();
    }
    let (kind, fault) = provider_fault(error);
    Error::new(kind, format!("credentials are needed, and {fault}"))
}
