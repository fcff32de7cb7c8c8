//! Replays what was refused because its key is dead.
//!
//! The SDK retries no auth failure. When an attempt of ours ends with one, this interceptor reports the key, and plans
//! one more attempt: it marks the response (which is all that a retry classifier can see) and puts a retry budget
//! of its own into the config bag, so that neither the SDK's process-wide quota nor the user's number of attempts
//! is touched. The next attempt's identity is then the newer key, or an error: see `identity.rs`.
//!
//! It also sees requests that are signed and never sent, and notes until when such a URL is good.

use std::sync::{Arc, Mutex, PoisonError};
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
use super::refused_key::auth_error;
use super::replays::{Refused, Replays, RetryBudget};
use crate::hot::Hold;
use crate::reload::Reloader;
use crate::sdk::auth_error::AuthError;

/// Each replay has a newer key than the attempt before it, so more than one happens only if that key, too, has died
/// meanwhile: rotations back to back, each deleting the key before it at once.
const REPLAYS: u32 = 4;

#[derive(Debug)]
pub(super) struct Replay {
    keys: Reloader<LiveKey>,
    refusals: Arc<Refusals>,
    /// Takes the place of the SDK's copy of a key that is out of use.
    nobody: Identity,
}

impl Replay {
    pub(super) fn new(keys: Reloader<LiveKey>, refusals: Arc<Refusals>) -> Self {
        Self {
            keys,
            refusals,
            nobody: Identity::new((), None),
        }
    }

    /// An attempt signed with the key of `generation` was answered with `error`: whether to try again with a newer key.
    fn is_worth_a_replay(&self, generation: u64, error: AuthError) -> bool {
        let newer_is_live = self.keys.generation() > generation;
        if error.is_ambiguous() {
            // It may be the key, it may be the request. Only a newer key at hand makes it worth the try.
            return newer_is_live;
        }
        counter!("credswap_refused_total", "code" => error.code()).increment(1);
        self.keys.report_refused(generation);
        newer_is_live || self.refusals.note(generation, self.keys.bounds().refresh)
    }

    /// Takes away the identity that the attempt was signed with, and tells its generation.
    fn take_signer(&self, cfg: &mut ConfigBag) -> Option<(u64, Hold)> {
        let identity = cfg
            .get_mut_from_interceptor_state::<EndpointResolverParams>()?
            .get_property_mut::<Identity>()?;
        let hold = LiveKey::hold_of(identity)?.clone();
        let generation = self.keys.generation_of(&hold)?;
        *identity = self.nobody.clone();
        Some((generation, hold))
    }

    fn plan(&self, cfg: &mut ConfigBag, refused: Refused, count: u32) {
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
            count: count + 1,
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
        let mut replays = 0;
        if let Some(planned) = cfg.get_mut_from_interceptor_state::<Replays>() {
            planned.after = None;
            replays = planned.count;
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
                hold.keep_until(Instant::now() + life);
            }
            return Ok(());
        }
        let Some(error) = auth_error(context) else {
            return Ok(());
        };
        if self.is_worth_a_replay(generation, error)
            && replays < REPLAYS
            && let Some(response) = context.response_mut()
        {
            tracing::debug!(
                generation,
                code = error.code(),
                "refused; replaying with a newer key"
            );
            counter!("credswap_replays_total").increment(1);
            response.add_extension(Refusal);
            self.plan(
                cfg,
                Refused {
                    generation,
                    code: error.code(),
                },
                replays,
            );
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
struct Refusal;

/// Lets the planned replays happen, and says nothing about anything else.
#[derive(Debug)]
pub(super) struct ReplayRefused;

impl ClassifyRetry for ReplayRefused {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        match ctx.response().and_then(|r| r.extension::<Refusal>()) {
            // Not "transient": the connection is fine.
            Some(Refusal) => RetryAction::retryable_error(ErrorKind::ClientError),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "credswap"
    }
}

/// Until when requests wait for a key newer than the refused one.
///
/// All requests that a dead key fails wait within one window, from its first refusal on. After that they fail at once,
/// as nobody's time is well spent on a key that does not come; four windows later they may wait again.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Option<Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    generation: u64,
    since: Instant,
}

impl Refusals {
    /// Notes a refusal; whether it is worth waiting.
    fn note(&self, generation: u64, wait: Duration) -> bool {
        let now = Instant::now();
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *window {
            Some(w) if w.generation > generation => true, // a newer key must be live by now
            Some(w) if w.generation == generation && now < w.since + wait * 4 => {
                now < w.since + wait
            }
            _ => {
                *window = Some(Window {
                    generation,
                    since: now,
                });
                true
            }
        }
    }

    pub(super) fn time_left(&self, generation: u64, wait: Duration) -> Duration {
        let window = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match window {
            Some(w) if w.generation == generation => {
                (w.since + wait).saturating_duration_since(Instant::now())
            }
            _ => wait,
        }
    }
}
