//! The identity cache of a client that is bound to one key.

use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityCachePartition, IdentityFuture, ResolveCachedIdentity, ResolveIdentity,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Always the same identity: no cache, no expiry, nothing to reload.
#[derive(Debug)]
pub(super) struct FixedIdentity {
    pub(super) identity: Identity,
    /// The provider's that the identity stands for; all others are asked themselves.
    pub(super) partition: Option<IdentityCachePartition>,
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
        IdentityFuture::new(async move {
            resolver
                .resolve_identity(runtime_components, config_bag)
                .await
        })
    }
}
