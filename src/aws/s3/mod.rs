//! Whole S3 clients as values: swapped with their key, region and endpoint, and drained by their own lifetime.
//!
//! An SDK operation owns the client's inner handle, so a request outlives the lease that it was made from. The drain token
//! is therefore in the client: the generation is drained when the last clone of the client and its last request are gone.

mod client;
mod connector;
mod own_request;

pub use client::S3Client;
pub use connector::S3ClientConnector;
pub use own_request::{ClientCheck, OwnRequest};

use crate::refresh::Refreshable;
#[cfg(all(feature = "secrets-manager", feature = "sts"))]
use crate::{error::Error, secret::SecretId, source::SecretsManager};

/// S3 clients that are replaced when their secret changes.
///
/// Choose it if more than the key changes with the secret: the region, the endpoint or the bucket. Otherwise prefer
/// [`RefreshableCredentials`](super::RefreshableCredentials) under a client that is kept for life: a whole client is bound to
/// its key, so a request whose key is rejected is reported, and leads to a refresh, but is not replayed with another key.
pub type RefreshableS3Client = Refreshable<S3Client>;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
type SecretsManagerBuilder =
    crate::refresh::Builder<SecretsManager, S3ClientConnector<super::check::CallerIdentity>>;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
impl Refreshable<S3Client> {
    /// Configures S3 clients made of `sdk` and a secret in Secrets Manager: each key is proven by STS `GetCallerIdentity`, and
    /// each client by a request of its own ([`OwnRequest`]).
    ///
    /// ```no_run
    /// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
    /// use credswap::RefreshableS3Client;
    /// let s3 = RefreshableS3Client::from_secrets_manager(&sdk, "prod/uploader")?.start().await?;
    /// let buckets = s3.lease().list_buckets().send().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if `sdk` has no HTTP client: see [`S3ClientConnector`].
    pub fn from_secrets_manager(
        sdk: &aws_types::SdkConfig,
        secret_id: impl Into<SecretId>,
    ) -> Result<SecretsManagerBuilder, Error> {
        let source = SecretsManager::new(sdk, secret_id);
        Ok(Self::builder(source, S3ClientConnector::new(sdk)?))
    }
}
