//! Replays requests that were rejected because their key is dead.
//!
//! The SDK retries almost no auth failure. When an attempt of ours ends with one, this interceptor reports the key and plans
//! one more attempt: it marks the response (which is all that a retry classifier can see) and puts a retry budget of its own
//! into the config bag, so that neither the SDK's process-wide quota nor the user's number of attempts is touched. The next
//! attempt's identity is then the newer key, or an error: see `identity.rs`.
//!
//! If there will be no other attempt after all, the operation ends with the answer that the service gave.
//!
//! The interceptor also sees requests that are signed and never sent, and pins their key until such a URL expires.

use std::time::Duration;

use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;
use metrics::counter;
use tokio::time::Instant;

use super::rejected_response::auth_error;
use super::rejection::Rejection;
use super::replay_state::{RejectedKey, ReplayState, RetryBudget};
use super::{last_answer, planned_attempt};
use crate::aws::experience::Experience;
use crate::aws::key::{LiveKey, RefreshableCredentials};
use crate::error::{Error, ErrorKind};
use crate::hot::{DrainToken, Lease};
use crate::sdk::auth_error::AuthError;
use crate::sdk::causes::find;
use crate::sdk::service_error::ServiceError;

/// How many keys an operation may be rejected with. More than one only if the newer one has died meanwhile, too: rotations
/// back to back, each of which deletes the key before it at once.
const MAX_REJECTED_KEYS: u32 = 8;

#[derive(Debug)]
pub(super) struct Replay {
    credentials: RefreshableCredentials,
    /// Replaces the SDK's copy of an identity whose attempt has ended.
    empty_identity: Identity,
}

impl Replay {
    pub(super) fn new(credentials: RefreshableCredentials) -> Self {
        Self {
            credentials,
            empty_identity: Identity::new((), None),
        }
    }

    /// Takes the identity that the attempt was signed with from the SDK, if it is one of ours.
    fn take_signer(&self, cfg: &mut ConfigBag) -> Option<Signer> {
        let identity = cfg
            .get_mut_from_interceptor_state::<EndpointResolverParams>()?
            .get_property_mut::<Identity>()?;
        let token = LiveKey::token_of(identity)?.clone();
        let generation = self.credentials.generation_of(&token)?;
        let mark = Experience::mark_of(identity);
        *identity = self.empty_identity.clone();
        Some(Signer {
            generation,
            mark,
            token,
        })
    }

    /// Returns how the attempt was rejected, and the key that was: the one that signed it or, if it was not sent, the one that
    /// signed the call for its session.
    fn rejection(
        &self,
        context: &FinalizerInterceptorContextMut<'_>,
        components: &RuntimeComponents,
        cfg: &ConfigBag,
        signer: Option<Signer>,
    ) -> Option<(Signer, AuthError, ServiceError)> {
        #[cfg(feature = "s3")]
        if let Some((error, answer)) = super::session::auth_error(context) {
            // The key that was live a moment ago, which is this one but for a swap in between: then it is replayed for nothing.
            let live = self.credentials.lease();
            let signer = Signer {
                generation: Lease::generation(&live),
                mark: Experience::mark_of(&live.signing_identity()),
                token: Lease::token(&live),
            };
            return Some((signer, error, answer));
        }
        let signer = signer?;
        let (error, answer) = auth_error(context, components, cfg)?;
        Some((signer, error, answer))
    }

    /// Notes that an attempt succeeded, if that is news about a key that was rejected.
    fn succeeded(&self, cfg: &ConfigBag) {
        if !self.credentials.with(|key| key.experience().is_watching()) {
            return;
        }
        let params = cfg.load::<EndpointResolverParams>();
        let identity = params.and_then(|params| params.get_property::<Identity>());
        let Some(identity) = identity else { return };
        let generation =
            LiveKey::token_of(identity).and_then(|t| self.credentials.generation_of(t));
        let live = self.credentials.lease();
        if generation == Some(Lease::generation(&live)) {
            live.experience()
                .note_success(Experience::mark_of(identity));
        }
    }

