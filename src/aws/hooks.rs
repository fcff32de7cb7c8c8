//! What connects a refreshable with SDK clients.

use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::identity::{ResolveIdentity, SharedIdentityCache};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;

use super::identity::LiveIdentity;
use super::key::LiveKey;
use super::replay::{Replay, ReplayRefused};
use crate::refresh::Refreshable;

/// Puts a refreshable's live key under SDK clients. Make one for a refreshable, and
/// [`configure!`](crate::configure) every client with it.
///
/// The edge and the clients made with it keep the refreshable running.
#[derive(Debug, Clone)]
pub struct Edge {
    provider: SharedCredentialsProvider,
    identity_cache: SharedIdentityCache,
    interceptor: SharedInterceptor,
    classifier: SharedRetryClassifier,
}

impl Edge {
    /// The edge of `keys`.
    pub fn new(keys: &Refreshable<LiveKey>) -> Self {
        let provider = SharedCredentialsProvider::new(LiveCredentials(keys.clone()));
        let partition = provider.cache_partition();
        Self {
            identity_cache: SharedIdentityCache::new(LiveIdentity::new(keys.clone(), partition)),
            interceptor: SharedInterceptor::permanent(Replay::new(keys.clone())),
            classifier: SharedRetryClassifier::new(ReplayRefused),
            provider,
        }
    }

    /// The live key as a credentials provider, for what takes nothing else. Never waits, never fails.
    ///
    /// A client that is given only this caches what it gets (the SDK's own cache: 15 minutes), and pins the
    /// generation for as long: the drain stays right, but slow. Prefer [`configure!`](crate::configure).
    pub fn credentials_provider(&self) -> SharedCredentialsProvider {
        self.provider.clone()
    }

    /// The identity cache, which is none: it gives the live key to each attempt.
    pub fn identity_cache(&self) -> SharedIdentityCache {
        self.identity_cache.clone()
    }

    /// The interceptor, which sees attempts end and plans replays.
    pub fn interceptor(&self) -> SharedInterceptor {
        self.interceptor.clone()
    }

    /// The retry classifier, which lets the planned replays happen.
    pub fn retry_classifier(&self) -> SharedRetryClassifier {
        self.classifier.clone()
    }
}

#[derive(Debug)]
struct LiveCredentials(Refreshable<LiveKey>);

impl ProvideCredentials for LiveCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(provider::Result::Ok(
            self.0.with(|key| key.credentials().clone()),
        ))
    }
}
