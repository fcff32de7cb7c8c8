//! From a secret to a live key, and its proof.

use super::access_key::AccessKey;
use super::check::Check;
use super::fields::Fields;
use super::key::LiveKey;
use crate::connect::{Connect, Verdict};
use crate::error::Error;
use crate::hot::DrainToken;
use crate::secret::Secret;

/// Makes a [`LiveKey`] of a secret in JSON, and proves it with `K`. See [`credentials`](super::credentials()).
#[derive(Debug, Clone)]
pub struct Credentials<K> {
    check: K,
    fields: Fields,
}

/// Access keys, proven by STS `GetCallerIdentity` (which needs no permission). `sdk` says which region, endpoint and
/// HTTP client to call STS with; its credentials are not used.
#[cfg(feature = "sts")]
pub fn credentials(sdk: &aws_types::SdkConfig) -> Credentials<super::check::CallerIdentity> {
    credentials_checked_by(super::check::CallerIdentity::new(sdk))
}

/// Access keys, proven by a check of your choice: [`check::HeadBucket`](super::check), a closure, or
/// [`check::NoCheck`](super::check::NoCheck).
pub fn credentials_checked_by<K: Check>(check: K) -> Credentials<K> {
    Credentials {
        check,
        fields: Fields::default(),
    }
}

impl<K> Credentials<K> {
    /// Names the fields of the secret's JSON, where they are none of the known spellings.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }
}

impl<K: Check> Connect for Credentials<K> {
    type Value = LiveKey;

    async fn connect(&self, secret: &Secret, hold: &DrainToken) -> Result<LiveKey, Error> {
        let key = AccessKey::parse(secret, &self.fields)?;
        Ok(LiveKey::new(&key, secret.expires(), hold))
    }

    async fn check(&self, key: &LiveKey) -> Verdict {
        self.check.check(key.credentials()).await
    }
}
