//! For a secret that is read with the key it holds.
//!
//! The first read needs a key from elsewhere; from then on the live key reads its own successor. The client of a source
//! can not have an [`Edge`](super::Edge): a request that waits for a newer key would wait for the very look that it
//! is part of.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::context::{
    FinalizerInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, SharedInterceptor, dyn_dispatch_hint,
};
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, SharedRetryClassifier,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;

use super::key::LiveKey;
use super::rejected_response::auth_error;
use crate::hot::{HotSwap, Lease};
use crate::refresh::Refreshable;

/// Credentials for the source's own client: first those given, then the live key.
///
/// When the live key is refused, the given ones are tried again, until there is a newer key or they are refused, too.
///
/// ```no_run
/// use credswap::{Refreshable, aws, source::SecretsManager};
/// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// let first = sdk.credentials_provider().expect("the key that the service was deployed with");
/// let handover = aws::BootstrapCredentials::new(first);
/// let config = aws_sdk_secretsmanager::config::Builder::from(&sdk);
/// let client = aws_sdk_secretsmanager::Client::from_conf(credswap::configure!(handover, config).build());
///
/// let source = SecretsManager::from_client(client, "prod/uploader");
/// let keys = Refreshable::builder(source, aws::credentials(&sdk)).start().await?;
/// handover.follow(&keys); // from now on the live key reads its own successor
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct BootstrapCredentials(Arc<Shared>);

struct Shared {
    first: SharedCredentialsProvider,
    provider: OnceLock<SharedCredentialsProvider>,
    /// The cell, not the refreshable: the refreshable's source holds this, and must not keep the refreshable running.
    live: OnceLock<Arc<HotSwap<LiveKey>>>,
    /// The newest generation that was refused; 0 for none.
    refused: Mutex<u64>,
}

impl BootstrapCredentials {
    /// Starts with `first`.
    pub fn new(first: SharedCredentialsProvider) -> Self {
        Self(Arc::new(Shared {
            first,
            provider: OnceLock::new(),
            live: OnceLock::new(),
            refused: Mutex::new(0),
        }))
    }

    /// Reads with the live key of `keys` from now on. Only the first call counts.
    pub fn follow(&self, keys: &Refreshable<LiveKey>) {
        let _ = self.0.live.set(keys.hot());
    }

    /// What is tried next, as a credentials provider.
    pub fn credentials_provider(&self) -> SharedCredentialsProvider {
        // One object for life: each new one would be another partition to an SDK cache.
        self.0
            .provider
            .get_or_init(|| SharedCredentialsProvider::new(Next(self.clone())))
            .clone()
    }

    /// No cache: each attempt is given what is tried next.
    pub fn identity_cache(&self) -> SharedIdentityCache {
        SharedIdentityCache::new(Next(self.clone()))
    }

    /// Sees that the live key is refused.
    pub fn interceptor(&self) -> SharedInterceptor {
        SharedInterceptor::new(Next(self.clone()))
    }

    /// Lets an attempt that the live key has failed be made once more.
    pub fn retry_classifier(&self) -> SharedRetryClassifier {
        SharedRetryClassifier::new(Next(self.clone()))
    }
}

impl Shared {
    /// The live key, unless it is known to be refused.
    fn live(&self) -> Option<Lease<LiveKey>> {
        let lease = self.live.get()?.lease();
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        (Lease::generation(&lease) > refused).then_some(lease)
    }

    fn note_refused(&self, generation: u64) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = generation;
    }
}

/// The SDK's four hooks.
#[derive(Debug)]
struct Next(BootstrapCredentials);

impl fmt::Debug for BootstrapCredentials {
    // By hand: the provider in it has a handover in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootstrapCredentials")
            .field("first", &self.0.first)
            .field("live", &self.0.live.get())
            .finish_non_exhaustive()
    }
}

/// Marks a response whose request is to be made again with other credentials.
#[derive(Debug, Clone, Copy)]
struct TryOther;

impl ProvideCredentials for Next {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.0.0.live() {
            Some(lease) => future::ProvideCredentials::ready(Ok(lease.credentials().clone())),
            None => self.0.0.first.provide_credentials(),
        }
    }
}

impl ResolveCachedIdentity for Next {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        match self.0.0.live() {
            Some(lease) => IdentityFuture::ready(Ok(lease.identity().clone())),
            None => IdentityFuture::new(async move {
                resolver
                    .resolve_identity(runtime_components, config_bag)
                    .await
            }),
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Next {
    fn name(&self) -> &'static str {
        "credswap::handover"
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(error) = auth_error(context) else {
            return Ok(());
        };
        // Whose key signed is what is tried next: the loop that reads the secret is the loop that swaps, so the two do not
        // happen at the same time.
        let Some(lease) = self.0.0.live() else {
            // Nothing is known to be better than the live key, and it may have been refused for being too new.
            self.0.0.note_refused(0);
            return Ok(());
        };
        let generation = Lease::generation(&lease);
        tracing::warn!(
            generation,
            code = error.code(),
            "the live key may not read its successor; trying the credentials given at the start"
        );
        self.0.0.note_refused(generation);
        if let Some(response) = context.response_mut() {
            response.add_extension(TryOther);
        }
        Ok(())
    }
}

impl ClassifyRetry for Next {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        match ctx.response().and_then(|r| r.extension::<TryOther>()) {
            Some(TryOther) => RetryAction::retryable_error(ErrorKind::ClientError),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "credswap::handover"
    }
}
