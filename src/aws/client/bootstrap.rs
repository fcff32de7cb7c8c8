//! Credentials for reading a secret with the key that it holds.
//!
//! The first fetch needs a key from elsewhere; from then on the live key reads its own successor. The client of a source
//! cannot have the hooks of [`RefreshableCredentials`]: a request that waits for a newer key would wait for the very refresh
//! that it is part of.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, ResolveIdentity,
    SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, SharedInterceptor, dyn_dispatch_hint,
};
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::hooks::ClientHooks;
use super::identity::pass_on;
use super::planned_attempt::{self, PlannedAttempts};
use super::rejected_response::{auth_error, count_rejection};
use crate::aws::key::{LiveKey, RefreshableCredentials};
use crate::hot::{HotSwap, Lease};
use crate::trigger::RefreshRequester;
use crate::util::lock::lock;

/// Credentials for the client of a source whose secret holds its own key: first the initial ones, then the live key.
///
/// When the live key is rejected, the rejection is reported, and the initial credentials are tried until there is a newer key
/// or they are rejected, too.
///
#[cfg_attr(all(feature = "secrets-manager", feature = "sts"), doc = "```no_run")]
#[cfg_attr(
    not(all(feature = "secrets-manager", feature = "sts")),
    doc = "```ignore"
)]
/// use credswap::RefreshableCredentials;
/// use credswap::aws::{AccessKeyConnector, BootstrapCredentials};
/// use credswap::source::SecretsManager;
/// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// let initial = sdk.credentials_provider().expect("the key that the service was deployed with");
/// let bootstrap = BootstrapCredentials::new(initial);
/// let config = aws_sdk_secretsmanager::config::Builder::from(&sdk);
/// let client = aws_sdk_secretsmanager::Client::from_conf(credswap::configure!(bootstrap, config).build());
///
/// let source = SecretsManager::from_client(client, "prod/uploader");
/// let credentials = RefreshableCredentials::builder(source, AccessKeyConnector::new(&sdk)).start().await?;
/// bootstrap.switch_to(&credentials); // from now on the live key reads its own successor
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct BootstrapCredentials(Arc<Shared>);

struct Shared {
    initial: SharedCredentialsProvider,
    live: OnceLock<Live>,
    rejections: Mutex<Rejections>,
}

/// The way to the live key. Not the refreshable: its source holds this, and must not keep it running.
struct Live {
    hot: Arc<HotSwap<LiveKey>>,
    /// `None` for a fixed value.
    requester: Option<RefreshRequester>,
}

/// Generations of the live key that were rejected; 0 for none.
#[derive(Default)]
struct Rejections {
    /// Up to this one the initial credentials are used instead.
    avoided: u64,
    /// Up to this one they were reported. One report each: every failed refresh would otherwise request the next at once.
    reported: u64,
}

impl BootstrapCredentials {
    /// Creates credentials that are the `initial` ones until [`BootstrapCredentials::switch_to`].
    pub fn new(initial: impl ProvideCredentials + 'static) -> Self {
        Self(Arc::new(Shared {
            initial: SharedCredentialsProvider::new(initial),
            live: OnceLock::new(),
            rejections: Mutex::default(),
        }))
    }

    /// Uses the live key of `credentials` from now on. Only the first call has an effect.
    pub fn switch_to(&self, credentials: &RefreshableCredentials) {
        let _ = self.0.live.set(Live {
            hot: credentials.hot(),
            requester: credentials.requester(),
        });
    }

    /// Returns a new bundle of hooks for a client's configuration. [`configure!`](crate::configure) does the rest.
    pub fn client_hooks(&self) -> ClientHooks {
        let provider = SharedCredentialsProvider::new(Provider(Arc::clone(&self.0)));
        let identity = BootstrapIdentity {
            shared: Arc::clone(&self.0),
            partition: provider.cache_partition(),
        };
        ClientHooks {
            credentials_provider: provider,
            identity_cache: SharedIdentityCache::new(identity),
            interceptor: SharedInterceptor::permanent(Fallback(Arc::clone(&self.0))),
            retry_classifier: SharedRetryClassifier::new(PlannedAttempts),
        }
    }
}

