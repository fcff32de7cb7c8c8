//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

#[cfg(all(feature = "secrets-manager", feature = "sts", feature = "s3"))]
mod canned;
#[cfg(all(feature = "sts", feature = "s3"))]
mod check;
#[cfg(feature = "aws")]
mod secret_json;
#[cfg(all(feature = "secrets-manager", feature = "sts", feature = "s3"))]
mod secrets_manager;
