//! The identity cache that caches nothing: each attempt is given the live key.
//!
//! The identity is the lease: whoever has a clone of it pins its generation, by the hold in it. The SDK keeps it for the
//! attempt; `replay.rs` sees that it is not kept for longer.

use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, ResolveIdentity,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::{Instant, timeout_at};

use super::key::LiveKey;
use super::replay_state::{Refused, Replays};
use crate::error::{Error, ErrorKind};
use crate::refresh::Refreshable;

#[derive(Debug)]
pub(super) struct LiveIdentity {
    keys: Refreshable<LiveKey>,
    /// Our provider's. Another one belongs to a provider that one operation was configured with, or to another
    /// auth scheme: not ours to answer.
    partition: Option<IdentityCachePartition>,
}

impl LiveIdentity {
    pub(super) fn new(
        keys: Refreshable<LiveKey>,
        partition: Option<IdentityCachePartition>,
    ) -> Self {
        Self { keys, partition }
    }

    fn live(&self) -> Identity {
        self.keys.with(|key| key.identity().clone())
    }

    /// The key for an attempt after one that was refused: a newer one, or, when its time has come, the same again.
    async fn after(&self, refused: &Refused) -> Result<Identity, Error> {
        let again = refused.again.map(|wait| Instant::now() + wait);
        let again = again.filter(|at| *at < refused.until);
        let mut updates = self.keys.updates();
        let newer = updates.newer_than(refused.generation);
        match timeout_at(again.unwrap_or(refused.until), newer).await {
            Ok(Some(_)) => Ok(self.live()),
            Err(_) if again.is_some() => Ok(self.live()),
            // Better no attempt than one more with a key that is known to be dead.
            Ok(None) | Err(_) => Err(Error::new(
                ErrorKind::NoNewerKey,
                format!(
                    "the key of generation {} was refused ({}), and no newer one came within {:?}: see \
                     Refreshable::status for why; is the secret's rotation finished, and was the old key retired \
                     before this process had drained it? Or does this service not know a new key yet?",
                    refused.generation,
                    refused.code,
                    self.keys.timeouts().newer_key
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
            return IdentityFuture::new(async move {
                resolver
                    .resolve_identity(runtime_components, config_bag)
                    .await
            });
        }
        // The first attempt is no replay. Asking that is cheaper than not finding `Replays` in each layer of the bag.
        let is_first = config_bag
            .load::<RequestAttempts>()
            .is_some_and(|attempts| attempts.attempts() <= 1);
        let replays = match is_first {
            true => None,
            false => config_bag.load::<Replays>(),
        };
        match replays.and_then(|replays| replays.after.as_ref()) {
            None => IdentityFuture::ready(Ok(self.live())),
            Some(refused) => IdentityFuture::new(async move { Ok(self.after(refused).await?) }),
        }
    }
}
