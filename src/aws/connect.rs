//! From a secret to a live key, and its proof.

use std::time::SystemTime;

use super::check::Check;
use super::key::LiveKey;
use super::secret::{AccessKey, Fields};
use crate::connect::{Connect, Verdict};
use crate::error::Error;
use crate::hot::DrainToken;
use crate::secret::Secret;

/// Turns a secret in JSON into a [`LiveKey`], and proves it with the check `K`.
///
/// [`RefreshableCredentials::from_secrets_manager`](crate::Refreshable::from_secrets_manager) uses one with the STS check.
/// Create one to choose the source, the check or the names of the secret's fields:
///
#[cfg_attr(feature = "sts", doc = "```no_run")]
#[cfg_attr(not(feature = "sts"), doc = "```ignore")]
/// use credswap::RefreshableCredentials;
/// use credswap::aws::{AccessKeyConnector, Fields};
/// # async fn example(sdk: aws_types::SdkConfig, source: impl credswap::source::Source) -> Result<(), credswap::Error> {
/// let connector = AccessKeyConnector::new(&sdk).fields(Fields::default().access_key_id("user"));
/// let credentials = RefreshableCredentials::builder(source, connector).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct AccessKeyConnector<K> {
    check: K,
    fields: Fields,
}

#[cfg(feature = "sts")]
impl AccessKeyConnector<super::check::CallerIdentity> {
    /// Creates a connector that proves each key with STS `GetCallerIdentity`, which needs no permission. STS is called with
    /// the region, endpoint and HTTP client of `sdk`, whose credentials are not used.
    pub fn new(sdk: &aws_types::SdkConfig) -> Self {
        Self::checked_by(super::check::CallerIdentity::new(sdk))
    }
}

impl<K: Check> AccessKeyConnector<K> {
    /// Creates a connector that proves each key with a check of your choice: one of [`check`](super::check), or a closure.
    pub fn checked_by(check: K) -> Self {
        Self {
            check,
            fields: Fields::default(),
        }
    }

    /// Sets the names of the fields in the secret's JSON, for names that are not among the known spellings.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }
}

impl<K: Check> Connect for AccessKeyConnector<K> {
    type Value = LiveKey;

    async fn connect(&self, secret: &Secret, token: &DrainToken) -> Result<LiveKey, Error> {
        let key = AccessKey::parse(secret, &self.fields)?;
        Ok(LiveKey::new(key.to_credentials(secret.expires()), token))
    }

    async fn check(&self, key: &LiveKey) -> Verdict {
        self.check.check(key.credentials()).await
    }

    fn expires(&self, key: &LiveKey) -> Option<SystemTime> {
        key.credentials().expiry()
    }
}
