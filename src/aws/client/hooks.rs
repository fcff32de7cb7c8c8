//! The four hooks by which the SDK lets others decide how a client signs.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;

/// The hooks that [`configure!`](crate::configure) puts into a client's configuration, for code that must do so by hand.
///
/// Provider and identity cache must be of one bundle: the cache answers for that provider alone, and passes other providers'
/// requests on. Each call of `client_hooks()` makes a new bundle.
///
#[cfg_attr(feature = "s3", doc = "```")]
#[cfg_attr(not(feature = "s3"), doc = "```ignore")]
/// # fn example(credentials: credswap::RefreshableCredentials, mut builder: aws_sdk_s3::config::Builder) {
/// let hooks = credentials.client_hooks();
/// builder.set_credentials_provider(Some(hooks.credentials_provider()));
/// builder.set_identity_cache(hooks.identity_cache());
/// builder.push_interceptor(hooks.interceptor());
/// builder.push_retry_classifier(hooks.retry_classifier());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClientHooks {
    pub(super) credentials_provider: SharedCredentialsProvider,
    pub(super) identity_cache: SharedIdentityCache,
    pub(super) interceptor: SharedInterceptor,
    pub(super) retry_classifier: SharedRetryClassifier,
}

impl ClientHooks {
    /// Returns the credentials provider. It never waits and never fails, unless it is that of bootstrap credentials.
    pub fn credentials_provider(&self) -> SharedCredentialsProvider {
        self.credentials_provider.clone()
    }

    /// Returns the identity cache. It caches nothing: each attempt gets the key that is live then.
    pub fn identity_cache(&self) -> SharedIdentityCache {
        self.identity_cache.clone()
    }

    /// Returns the interceptor, which sees rejected attempts and plans what follows.
    pub fn interceptor(&self) -> SharedInterceptor {
        self.interceptor.clone()
    }

    /// Returns the retry classifier, which lets the planned attempts happen.
    pub fn retry_classifier(&self) -> SharedRetryClassifier {
        self.retry_classifier.clone()
    }
}
