//! From a secret to an S3 client, and its proof.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_smithy_runtime_api::client::identity::ResolveIdentity;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_types::SdkConfig;

use super::client::S3Client;
use super::own_request::{ClientCheck, OwnRequest};
use crate::aws::check::Check;
use crate::aws::client::{FixedIdentity, ReportRejected};
use crate::aws::key::LiveKey;
use crate::aws::secret::{AccessKey, Fields};
use crate::connect::{Connect, Verdict};
use crate::error::{Error, ErrorKind};
use crate::hot::DrainToken;
use crate::sdk::behavior::with_behavior;
use crate::secret::Secret;
use crate::trigger::RefreshRequester;

/// Turns a secret into an S3 client, and proves its key with the check `K` and the client itself with the check `C`. The secret
/// may have the region, the endpoint and the bucket beside the key.
///
/// `K` calls where it was made for; `C` calls with the client, and so at the endpoint that the secret names. A client that no
/// request can succeed with, because its endpoint is wrong, does not go live.
///
/// All generations share the HTTP client of the `SdkConfig`, and with it the connections: it must name one.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// use credswap::aws::{S3ClientConnector, check::HeadBucket};
/// let check = HeadBucket::new(sdk, "uploads");
/// let connector = S3ClientConnector::checked_by(sdk, check)?.configure(|s3| s3.force_path_style(true));
/// # Ok(()) }
/// ```
pub struct S3ClientConnector<K, C = OwnRequest> {
    sdk: SdkConfig,
    check: K,
    client_check: C,
    fields: Fields,
    configure: Box<dyn Fn(Builder) -> Builder + Send + Sync>,
    requester: OnceLock<RefreshRequester>,
}

#[cfg(feature = "sts")]
impl S3ClientConnector<crate::aws::check::CallerIdentity> {
    /// Creates a connector that proves each key with STS `GetCallerIdentity`, and each client with [`OwnRequest`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `sdk` has no HTTP client.
    pub fn new(sdk: &SdkConfig) -> Result<Self, Error> {
        Self::checked_by(sdk, crate::aws::check::CallerIdentity::new(sdk))
    }
}

impl<K: Check> S3ClientConnector<K> {
    /// Creates a connector that proves each key with a check of your choice, and each client with [`OwnRequest`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `sdk` has no HTTP client.
    pub fn checked_by(sdk: &SdkConfig, check: K) -> Result<Self, Error> {
        if sdk.http_client().is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "the SdkConfig has no HTTP client, so each generation would open connections of its own; set one that \
                 they share, as in aws_config::from_env().http_client(aws_smithy_http_client::Builder::new()…)",
            ));
        }
        Ok(Self {
            sdk: with_behavior(sdk),
            check,
            client_check: OwnRequest::new(),
            fields: Fields::default(),
            configure: Box::new(|builder| builder),
            requester: OnceLock::new(),
        })
    }
}

impl<K: Check, C: ClientCheck> S3ClientConnector<K, C> {
    /// Sets how each client is proven, once its key is: by a request that it makes itself, at its own endpoint. Default
    /// [`OwnRequest`].
    #[must_use]
    pub fn client_check<D: ClientCheck>(self, client_check: D) -> S3ClientConnector<K, D> {
        S3ClientConnector {
            sdk: self.sdk,
            check: self.check,
            client_check,
            fields: self.fields,
            configure: self.configure,
            requester: self.requester,
        }
    }

    /// Sets the names of the fields in the secret's JSON, for names that are not among the known spellings.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    /// Changes each client's configuration before the client is built (path-style addressing, timeouts, …). Connect or read
    /// timeouts that differ from those of `sdk` lead to separate connections: keep them the same for all generations.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }
}

impl<K: Check, C: ClientCheck> Connect for S3ClientConnector<K, C> {
    type Value = S3Client;

    async fn connect(&self, secret: &Secret, token: &DrainToken) -> Result<S3Client, Error> {
        let parsed = AccessKey::parse(secret, &self.fields)?;
        let key = LiveKey::new(parsed.to_credentials(secret.expires()), token);
        let provider = SharedCredentialsProvider::new(key.credentials().clone());

        let mut builder = Builder::from(&self.sdk);
        if let Some(region) = parsed.region()? {
            builder.set_region(Some(Region::new(region.to_owned())));
        }
        if let Some(url) = parsed.endpoint_url()? {
            builder.set_endpoint_url(Some(url.to_owned()));
        }
        let mut builder = (self.configure)(builder);
        builder.set_identity_cache(FixedIdentity {
            identity: key.identity().clone(),
            partition: provider.cache_partition(),
        });
        builder.set_credentials_provider(Some(provider));
        if let Some(requester) = self.requester.get() {
            let report = ReportRejected::new(requester.clone(), token.clone());
            builder.push_interceptor(SharedInterceptor::permanent(report));
        }
        let config = builder.build();
        if config.region().is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "the client has no region: set the field `region` in the secret, or the region of the SdkConfig",
            ));
        }
        Ok(S3Client {
            client: Client::from_conf(config),
            bucket: parsed.bucket()?.map(str::to_owned),
            key,
        })
    }

    fn attach(&self, requester: &RefreshRequester) {
        // A connector belongs to one refreshable, which attaches once.
        let _ = self.requester.set(requester.clone());
    }

    async fn check(&self, s3: &S3Client) -> Verdict {
        let key = self.check.check(s3.key.credentials()).await;
        // A key that is only forbidden may be accepted as it is; its client must work all the same.
        if !matches!(key, Verdict::Good | Verdict::Forbidden(_)) {
            return key;
        }
        match self.client_check.check(s3).await {
            Verdict::Good => key,
            other => other,
        }
    }

    fn expires(&self, s3: &S3Client) -> Option<SystemTime> {
        s3.key.credentials().expiry()
    }
}

impl<K: fmt::Debug, C: fmt::Debug> fmt::Debug for S3ClientConnector<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3ClientConnector")
            .field("check", &self.check)
            .field("client_check", &self.client_check)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
