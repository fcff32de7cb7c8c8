//! Replays requests that were rejected because their key is dead.
//!
//! The SDK retries almost no auth failure. When an attempt of ours ends with one, this interceptor reports the key and plans
//! one more attempt: it marks the response (which is all that a retry classifier can see) and puts a retry budget of its own
//! into the config bag, so that neither the SDK's process-wide quota nor the user's number of attempts is touched. The next
//! attempt's identity is then the newer key, or an error: see `identity.rs`.
//!
//! A key that went live only just now may be rejected because this service does not know it yet: another service, or another
//! part of this one, passed its check. Its requests are repeated with the same key until it is known.
//!
//! The interceptor also sees requests that are signed and never sent, and pins their key until such a URL expires.

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
use fastrand::Rng;
use metrics::counter;
use tokio::time::Instant;

use super::rejected_response::{auth_error, count_rejection};
use super::rejection_window::RejectionWindow;
use super::replay_state::{RejectedKey, ReplayState, RetryBudget, SameKeyRetry};
use crate::aws::key::{LiveKey, RefreshableCredentials};
use crate::hot::DrainToken;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::util::Backoff;

/// How many keys an operation may be rejected with. More than one only if the newer one has died meanwhile, too: rotations
/// back to back, each of which deletes the key before it at once.
const MAX_REJECTED_KEYS: u32 = 4;

/// The delays before a request is repeated with a key that is not known yet. IAM takes seconds; and where a young key is in
/// fact dead, a refresh usually finds its successor within the first delay.
const SAME_KEY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));

#[derive(Debug)]
pub(super) struct Replay {
    credentials: RefreshableCredentials,
    window: RejectionWindow,
    /// Replaces the SDK's copy of an identity whose attempt has ended.
    empty_identity: Identity,
}

impl Replay {
    pub(super) fn new(credentials: RefreshableCredentials) -> Self {
        Self {
            credentials,
            window: RejectionWindow::default(),
            empty_identity: Identity::new((), None),
        }
    }

    /// Reports the key of `generation`, whose attempt was answered with `error`, and returns what to wait for before another
    /// attempt; `None` if that is not worth it. `before` is the rejection that the attempt was a replay after.
    fn rejected(
        &self,
        generation: u64,
        error: AuthError,
        before: Option<RejectedKey>,
    ) -> Option<RejectedKey> {
        let wait = self.credentials.timeouts().newer_key;
        let rejected = |deadline| RejectedKey {
            generation,
            code: error.code(),
            deadline,
            retry_same_key: None,
        };
        let newer_is_live = self.credentials.generation() > generation;
        if error.is_ambiguous() {
            // The cause may be the key or the request. Only with a newer key at hand is it worth another attempt.
            return newer_is_live.then(|| rejected(Instant::now() + wait));
        }
        count_rejection(error);
        self.credentials.report_rejected(generation);
        if newer_is_live {
            return Some(rejected(Instant::now() + wait));
        }
        if error.kind() != AuthErrorKind::UnknownKey || !self.may_be_propagating(generation) {
            return self.window.note(generation, wait).map(rejected);
        }
        // Each request has the whole time for itself: the key will be known at some point.
        let (deadline, retry) = match before.filter(|before| before.generation == generation) {
            Some(before) => (before.deadline, before.retry_same_key),
            None => (Instant::now() + wait, None),
        };
        let mut later = retry.map_or_else(|| SAME_KEY.delays(&mut Rng::new()), |retry| retry.later);
        let after = later.next();
        (Instant::now() < deadline).then(|| RejectedKey {
            retry_same_key: Some(SameKeyRetry { after, later }),
            ..rejected(deadline)
        })
    }

    /// Returns whether the key is live and so new that a service may not know it yet.
    fn may_be_propagating(&self, generation: u64) -> bool {
        let age = self.credentials.with(LiveKey::age);
        self.credentials.generation() == generation && age < self.credentials.timeouts().propagation
    }

    /// Takes the identity that the attempt was signed with from the SDK, if it is one of ours, and returns its generation.
    fn take_signer(&self, cfg: &mut ConfigBag) -> Option<(u64, DrainToken)> {
        let identity = cfg
            .get_mut_from_interceptor_state::<EndpointResolverParams>()?
            .get_property_mut::<Identity>()?;
        let token = LiveKey::token_of(identity)?.clone();
        let generation = self.credentials.generation_of(&token)?;
        *identity = self.empty_identity.clone();
        Some((generation, token))
    }

