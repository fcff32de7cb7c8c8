//! The identity cache that caches nothing: each attempt gets the live key.
//!
//! The identity is the lease: each clone of it keeps its generation in use, by the drain token in it. The SDK keeps it for
//! the attempt; `replay.rs` takes care that it is not kept for longer.
//!
//! Before an attempt that is a replay, it waits: for a newer key, or for a reason why there is no point in waiting.

use std::future::pending;
use std::time::Duration;

use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, ResolveIdentity,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::replay_state::{RejectedKey, ReplayState};
use crate::aws::experience::Experience;
use crate::aws::key::{LiveKey, RefreshableCredentials};
use crate::error::{Error, ErrorKind};
use crate::hot::Lease;

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
        self.credentials.with(LiveKey::signing_identity)
    }

    /// Returns the key for the attempt after one whose key was rejected: a newer one or, after its delay, the same again.
    async fn after(&self, rejected: &RejectedKey) -> Result<Identity, Error> {
        let live = self.credentials.lease();
        if Lease::generation(&live) > rejected.generation {
            return Ok(live.signing_identity());
        }
        let mut updates = self.credentials.updates();
        let newer = updates.newer_than(rejected.generation);
        if let Some(retry) = &rejected.retry_same_key {
            let at = Instant::now() + retry.after;
            match timeout_at(at.min(rejected.deadline), newer).await {
                Ok(None) => {}
                Err(_) if at >= rejected.deadline => {}
                _ => return Ok(self.live()),
            }
            return Err(self.no_newer_key(rejected, "none went live in time"));
        }
        // Better no attempt than another one with a key that is known to be dead, or for a request that is known to be rejected.
        let why = tokio::select! {
            biased;
            Some(_) = newer => return Ok(self.live()),
            () = self.refuted(rejected, live.experience()) => "other requests succeed with it",
            () = self.refreshed(rejected), if !rejected.is_likely_dead => "the secret is unchanged",
            () = self.suspected(rejected, live.experience()) => "none went live in time",
            () = self.ended() => {
                let text = format!(
                    "{}, and refreshing has ended: no newer key will come; this refreshable was shut down",
                    self.rejection(rejected)
                );
                return Err(rejected.answer.error(ErrorKind::ShutDown, text));
            }
        };
        Err(self.no_newer_key(rejected, why))
    }

    /// Waits until another request has succeeded with the key, and a refresh has found no newer one (or takes long).
    async fn refuted(&self, rejected: &RejectedKey, experience: &Experience) {
        experience.proven_after(rejected.mark).await;
        // Late is as good as done.
        let _ = timeout(SOON, self.refreshed(rejected)).await;
    }

    /// Waits until the end of the time, and reports a rejection that nothing has refuted soon.
    async fn suspected(&self, rejected: &RejectedKey, experience: &Experience) {
        let soon = Instant::now() + SOON;
        if !rejected.reported && rejected.is_likely_dead && soon < rejected.deadline {
            sleep_until(soon).await;
            if experience.may_report(self.credentials.timeouts().newer_key) {
                self.credentials.report_rejected(rejected.generation);
            }
        }
        sleep_until(rejected.deadline).await;
    }

    /// Waits for a refresh that succeeds after the rejection.
    async fn refreshed(&self, rejected: &RejectedKey) {
        let mut status = self.credentials.subscribe_status();
        let before = rejected.refreshed_before;
        let has_ended = status
            .wait_for(|status| status.last_success != before)
            .await
            .is_err();
        if has_ended {
            pending::<()>().await;
        }
    }

    /// Waits until refreshing has ended.
    async fn ended(&self) {
        let mut status = self.credentials.subscribe_status();
        while status.changed().await.is_ok() {}
    }

    fn rejection(&self, rejected: &RejectedKey) -> String {
        let (generation, answer) = (rejected.generation, rejected.answer.summary());
        format!("the key of generation {generation} was rejected ({answer})")
    }

    fn no_newer_key(&self, rejected: &RejectedKey, why: &str) -> Error {
        let text = format!(
            "{}, and there is no newer one: {why} (waited at most {:?}); `Refreshable::status` says more: the rotation may not \
             have finished, the old key may have been retired before this process had drained it, this service may not know a \
             new key yet, or the request is rejected for another reason",
            self.rejection(rejected),
            self.credentials.timeouts().newer_key
        );
        rejected.answer.error(ErrorKind::NoNewerKey, text)
    }
}

/// For how long a rejection that proves little is not reported, and how long a refresh may take once it is refuted.
const SOON: Duration = Duration::from_secs(1);

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
