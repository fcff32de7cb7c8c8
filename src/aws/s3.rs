//! Whole S3 clients as values: swapped with their key, region and endpoint, drained by their own life.
//!
//! An SDK operation owns the client's inner handle, so a request outlives the lease that it was made from. The key's
//! hold therefore sits in the client: the generation is drained when the last clone of the client and the last
//! request of it have gone.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::ResolveIdentity;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, SharedInterceptor, dyn_dispatch_hint,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::SdkConfig;

use super::access_key::AccessKey;
use super::check::Check;
use super::fields::Fields;
use super::fixed_identity::FixedIdentity;
use super::key::LiveKey;
use super::rejected_response::auth_error;
use crate::connect::{Connect, Verdict};
use crate::error::{Error, ErrorKind};
use crate::hot::DrainToken;
use crate::sdk::behavior::with_behavior;
use crate::secret::Secret;
use crate::trigger::{Reason, RefreshRequester};

/// An S3 client that is bound to one key. Dereferences to [`aws_sdk_s3::Client`].
pub struct S3 {
    client: Client,
    key: LiveKey,
    bucket: Option<String>,
}

/// Makes an S3 client of a secret, which may also carry the region, the endpoint and the bucket. See [`s3_clients`].
pub struct S3Clients<K> {
    sdk: SdkConfig,
    check: K,
    fields: Fields,
    configure: Box<dyn Fn(Builder) -> Builder + Send + Sync>,
    requester: OnceLock<RefreshRequester>,
}

/// S3 clients made of `sdk` and the secret, each key proven by STS `GetCallerIdentity`.
///
/// All generations share the HTTP client of `sdk` and with it the connections: `sdk` must name one.
///
/// A whole client is bound to its key: a request that is refused leads to a look, but is not replayed with another
/// key, as it is by an [`Edge`](super::Edge). Choose whole clients if more than the key changes with the secret.
///
/// # Errors
/// [`ErrorKind::Config`] if `sdk` has no HTTP client.
#[cfg(feature = "sts")]
pub fn s3_clients(sdk: &SdkConfig) -> Result<S3Clients<super::check::CallerIdentity>, Error> {
    s3_clients_checked_by(sdk, super::check::CallerIdentity::new(sdk))
}

/// The same with a check of your choice.
///
/// # Errors
/// [`ErrorKind::Config`] if `sdk` has no HTTP client.
pub fn s3_clients_checked_by<K: Check>(sdk: &SdkConfig, check: K) -> Result<S3Clients<K>, Error> {
    if sdk.http_client().is_none() {
        return Err(Error::new(
            ErrorKind::Config,
            "the SdkConfig has no HTTP client, so each generation would open connections of its own: set one that \
             they share, as in aws_config::from_env().http_client(aws_smithy_http_client::Builder::new()…)",
        ));
    }
    Ok(S3Clients {
        sdk: with_behavior(sdk),
        check,
        fields: Fields::default(),
        configure: Box::new(|builder| builder),
        requester: OnceLock::new(),
    })
}

impl<K> S3Clients<K> {
    /// Names the fields of the secret's JSON, where they are none of the known spellings.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    /// Changes each client's configuration before it is built (path-style addressing, timeouts, …). Other connect or
    /// read timeouts than those of `sdk` lead to other connections, so keep them the same for all generations.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }
}

impl<K: Check> Connect for S3Clients<K> {
    type Value = S3;

    async fn connect(&self, secret: &Secret, hold: &DrainToken) -> Result<S3, Error> {
        let parsed = AccessKey::parse(secret, &self.fields)?;
        let key = LiveKey::new(&parsed, secret.expires(), hold);
        let provider = SharedCredentialsProvider::new(key.credentials().clone());

        let mut builder = Builder::from(&self.sdk);
        if let Some(region) = parsed.region() {
            builder.set_region(Some(Region::new(region.to_owned())));
        }
        if let Some(url) = parsed.endpoint_url() {
            builder.set_endpoint_url(Some(url.to_owned()));
        }
        let mut builder = (self.configure)(builder);
        builder.set_identity_cache(FixedIdentity {
            identity: key.identity().clone(),
            partition: provider.cache_partition(),
        });
        builder.set_credentials_provider(Some(provider));
        if let Some(requester) = self.requester.get() {
            builder.push_interceptor(SharedInterceptor::new(ReportRefused(requester.clone())));
        }
        Ok(S3 {
            client: Client::from_conf(builder.build()),
            bucket: parsed.bucket().map(str::to_owned),
            key,
        })
    }

    fn attach(&self, requester: &RefreshRequester) {
        // Only the first refreshable is told; a connect is given to one.
        let _ = self.requester.set(requester.clone());
    }

    async fn check(&self, s3: &S3) -> Verdict {
        self.check.check(s3.key.credentials()).await
    }
}

impl S3 {
    /// The bucket that the secret names, if it does.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// The key that the client signs with.
    pub fn key(&self) -> &LiveKey {
        &self.key
    }

    /// The client. A clone pins the generation until it, and each request made of it, has gone.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Deref for S3 {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("key", &self.key)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug> fmt::Debug for S3Clients<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Clients")
            .field("check", &self.check)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// Asks for a look when a request is refused for its key. A client of an older generation costs a look, too, which
/// finds nothing; such looks are limited.
#[derive(Debug)]
struct ReportRefused(RefreshRequester);

#[dyn_dispatch_hint]
impl Intercept for ReportRefused {
    fn name(&self) -> &'static str {
        "credswap::report_rejected"
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if auth_error(context).is_some_and(|error| !error.is_ambiguous()) {
            self.0.request(Reason::Rejected);
        }
        Ok(())
    }
}
