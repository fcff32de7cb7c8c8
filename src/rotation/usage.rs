//! Who still uses a version: the positive word that retiring a key needs.

use std::fmt;
use std::future::Future;
use std::time::SystemTime;

use super::clock::shown;
use super::store::SecretDescription;
use crate::error::Error;
use crate::secret::VersionId;

/// Says who uses a version of a secret.
pub trait UsageSource: Send + Sync + 'static {
    /// What is known about this version now. Consumers may know the secret by its name or by its ARN; the view has both.
    ///
    /// # Errors
    /// If it cannot be found out. Nothing is retired then.
    fn usage_of(
        &self,
        secret: &SecretDescription,
        version: &VersionId,
    ) -> impl Future<Output = Result<Usage, Error>> + Send;
}

/// What is known about a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Whether it is used.
    pub standing: UsageState,
    /// The consumers that say that AWS refused them with this version. A deactivated key is given back for them.
    pub refused: Vec<Rejection>,
}

/// A consumer that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its name.
    pub instance: String,
    /// When that was last. What was before the key was deactivated has another cause.
    pub at: SystemTime,
}

/// Whether a version is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageState {
    /// By these.
    InUse {
        /// Who.
        by: Vec<Holder>,
    },
    /// All who had it have said that they let go.
    Released {
        /// When the last one did.
        since: SystemTime,
        /// Those who did not say so, but were silent for so long that it is presumed_gone.
        presumed_gone: Vec<String>,
    },
    /// Nobody has ever said anything: that is no consent.
    Unknown,
}

/// A consumer that uses a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub instance: String,
    /// For what, in words.
    pub using: String,
    /// Until when, if nothing more is heard of it.
    pub until: Option<SystemTime>,
}

/// Nobody reports. A key is then never deleted, only deactivated when the deadline has passed; unless somebody vouches for
/// the consumers with [`Policy::assume_released`](super::Policy::assume_released).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoUsageReports;

impl Usage {
    /// The word on a version of which nothing else is known than this.
    pub fn new(standing: UsageState) -> Self {
        Self {
            standing,
            refused: Vec::new(),
        }
    }
}

impl UsageSource for NoUsageReports {
    async fn usage_of(&self, _: &SecretDescription, _: &VersionId) -> Result<Usage, Error> {
        Ok(Usage::new(UsageState::Unknown))
    }
}

impl<H: UsageSource> UsageSource for std::sync::Arc<H> {
    fn usage_of(
        &self,
        secret: &SecretDescription,
        version: &VersionId,
    ) -> impl Future<Output = Result<Usage, Error>> + Send {
        H::usage_of(self, secret, version)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.instance, self.using)?;
        match self.until {
            Some(until) => write!(f, ", until {} at the longest)", shown(until)),
            None => f.write_str(")"),
        }
    }
}
