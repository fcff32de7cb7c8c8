//! The hooks of a client that is bound to one key: its identity, and the report that its key was rejected.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::identity::pass_on;
use super::rejected_response::{auth_error, count_rejection};
use super::rejection::ONE_REFRESH;
use crate::aws::experience::Experience;
use crate::hot::DrainToken;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::trigger::RefreshRequester;

/// The same identity for every attempt: no cache, no expiry.
#[derive(Debug)]
pub(in crate::aws) struct FixedIdentity {
    pub(in crate::aws) identity: Identity,
    /// The partition of the provider whose identity it is; other resolvers are asked themselves.
    pub(in crate::aws) partition: Option<IdentityCachePartition>,
}

impl ResolveCachedIdentity for FixedIdentity {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        if Some(resolver.cache_partition()) == self.partition {
            return IdentityFuture::ready(Ok(self.identity.clone()));
        }
        pass_on(resolver, runtime_components, config_bag)
    }
}

/// Reports that the client's key was rejected, and requests a refresh where the cause may be the request.
#[derive(Debug)]
pub(in crate::aws) struct ReportRejected {
    requester: RefreshRequester,
    token: DrainToken,
    experience: Experience,
}

impl ReportRejected {
    /// `token` is that of the client's own generation.
    pub(in crate::aws) fn new(requester: RefreshRequester, token: DrainToken) -> Self {
        Self {
            requester,
            token,
            experience: Experience::new(),
        }
    }

    fn rejected(&self, generation: u64, error: AuthError) {
        let is_due = match error.kind() {
            _ if error.proves_key() => {
                self.experience.note_success(0);
                false
            }
            AuthErrorKind::Denied => self.experience.note_denial(WAIT),
            // Of a dead key the id is not known.
            AuthErrorKind::WrongSignature => {
                count_rejection(self.requester.refreshable(), error);
                self.experience.may_request(WAIT, SystemTime::UNIX_EPOCH).0
            }
            _ => {
                count_rejection(self.requester.refreshable(), error);
                return self.requester.report_rejected(generation);
            }
        };
        if is_due {
            self.requester.request(ONE_REFRESH);
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for ReportRejected {
    fn name(&self) -> &'static str {
        "credswap::report_rejected"
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if matches!(context.output_or_error(), Some(Ok(_))) {
            if self.experience.is_watching() {
                self.experience.note_success(0);
            }
            return Ok(());
        }
        // A client that was not published has no generation, and is used by its check alone.
        if let Some((error, _)) = auth_error(context, components, cfg)
            && let Some(generation) = self.token.generation()
        {
            self.rejected(generation, error);
        }
        Ok(())
    }
}

/// How often refreshes are requested because of rejections that prove little: four times this.
const WAIT: Duration = Duration::from_secs(15);
