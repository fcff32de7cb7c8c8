//! Where the secret is read from.
//!
//! A [`Source`] reads the authority's current version, and that is all it must do. Each feature adds one:
//!
//! | source | feature |
//! |---|---|
//! | a closure that returns a future | `reload` |
#![cfg_attr(
    feature = "secrets-manager",
    doc = "| [`SecretsManager`]: AWS Secrets Manager | `secrets-manager` |"
)]

use std::future::Future;

use crate::error::Error;
use crate::secret::{Secret, VersionId};

#[cfg(feature = "secrets-manager")]
mod secrets_manager;
#[cfg(feature = "secrets-manager")]
pub use secrets_manager::SecretsManager;

/// Reads the current version of one secret.
///
/// Closures `Fn() -> impl Future<Output = Result<Secret, Error>>` are sources:
///
/// ```
/// use credswap::{Error, Secret, source::Source};
/// fn takes_a_source(_: impl Source) {}
/// takes_a_source(|| async { Ok::<_, Error>(Secret::new("material", "version 1")) });
/// ```
pub trait Source: Send + Sync + 'static {
    /// Reads the secret as the authority has it now.
    ///
    /// The reloader bounds each call ([`Bounds::fetch`](crate::reload::Bounds::fetch)) and drops the future
    /// when the time is over, so it must be safe to cancel. It is never called twice at the same time.
    ///
    /// # Errors
    /// By what the caller should do: see [`ErrorKind`](crate::ErrorKind). Retryable ones are tried again.
    fn fetch(&self) -> impl Future<Output = Result<Secret, Error>> + Send;

    /// Told, once, that the version has drained in this process: nothing here uses it, nothing will.
    ///
    /// A source that hands out leases of its own gives them back here. The default does nothing.
    fn drained(&self, version: &VersionId) -> impl Future<Output = ()> + Send {
        let _ = version;
        async {}
    }
}

impl<F, Fut> Source for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Secret, Error>> + Send,
{
    fn fetch(&self) -> impl Future<Output = Result<Secret, Error>> + Send {
        self()
    }
}
