//! What all that call AWS services share: what a failed call means.

pub mod auth_error;
#[cfg(any(feature = "secrets-manager", feature = "sts", feature = "s3"))]
pub(crate) mod failure;
