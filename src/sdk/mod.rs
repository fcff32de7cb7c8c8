//! What all callers of AWS services share: retries, and what a failed call means.

#[cfg(any(feature = "_sdk-source", feature = "_access-key"))]
pub(crate) mod auth_error;
#[cfg(any(feature = "_sdk-source", feature = "sts", feature = "s3"))]
pub(crate) mod behavior;
#[cfg(any(feature = "_sdk-source", feature = "sts", feature = "s3"))]
pub(crate) mod call_error;
#[cfg(any(feature = "_sdk-source", feature = "_access-key", feature = "vault"))]
pub(crate) mod causes;
#[cfg(any(feature = "_sdk-source", feature = "_access-key"))]
pub(crate) mod error_answer;
#[cfg(any(feature = "_sdk-source", feature = "_access-key"))]
pub(crate) mod provider_error;
#[cfg(any(feature = "_sdk-source", feature = "rotation", feature = "s3"))]
pub(crate) mod retry_policy;
#[cfg(any(feature = "secrets-manager", feature = "rotation"))]
pub(crate) mod secrets_manager;
#[cfg(any(feature = "_sdk-source", feature = "_access-key"))]
pub(crate) mod service_error;
