//! The identity cache that caches nothing: each attempt gets the live key.
//!
//! The identity is the lease: each clone of it keeps its generation in use, by the drain token in it. The SDK keeps it for
//! the attempt; `replay.rs` takes care that it is not kept for longer.

use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, ResolveIdentity,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::{Instant, timeout_at};

use super::replay_state::{RejectedKey, ReplayState};
use crate::aws::key::RefreshableCredentials;
use crate::error::{Error, ErrorKind};

#[derive(Debug)]
pub(super) struct LiveIdentity {
    credentials: RefreshableCredentials,
    /// The partition of our provider. A resolver with another one belongs to a provider that one operation was configured
    /// with, or to another auth scheme, and is asked itself.
    partition: Option<IdentityCachePartition>,
}

impl LiveIdentity {
    pub(super) fn new(
        credentials: RefreshableCredentials,
        partition: Option<IdentityCachePartition>,
    ) -> Self {
        Self {
            credentials,
            partition,
        }
    }

    fn live(&self) -> Identity {
        self.credentials.with(|key| key.identity().clone())
    }

    /// Returns the key for the attempt after one whose key was rejected: a newer one or, after its delay, the same again.
    async fn after(&self, rejected: &RejectedKey) -> Result<Identity, Error> {
        let retry_at = rejected
            .retry_same_key
            .as_ref()
            .map(|retry| Instant::now() + retry.after)
            .filter(|at| *at < rejected.deadline);
        let mut updates = self.credentials.updates();
        let newer = updates.newer_than(rejected.generation);
        match timeout_at(retry_at.unwrap_or(rejected.deadline), newer).await {
            Ok(Some(_)) => Ok(self.live()),
            Err(_) if retry_at.is_some() => Ok(self.live()),
            // Better no attempt than another one with a key that is known to be dead.
            Ok(None) | Err(_) => Err(Error::new(
                ErrorKind::NoNewerKey,
                format!(
                    "the key of generation {} was rejected ({}), and no newer one went live within {:?}; \
                     `Refreshable::status` says why: the rotation may not have finished, the old key may have been \
                     retired before this process had drained it, or this service may not know a new key yet",
                    rejected.generation,
                    rejected.code,
                    self.credentials.timeouts().newer_key
                ),
            )),
        }
    }
}

impl ResolveCachedIdentity for LiveIdentity {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        if Some(resolver.cache_partition()) != self.partition {
            return pass_on(resolver, runtime_components, config_bag);
        }
        // The first attempt is not a replay. This question is cheaper than not finding `ReplayState` in any layer of the bag.
        let is_first = config_bag
            .load::<RequestAttempts>()
            .is_some_and(|attempts| attempts.attempts() <= 1);
        let state = match is_first {
            true => None,
            false => config_bag.load::<ReplayState>(),
        };
        match state.and_then(|state| state.rejected.as_ref()) {
            None => IdentityFuture::ready(Ok(self.live())),
            Some(rejected) => IdentityFuture::new(async move { Ok(self.after(rejected).await?) }),
        }
    }
}

/// Asks the resolver itself, without a cache.
pub(super) fn pass_on<'a>(
    resolver: SharedIdentityResolver,
    runtime_components: &'a RuntimeComponents,
    config_bag: &'a ConfigBag,
) -> IdentityFuture<'a> {
    IdentityFuture::new(async move {
        resolver
            .resolve_identity(runtime_components, config_bag)
            .await
    })
}