    /// Plans one more attempt after `rejected`, the `rejected_keys`th key of this operation.
    fn plan(
        &self,
        cfg: &mut ConfigBag,
        rejected: RejectedKey,
        rejected_keys: u32,
        answer: Option<HttpResponse>,
    ) {
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
            answer,
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
        components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let was_sent = match context.output_or_error() {
            Some(Ok(_)) => {
                self.succeeded(cfg);
                // The operation ends here, and with it the identity and its drain token.
                return Ok(());
            }
            Some(Err(_)) => true,
            None => false,
        };
        let (mut before, mut answer, mut rejected_keys) = (None, None, 0);
        if let Some(state) = cfg.get_mut_from_interceptor_state::<ReplayState>() {
            before = state.rejected.take();
            answer = state.answer.take();
            rejected_keys = state.rejected_keys;
        }
        if let Some(answer) = answer
            && was_sent
            && last_answer::was_not_sent(context)
        {
            give_up(self.credentials.name(), context, answer, cfg);
            return Ok(());
        }
        // The SDK would keep the identity until the operation ends, which a backoff can put off for long; here its drain token
        // is dropped at the end of this function.
        let signer = self.take_signer(cfg);
        if !was_sent {
            let lifetime = context
                .request()
                .map(|request| presigned_for(request.uri()));
            if let (Some(signer), Some(lifetime)) = (signer, lifetime.flatten()) {
                signer.token.pin_until(Instant::now() + lifetime);
            }
            return Ok(());
        }
        let Some((signer, error, answer)) = self.rejection(context, components, cfg, signer) else {
            return Ok(());
        };
        let generation = signer.generation;
        rejected_keys += u32::from(before.as_ref().is_none_or(|b| b.generation != generation));
        let rejection = Rejection {
            generation,
            mark: signer.mark,
            error,
            answer,
            before,
        };
        // Also when no further replay is allowed: the rejection is reported.
        let rejected = rejection.handle(&self.credentials);
        if rejected_keys <= MAX_REJECTED_KEYS
            && let Some(rejected) = rejected
        {
            let refreshable = self.credentials.name();
            tracing::debug!(
                refreshable,
                generation,
                code = error.code(),
                same_key = rejected.retry_same_key.is_some(),
                "key rejected; replaying the request"
            );
            counter!("credswap_replays_total", "refreshable" => refreshable.to_owned())
                .increment(1);
            let answer = context.response().and_then(last_answer::copy);
            planned_attempt::mark(context);
            self.plan(cfg, rejected, rejected_keys, answer);
        }
        Ok(())
    }
}

/// The key that signed an attempt.
struct Signer {
    generation: u64,
    mark: u64,
    token: DrainToken,
}

/// Ends an operation that is not replayed after all with the service's own answer, unless the error that ended it explains more.
fn give_up(
    refreshable: &str,
    context: &mut FinalizerInterceptorContextMut<'_>,
    answer: HttpResponse,
    cfg: &ConfigBag,
) {
    let Some(Err(error)) = context.output_or_error() else {
        return;
    };
    match find::<Error>(error) {
        Some(ours) if ours.kind() == ErrorKind::ShutDown => return,
        Some(ours) => tracing::warn!(refreshable, %ours, "not replayed"),
        None => tracing::warn!(
            refreshable,
            status = answer.status().as_u16(),
            "the key was rejected, and a timeout ended the wait for a newer one"
        ),
    }
    last_answer::restore(context, answer, cfg);
}

/// Returns for how long a presigned URL is valid, if `uri` is one: SigV4's query parameter `X-Amz-Expires`, in seconds.
fn presigned_for(uri: &str) -> Option<Duration> {
    let (_, query) = uri.split_once('?')?;
    let seconds = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("X-Amz-Expires="))?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}
