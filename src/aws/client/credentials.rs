//! Refreshable credentials for SDK clients: as a provider, as an `SdkConfig`, as hooks.

use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::identity::{ResolveIdentity, SharedIdentityCache};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use aws_types::SdkConfig;

use super::hooks::ClientHooks;
use super::identity::LiveIdentity;
use super::planned_attempt::PlannedAttempts;
use super::replay::Replay;
use crate::aws::key::LiveKey;
use crate::refresh::Refreshable;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
type SecretsManagerBuilder = crate::refresh::Builder<
    crate::source::SecretsManager,
    crate::aws::AccessKeyConnector<crate::aws::check::CallerIdentity>,
>;

#[cfg(all(feature = "secrets-manager", feature = "sts"))]
impl Refreshable<LiveKey> {
    /// Configures credentials from a secret in Secrets Manager, by its name or ARN, each key proven by STS
    /// `GetCallerIdentity`. Both services are called with the region, endpoint and HTTP client of `sdk`; its credentials
    /// read the secret.
    ///
    /// ```no_run
    /// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
    /// use credswap::RefreshableCredentials;
    /// let credentials = RefreshableCredentials::from_secrets_manager(&sdk, "prod/uploader").start().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// [`Refreshable::builder`] takes another source, check, or [`Fields`](crate::aws::Fields).
    pub fn from_secrets_manager(
        sdk: &SdkConfig,
        secret_id: impl Into<crate::secret::SecretId>,
    ) -> SecretsManagerBuilder {
        Self::builder(
            crate::source::SecretsManager::new(sdk, secret_id),
            crate::aws::AccessKeyConnector::new(sdk),
        )
    }
}

impl Refreshable<LiveKey> {
    /// Returns `sdk` with these credentials, for all clients of a process that need no replay.
    ///
    /// ```no_run
    /// # fn example(credentials: credswap::RefreshableCredentials, sdk: aws_types::SdkConfig) {
    /// let sdk = credentials.sdk_config(&sdk);
    /// // aws_sdk_sqs::Client::new(&sdk), aws_sdk_dynamodb::Client::new(&sdk), …
    /// # }
    /// ```
    ///
    /// The clients sign each attempt with the key that is live then, and are part of the drain: a key is in use until
    /// the operation that signed with it has ended. An `SdkConfig` has no place for the other hooks of
    /// [`configure!`](crate::configure), so these clients differ from one that is configured with it:
    ///
    /// - a request whose key is rejected is not replayed, and its rejection is not reported;
    /// - an operation keeps its last key in use while the SDK waits before the next attempt;
    /// - a presigned URL does not keep its key in use until it expires.
    pub fn sdk_config(&self, sdk: &SdkConfig) -> SdkConfig {
        let hooks = self.client_hooks();
        let mut builder = sdk.to_builder();
        builder.set_credentials_provider(Some(hooks.credentials_provider()));
        builder.set_identity_cache(Some(hooks.identity_cache()));
        builder.build()
    }

    /// Returns a new bundle of hooks for a client's configuration. [`configure!`](crate::configure) does the rest.
    ///
    /// The hooks, and the clients that have them, keep refreshing alive as a clone of this handle does.
    pub fn client_hooks(&self) -> ClientHooks {
        let provider = SharedCredentialsProvider::new(self.clone());
        let identity = LiveIdentity::new(self.clone(), provider.cache_partition());
        ClientHooks {
            credentials_provider: provider,
            identity_cache: SharedIdentityCache::new(identity),
            interceptor: SharedInterceptor::permanent(Replay::new(self.clone())),
            retry_classifier: SharedRetryClassifier::new(PlannedAttempts),
        }
    }
}

/// Provides the live key. It never waits and never fails.
///
/// **Prefer [`configure!`](crate::configure) or [`sdk_config`](Refreshable::sdk_config) for SDK clients.** A client that is
/// given only a credentials provider caches what it gets: the SDK's identity cache serves credentials without an expiry for up
/// to 15 minutes, so that requests are signed with a replaced key, and pins its generation for as long: the drain is right,
/// but late. Use the provider itself for code that asks it for each signature.
impl ProvideCredentials for Refreshable<LiveKey> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials = self.with(|key| key.credentials().clone());
        future::ProvideCredentials::ready(provider::Result::Ok(credentials))
    }
}
