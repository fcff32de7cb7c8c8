//! Where the secret is fetched from.
//!
//! A [`Source`] fetches the authority's current version, and that is all it must do. Each feature adds one:
//!
//! | source | feature |
//! |---|---|
//! | a closure that returns a future | `refresh` |
#![cfg_attr(
    feature = "secrets-manager",
    doc = "| [`SecretsManager`]: AWS Secrets Manager | `secrets-manager` |"
)]
#![cfg_attr(
    feature = "parameter-store",
    doc = "| [`ParameterStore`]: a parameter of AWS Systems Manager Parameter Store | `parameter-store` |"
)]
#![cfg_attr(
    feature = "s3",
    doc = "| [`S3Object`]: an object in S3, or in a store that speaks its protocol | `s3` |"
)]
#![cfg_attr(
    feature = "aws",
    doc = "| [`CredentialsProvider`]: any provider of the AWS SDK (profile, SSO, process, web identity, container) | `aws` |"
)]
#![cfg_attr(
    feature = "file",
    doc = "| [`File`]: a file, or a directory with a file for each field | `file` |"
)]
#![cfg_attr(
    feature = "kms",
    doc = "| [`KmsEncrypted`]: ciphertext of KMS, from any of the others | `kms` |"
)]
#![cfg_attr(feature = "vault", doc = "| [`vault`]: Vault and OpenBao | `vault` |")]
//! | [`Replicas`]: copies of one secret, in other regions say | `refresh` |
//!
//! [`BoxSource`] holds any of them, where the source is chosen at run time.

use std::future::Future;

use crate::error::Error;
use crate::secret::{Secret, SecretId, VersionId};

mod boxed;
#[cfg(feature = "aws")]
mod credentials_provider;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "kms")]
mod kms_encrypted;
#[cfg(feature = "parameter-store")]
mod parameter_store;
mod replicas;
mod request;
#[cfg(feature = "s3")]
mod s3_object;
#[cfg(feature = "secrets-manager")]
mod secrets_manager;
#[cfg(feature = "vault")]
pub mod vault;

pub use boxed::BoxSource;
#[cfg(feature = "aws")]
pub use credentials_provider::CredentialsProvider;
#[cfg(feature = "file")]
pub use file::{File, FileChanges};
#[cfg(feature = "kms")]
pub use kms_encrypted::KmsEncrypted;
#[cfg(feature = "parameter-store")]
pub use parameter_store::ParameterStore;
pub use replicas::Replicas;
pub use request::FetchRequest;
#[cfg(feature = "s3")]
pub use s3_object::S3Object;
#[cfg(feature = "secrets-manager")]
pub use secrets_manager::SecretsManager;

/// Fetches the current version of one secret.
///
/// Closures `Fn() -> impl Future<Output = Result<Secret, Error>>` are sources:
///
/// ```
/// use credswap::{Error, Secret, source::Source};
/// fn takes_a_source(_: impl Source) {}
/// takes_a_source(|| async { Ok::<_, Error>(Secret::new("material", "version 1")) });
/// ```
///
/// # Sources that mint
/// A source whose fetch *creates* a credential (a leased key, say) learns what becomes of each: it went live and
/// [drained](Source::drained), it never went live ([discarded](Source::discarded)), or refreshing ended
/// ([shutdown](Source::shutdown)). It gives the credential back then. It should create one only for a reason (see
/// [`FetchRequest::reasons`]) and otherwise return what it created last.
///
/// `fetch` is never called twice at the same time; the other functions may run at the same time as it.
pub trait Source: Send + Sync + 'static {
    /// Fetches the secret as the authority has it now. `request` tells why.
    ///
    /// Each call is limited by [`Timeouts::fetch`](crate::refresh::Timeouts::fetch); when the time is over the future is
    /// dropped, so it must be cancel safe.
    ///
    /// # Errors
    /// By what the caller should do: see [`ErrorKind`](crate::ErrorKind). Retryable ones are tried again.
    fn fetch(&self, request: &FetchRequest) -> impl Future<Output = Result<Secret, Error>> + Send;

    /// Returns the name or ARN of the secret, if it has one. Triggers skip events that name another secret, and usage
    /// reports name this one.
    fn secret_id(&self) -> Option<&SecretId> {
        None
    }

    /// Receives the notification that a version which was replaced has drained in this process: nothing uses it, nothing
    /// will. Limited by [`Timeouts::fetch`](crate::refresh::Timeouts::fetch). It is not called for the version that is live at
    /// the end (see [`Source::shutdown`]), and it is called again for one that has gone live again. The default does nothing.
    fn drained(&self, version: &VersionId) -> impl Future<Output = ()> + Send {
        let _ = version;
        async {}
    }

    /// Receives the notification that a version which was fetched did not go live and is not kept: it was malformed, its
    /// check failed for good, or another version was fetched before it was proven. A failed check that may pass later
    /// keeps the version. Limited as [`Source::drained`] is. The default does nothing.
    fn discarded(&self, version: &VersionId) -> impl Future<Output = ()> + Send {
        let _ = version;
        async {}
    }

    /// Receives the notification that refreshing has ended: no function of this source is called any more. The replaced
    /// generations have drained, or the time for that was over; the live value may still be in use. Limited as
    /// [`Source::drained`] is. The default does nothing.
    fn shutdown(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

impl<F, Fut> Source for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Secret, Error>> + Send,
{
    fn fetch(&self, _: &FetchRequest) -> impl Future<Output = Result<Secret, Error>> + Send {
        self()
    }
}