    /// Plans one more attempt after `rejected`, the `rejected_keys`th key of this operation.
    fn plan(&self, cfg: &mut ConfigBag, rejected: RejectedKey, rejected_keys: u32) {
        let attempts = cfg.load::<RequestAttempts>().map_or(1, |a| a.attempts());
        let configured = match (cfg.load::<TokenBucket>(), cfg.load::<RetryConfig>()) {
            (Some(tokens), Some(config)) => RetryBudget {
                tokens: tokens.clone(),
                config: config.clone(),
            },
            // Not the SDK's retry strategy: nothing would make the attempt.
            _ => return,
        };
        let replay = configured
            .config
            .clone()
            .with_max_attempts(attempts + 1)
            .with_initial_backoff(Duration::ZERO)
            .with_max_backoff(Duration::ZERO);
        // The replay does not count: the user's own attempts are one more.
        let max_attempts = configured.config.max_attempts() + 1;
        let state = ReplayState {
            rejected: Some(rejected),
            rejected_keys,
            configured: Some(RetryBudget {
                config: configured.config.with_max_attempts(max_attempts),
                tokens: configured.tokens,
            }),
        };
        cfg.interceptor_state()
            .store_put(TokenBucket::unlimited())
            .store_put(replay)
            .store_put(state);
    }
}

#[dyn_dispatch_hint]
impl Intercept for Replay {
    fn name(&self) -> &'static str {
        "credswap::replay"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(state) = cfg.get_mut_from_interceptor_state::<ReplayState>()
            && let Some(configured) = state.configured.take()
        {
            cfg.interceptor_state()
                .store_put(configured.tokens)
                .store_put(configured.config);
        }
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let was_sent = match context.output_or_error() {
            // The operation ends here, and with it the identity and its drain token.
            Some(Ok(_)) => return Ok(()),
            Some(Err(_)) => true,
            None => false,
        };
        let (mut before, mut rejected_keys) = (None, 0);
        if let Some(state) = cfg.get_mut_from_interceptor_state::<ReplayState>() {
            before = state.rejected.take();
            rejected_keys = state.rejected_keys;
        }
        // The SDK would keep the identity until the operation ends, which a backoff can put off for long; here its drain token
        // is dropped at the end of this function.
        let Some((generation, token)) = self.take_signer(cfg) else {
            return Ok(());
        };
        if !was_sent {
            let lifetime = context
                .request()
                .map(|request| presigned_for(request.uri()));
            if let Some(lifetime) = lifetime.flatten() {
                token.pin_until(Instant::now() + lifetime);
            }
            return Ok(());
        }
        let Some(error) = auth_error(context) else {
            return Ok(());
        };
        rejected_keys += u32::from(before.as_ref().is_none_or(|b| b.generation != generation));
        // Also when no further replay is allowed: the rejection is reported.
        let rejected = self.rejected(generation, error, before);
        if rejected_keys <= MAX_REJECTED_KEYS
            && let Some(rejected) = rejected
            && let Some(response) = context.response_mut()
        {
            tracing::debug!(
                generation,
                code = error.code(),
                same_key = rejected.retry_same_key.is_some(),
                "key rejected; replaying the request"
            );
            counter!("credswap_replays_total").increment(1);
            response.add_extension(ReplayPlanned);
            self.plan(cfg, rejected, rejected_keys);
        }
        Ok(())
    }
}

/// Returns for how long a presigned URL is valid, if `uri` is one: SigV4's query parameter `X-Amz-Expires`, in seconds.
fn presigned_for(uri: &str) -> Option<Duration> {
    let (_, query) = uri.split_once('?')?;
    let seconds = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("X-Amz-Expires="))?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

/// Marks a response whose request is replayed.
#[derive(Debug, Clone, Copy)]
struct ReplayPlanned;

/// Lets the planned replays happen, and classifies nothing else.
#[derive(Debug)]
pub(super) struct ReplayClassifier;

impl ClassifyRetry for ReplayClassifier {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        match ctx.response().and_then(|r| r.extension::<ReplayPlanned>()) {
            // Not "transient": the connection is fine.
            Some(ReplayPlanned) => RetryAction::retryable_error(ErrorKind::ClientError),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "credswap::replay"
    }
}
