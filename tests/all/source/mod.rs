//! Where secrets come from: what all sources have in common, and what is special about one.

mod contract;
#[cfg(any(feature = "kms", feature = "parameter-store"))]
mod json_service;
#[cfg(feature = "kms")]
mod kms_encrypted;
#[cfg(feature = "parameter-store")]
mod parameter_store;
#[cfg(all(feature = "kms", feature = "parameter-store", feature = "s3"))]
mod real;
mod s3_object;
mod sources;
mod vault;
