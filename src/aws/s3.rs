//! Whole S3 clients as values: swapped with their key, region and endpoint, and drained by their own lifetime.
//!
//! An SDK operation owns the client's inner handle, so a request outlives the lease that it was made from. The drain token
//! is therefore in the client: the generation is drained when the last clone of the client and its last request are gone.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_smithy_runtime_api::client::identity::ResolveIdentity;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_types::SdkConfig;

use super::check::Check;
use super::client::{FixedIdentity, ReportRejected};
use super::key::LiveKey;
use super::secret::{AccessKey, Fields};
use crate::connect::{Connect, Verdict};
use crate::error::{Error, ErrorKind};
use crate::hot::DrainToken;
use crate::refresh::Refreshable;
use crate::sdk::behavior::with_behavior;
use crate::secret::Secret;
use crate::trigger::RefreshRequester;

/// S3 clients that are replaced when their secret changes.
///
/// Choose it if more than the key changes with the secret: the region, the endpoint or the bucket. Otherwise prefer
/// [`RefreshableCredentials`](super::RefreshableCredentials) under a client that is kept for life: a whole client is bound to
/// its key, so a request whose key is rejected is reported, and leads to a refresh, but is not replayed with another key.
pub type RefreshableS3Client = Refreshable<S3Client>;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
type SecretsManagerBuilder = crate::refresh::Builder<
    crate::source::SecretsManager,
    S3ClientConnector<super::check::CallerIdentity>,
>;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
impl Refreshable<S3Client> {
    /// Configures S3 clients made of `sdk` and a secret in Secrets Manager, each key proven by STS `GetCallerIdentity`.
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
    /// [`ErrorKind::Config`] if `sdk` has no HTTP client: see [`S3ClientConnector`].
    pub fn from_secrets_manager(
        sdk: &SdkConfig,
        secret_id: impl Into<crate::secret::SecretId>,
    ) -> Result<SecretsManagerBuilder, Error> {
        let source = crate::source::SecretsManager::new(sdk, secret_id);
        Ok(Self::builder(source, S3ClientConnector::new(sdk)?))
    }
}

/// An S3 client that is bound to one key. Dereferences to [`aws_sdk_s3::Client`].
pub struct S3Client {
    client: Client,
    key: LiveKey,
    bucket: Option<String>,
}

/// Turns a secret into an S3 client, and proves its key with the check `K`. The secret may have the region, the endpoint and
/// the bucket beside the key.
///
/// All generations share the HTTP client of the `SdkConfig`, and with it the connections: it must name one.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// use credswap::aws::{S3ClientConnector, check::HeadBucket};
/// let check = HeadBucket::new(sdk, "uploads");
/// let connector = S3ClientConnector::checked_by(sdk, check)?.configure(|s3| s3.force_path_style(true));
/// # Ok(()) }
/// ```
pub struct S3ClientConnector<K> {
    sdk: SdkConfig,
    check: K,
    fields: Fields,
    configure: Box<dyn Fn(Builder) -> Builder + Send + Sync>,
    requester: OnceLock<RefreshRequester>,
}

#[cfg(feature = "sts")]
impl S3ClientConnector<super::check::CallerIdentity> {
    /// Creates a connector that proves each key with STS `GetCallerIdentity`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `sdk` has no HTTP client.
    pub fn new(sdk: &SdkConfig) -> Result<Self, Error> {
        Self::checked_by(sdk, super::check::CallerIdentity::new(sdk))
    }
}

impl<K: Check> S3ClientConnector<K> {
    /// Creates a connector that proves each key with a check of your choice.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `sdk` has no HTTP client.
    pub fn checked_by(sdk: &SdkConfig, check: K) -> Result<Self, Error> {
        if sdk.http_client().is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "the SdkConfig has no HTTP client, so each generation would open connections of its own; set one that \
                 they share, as in aws_config::from_env().http_client(aws_smithy_http_client::Builder::new()…)",
            ));
        }
        Ok(Self {
            sdk: with_behavior(sdk),
            check,
            fields: Fields::default(),
            configure: Box::new(|builder| builder),
            requester: OnceLock::new(),
        })
    }

    /// Sets the names of the fields in the secret's JSON, for names that are not among the known spellings.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    /// Changes each client's configuration before the client is built (path-style addressing, timeouts, …). Connect or read
    /// timeouts that differ from those of `sdk` lead to separate connections: keep them the same for all generations.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }
}

impl<K: Check> Connect for S3ClientConnector<K> {
    type Value = S3Client;

    async fn connect(&self, secret: &Secret, token: &DrainToken) -> Result<S3Client, Error> {
        let parsed = AccessKey::parse(secret, &self.fields)?;
        let key = LiveKey::new(parsed.to_credentials(secret.expires()), token);
        let provider = SharedCredentialsProvider::new(key.credentials().clone());

        let mut builder = Builder::from(&self.sdk);
        if let Some(region) = parsed.region()? {
            builder.set_region(Some(Region::new(region.to_owned())));
        }
        if let Some(url) = parsed.endpoint_url()? {
            builder.set_endpoint_url(Some(url.to_owned()));
        }
        let mut builder = (self.configure)(builder);
        builder.set_identity_cache(FixedIdentity {
            identity: key.identity().clone(),
            partition: provider.cache_partition(),
        });
        builder.set_credentials_provider(Some(provider));
        if let Some(requester) = self.requester.get() {
            let report = ReportRejected::new(requester.clone(), token.clone());
            builder.push_interceptor(SharedInterceptor::permanent(report));
        }
        Ok(S3Client {
            client: Client::from_conf(builder.build()),
            bucket: parsed.bucket()?.map(str::to_owned),
            key,
        })
    }

    fn attach(&self, requester: &RefreshRequester) {
        // A connector belongs to one refreshable, which attaches once.
        let _ = self.requester.set(requester.clone());
    }

    async fn check(&self, s3: &S3Client) -> Verdict {
        self.check.check(s3.key.credentials()).await
    }
}

impl S3Client {
    /// Returns the bucket that the secret names, if it names one.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// Returns the key that the client signs with.
    pub fn key(&self) -> &LiveKey {
        &self.key
    }

    /// Returns the client. A clone keeps the generation in use until it, and each request made with it, is gone.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Deref for S3Client {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client")
            .field("key", &self.key)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug> fmt::Debug for S3ClientConnector<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3ClientConnector")
            .field("check", &self.check)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
