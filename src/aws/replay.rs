//! Replays what was refused because its key is dead.
//!
//! The SDK retries no auth failure. When an attempt of ours ends with one, this interceptor reports the key, and plans
//! one more attempt: it marks the response (which is all that a retry classifier can see) and puts a retry budget
//! of its own into the config bag, so that neither the SDK's process-wide quota nor the user's number of attempts
//! is touched. The next attempt's identity is then the newer key, or an error: see `identity.rs`.
//!
//! A key that is young may be refused because it is not known everywhere yet: what proved it was another service, or
//! another part of this one. Its requests are made again with the same key, until it is known.
//!
//! It also sees requests that are signed and never sent, and notes until when such a URL is good.

use std::time::Duration;

use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::{ErrorKind, RetryConfig};
use metrics::counter;
use tokio::time::Instant;

use super::key::LiveKey;
use super::rejected_response::auth_error;
use super::rejection_window::Refusals;
use super::replay_state::{Refused, Replays, RetryBudget};
use crate::hot::DrainToken;
use crate::refresh::Refreshable;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};

/// How many keys an operation may be refused with. More than one are refused only if the newer one, too, has died
/// meanwhile: rotations back to back, each deleting the key before it at once.
const KEYS: u32 = 4;

/// The first and the longest wait before a request is made again with a key that is not known yet. IAM takes seconds;
/// and where a key is dead, although young, a look finds its successor in less than the first, as a rule.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));

#[derive(Debug)]
pub(super) struct Replay {
    keys: Refreshable<LiveKey>,
    refusals: Refusals,
    /// Takes the place of the SDK's copy of a key that is out of use.
    nobody: Identity,
}

impl Replay {
    pub(super) fn new(keys: Refreshable<LiveKey>) -> Self {
        Self {
            keys,
            refusals: Refusals::default(),
            nobody: Identity::new((), None),
        }
    }

    /// An attempt signed with the key of `generation` was answered with `error`: what to wait for before another one.
    /// `None` if that is not worth it. `before` is the refusal that the attempt was a replay after.
    fn worth_a_replay(
        &self,
        generation: u64,
        error: AuthError,
        before: Option<Refused>,
    ) -> Option<Refused> {
        let wait = self.keys.timeouts().newer_key;
        let refused = |until| Refused {
            generation,
            code: error.code(),
            until,
            again: None,
        };
        let newer_is_live = self.keys.generation() > generation;
        if error.is_ambiguous() {
            // It may be the key, it may be the request. Only a newer key at hand makes it worth the try.
            return newer_is_live.then(|| refused(Instant::now() + wait));
        }
        counter!("credswap_rejections_total", "code" => error.code()).increment(1);
        self.keys.report_rejected(generation);
        if newer_is_live {
            return Some(refused(Instant::now() + wait));
        }
        if error.kind() != AuthErrorKind::UnknownKey || !self.is_young(generation) {
            return self.refusals.note(generation, wait).map(refused);
        }
        // Each request has the whole time for itself: the key will be known one day.
        let (until, again) = match before.filter(|before| before.generation == generation) {
            Some(Refused { until, again, .. }) => (until, again.map(|wait| wait * 2)),
            None => (Instant::now() + wait, None),
        };
        (Instant::now() < until).then(|| Refused {
            again: Some(again.unwrap_or(AGAIN.0).min(AGAIN.1)),
            ..refused(until)
        })
    }

    /// Whether the live key is so new that a service may not know it yet.
    fn is_young(&self, generation: u64) -> bool {
        let age = self.keys.with(LiveKey::age);
        self.keys.generation() == generation && age < self.keys.timeouts().propagation
    }

    /// Takes away the identity that the attempt was signed with, and tells its generation.
    fn take_signer(&self, cfg: &mut ConfigBag) -> Option<(u64, DrainToken)> {
        let identity = cfg
            .get_mut_from_interceptor_state::<EndpointResolverParams>()?
            .get_property_mut::<Identity>()?;
        let hold = LiveKey::hold_of(identity)?.clone();
        let generation = self.keys.generation_of(&hold)?;
        *identity = self.nobody.clone();
        Some((generation, hold))
    }

