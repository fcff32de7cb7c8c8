//! The hooks of a client that is bound to one key: its identity, and the report that its key was rejected.

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
use crate::hot::DrainToken;
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

/// Reports that the client's key was rejected.
#[derive(Debug)]
pub(in crate::aws) struct ReportRejected {
    requester: RefreshRequester,
    token: DrainToken,
}

impl ReportRejected {
    /// `token` is that of the client's own generation.
    pub(in crate::aws) fn new(requester: RefreshRequester, token: DrainToken) -> Self {
        Self { requester, token }
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
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A client that was not published has no generation, and is used by its check alone.
        if let Some(error) = auth_error(context)
            && !error.is_ambiguous()
            && let Some(generation) = self.token.generation()
        {
            count_rejection(error);
            self.requester.report_rejected(generation);
        }
        Ok(())
    }
}