impl Shared {
    /// Returns the live key, unless it is known to be rejected.
    fn live(&self) -> Option<Lease<LiveKey>> {
        let lease = self.live.get()?.hot.lease();
        (Lease::generation(&lease) > lock(&self.rejections).avoided).then_some(lease)
    }

    /// Returns the generation that signed with `identity`, if it was a live key of ours.
    fn generation_of(&self, identity: &Identity) -> Option<u64> {
        let live = self.live.get()?;
        live.hot.generation_of(LiveKey::token_of(identity)?)
    }

    /// Reports a rejection of `generation`, once.
    fn report_rejected(&self, generation: u64) {
        let mut rejections = lock(&self.rejections);
        if generation > rejections.reported {
            rejections.reported = generation;
            if let Some(requester) = self.live.get().and_then(|live| live.requester.as_ref()) {
                requester.report_rejected(generation);
            }
        }
    }
}

// By hand: the live key's source may hold these credentials, and a derived one would never end.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootstrapCredentials")
            .field("initial", &self.initial)
            .field("live", &self.live.get().map(|live| &live.hot))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BootstrapCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug)]
struct Provider(Arc<Shared>);

/// Marks the initial credentials, so that their rejection is distinguished from that of any other ones.
#[derive(Debug, Clone, Copy)]
struct Initial;

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        if let Some(lease) = self.0.live() {
            return future::ProvideCredentials::ready(Ok(lease.credentials().clone()));
        }
        future::ProvideCredentials::new(async {
            let mut credentials = self.0.initial.provide_credentials().await?;
            credentials.set_property(Initial);
            Ok(credentials)
        })
    }
}

/// No cache: each attempt gets the credentials that are to be used then.
#[derive(Debug)]
struct BootstrapIdentity {
    shared: Arc<Shared>,
    /// The partition of our provider. Other resolvers are asked themselves.
    partition: Option<IdentityCachePartition>,
}

impl ResolveCachedIdentity for BootstrapIdentity {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let is_ours = Some(resolver.cache_partition()) == self.partition;
        match self.shared.live().filter(|_| is_ours) {
            Some(lease) => IdentityFuture::ready(Ok(lease.identity().clone())),
            None => pass_on(resolver, runtime_components, config_bag),
        }
    }
}

/// Notes rejections, and plans an attempt with the initial credentials after one of the live key.
#[derive(Debug)]
struct Fallback(Arc<Shared>);

#[dyn_dispatch_hint]
impl Intercept for Fallback {
    fn name(&self) -> &'static str {
        "credswap::bootstrap"
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let signer = cfg
            .load::<EndpointResolverParams>()
            .and_then(|params| params.get_property::<Identity>());
        let rejection = auth_error(context, components, cfg);
        let (Some((error, _)), Some(identity)) = (rejection, signer) else {
            return Ok(());
        };
        let Some(generation) = self.0.generation_of(identity) else {
            let credentials = identity.data::<Credentials>();
            if credentials.is_some_and(|c| c.get_property::<Initial>().is_some()) {
                // Nothing is known to be better than the live key, and it may have been rejected for being too new.
                lock(&self.0.rejections).avoided = 0;
            }
            return Ok(());
        };
        tracing::warn!(
            generation,
            code = error.code(),
            "the live key cannot read its successor; trying the initial credentials"
        );
        {
            let mut rejections = lock(&self.0.rejections);
            rejections.avoided = rejections.avoided.max(generation);
        }
        // The live key may also just lack the permission to read: the error does not say.
        if !error.is_ambiguous() {
            let requester = self.0.live.get().and_then(|live| live.requester.as_ref());
            let name = requester.map_or("fixed", RefreshRequester::refreshable);
            count_rejection(name, error);
            self.0.report_rejected(generation);
        }
        planned_attempt::mark(context);
        Ok(())
    }
}