    /// `keys` is how many have been refused in this operation.
    fn plan(&self, cfg: &mut ConfigBag, refused: Refused, keys: u32) {
        let attempts = cfg.load::<RequestAttempts>().map_or(1, |a| a.attempts());
        let own = match (cfg.load::<TokenBucket>(), cfg.load::<RetryConfig>()) {
            (Some(tokens), Some(config)) => RetryBudget {
                tokens: tokens.clone(),
                config: config.clone(),
            },
            // No retry strategy of the SDK's: nothing would run the replay.
            _ => return,
        };
        let replay = own
            .config
            .clone()
            .with_max_attempts(attempts + 1)
            .with_initial_backoff(Duration::ZERO)
            .with_max_backoff(Duration::ZERO);
        let replays = Replays {
            after: Some(refused),
            keys,
            own: Some(RetryBudget {
                config: own
                    .config
                    .clone()
                    .with_max_attempts(own.config.max_attempts() + 1),
                tokens: own.tokens,
            }),
        };
        cfg.interceptor_state()
            .store_put(TokenBucket::unlimited())
            .store_put(replay)
            .store_put(replays);
    }
}

#[dyn_dispatch_hint]
impl Intercept for Replay {
    fn name(&self) -> &'static str {
        "credswap"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(replays) = cfg.get_mut_from_interceptor_state::<Replays>()
            && let Some(own) = replays.own.take()
        {
            cfg.interceptor_state()
                .store_put(own.tokens)
                .store_put(own.config);
        }
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_sent = match context.output_or_error() {
            // The operation ends here, and the identity, which holds the key, with it.
            Some(Ok(_)) => return Ok(()),
            Some(Err(_)) => true,
            None => false,
        };
        let (mut before, mut keys) = (None, 0);
        if let Some(planned) = cfg.get_mut_from_interceptor_state::<Replays>() {
            before = planned.after.take();
            keys = planned.keys;
        }
        // The key that signed, if it was one of ours. The SDK would keep it until the operation ends, which a backoff can
        // put off for long; here it goes with the end of this function.
        let Some((generation, hold)) = self.take_signer(cfg) else {
            return Ok(());
        };
        if !is_sent {
            if let Some(life) = context
                .request()
                .and_then(|request| presigned(request.uri()))
            {
                hold.pin_until(Instant::now() + life);
            }
            return Ok(());
        }
        let Some(error) = auth_error(context) else {
            return Ok(());
        };
        keys += u32::from(before.as_ref().is_none_or(|b| b.generation != generation));
        // Also when the operation has had its share: it notes the refusal.
        let worth = self.worth_a_replay(generation, error, before);
        if keys <= KEYS
            && let Some(refused) = worth
            && let Some(response) = context.response_mut()
        {
            tracing::debug!(
                generation,
                code = error.code(),
                "refused; replaying with a newer key, or when this one is known"
            );
            counter!("credswap_replays_total").increment(1);
            response.add_extension(Replayed);
            self.plan(cfg, refused, keys);
        }
        Ok(())
    }
}

/// How long a presigned URL lives, if it is one: SigV4's query parameter `X-Amz-Expires`, in seconds.
fn presigned(uri: &str) -> Option<Duration> {
    let (_, query) = uri.split_once('?')?;
    let seconds = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("X-Amz-Expires="))?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

/// Marks a response whose request is to be replayed.
#[derive(Debug, Clone, Copy)]
struct Replayed;

/// Lets the planned replays happen, and says nothing about anything else.
#[derive(Debug)]
pub(super) struct ReplayRefused;

impl ClassifyRetry for ReplayRefused {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        match ctx.response().and_then(|r| r.extension::<Replayed>()) {
            // Not "transient": the connection is fine.
            Some(Replayed) => RetryAction::retryable_error(ErrorKind::ClientError),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "credswap"
    }
}
