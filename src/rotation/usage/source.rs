//! What is known about the consumers of a version, and where it is known from.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::Error;
use crate::rotation::boxed::BoxFuture;
use crate::rotation::store::SecretDescription;
use crate::rotation::timestamp::format_time;
use crate::secret::VersionId;

/// Knows which consumers use a version of a secret.
///
/// ```
/// use credswap::rotation::{Consumer, SecretDescription, Usage, UsageSource, UsageState};
/// use credswap::{Error, VersionId};
///
/// /// One consumer, whose version a file names.
/// struct VersionFile(std::path::PathBuf);
///
/// impl UsageSource for VersionFile {
///     async fn usage_of(&self, _: &SecretDescription, version: &VersionId) -> Result<Usage, Error> {
///         Ok(match std::fs::read_to_string(&self.0) {
///             Ok(used) if used == version.as_str() => Usage::new(UsageState::InUse { by: vec![Consumer::new("batch")] }),
///             _ => Usage::new(UsageState::Unknown),
///         })
///     }
/// }
/// ```
pub trait UsageSource: Send + Sync + 'static {
    /// Returns what is known about this version now. Consumers may know the secret by its name or by its ARN; `secret` has
    /// both.
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
#[non_exhaustive]
pub struct Usage {
    /// Whether it is in use.
    pub state: UsageState,
    /// The consumers for which AWS rejected its key. A deactivated key is activated again for them.
    pub rejections: Vec<Rejection>,
    /// The names of the running consumers that use the current version for new work, each once. For
    /// [`Policy::expected_consumers`](crate::rotation::Policy::expected_consumers).
    pub adopted_by: BTreeSet<String>,
}

/// Whether a version is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageState {
    /// Consumers use it.
    InUse {
        /// These.
        by: Vec<Consumer>,
    },
    /// All consumers that had it have reported that they released it.
    Released {
        /// When the last one did.
        since: SystemTime,
        /// Those that did not report so, but have been silent for so long that they are presumed gone.
        presumed_gone: Vec<String>,
    },
    /// No consumer has ever reported on it. It is not released by that.
    Unknown,
}

/// A consumer that uses a version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumer {
    /// Its name.
    pub instance: String,
    /// What it uses the version for; may be empty.
    pub reason: String,
    /// When this usage ends if the consumer sends no further report.
    pub until: Option<SystemTime>,
}

/// AWS rejected a version's key for a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The consumer's name.
    pub instance: String,
    /// When that was last. A rejection before the key was deactivated had another cause.
    pub at: SystemTime,
}

impl Usage {
    /// Creates a usage without rejections.
    pub fn new(state: UsageState) -> Self {
        Self {
            state,
            rejections: Vec::new(),
            adopted_by: BTreeSet::new(),
        }
    }

    /// Sets the consumers for which AWS rejected the version's key.
    #[must_use]
    pub fn rejections(mut self, rejections: impl IntoIterator<Item = Rejection>) -> Self {
        self.rejections = rejections.into_iter().collect();
        self
    }

    /// Sets the running consumers that use the current version for new work.
    #[must_use]
    pub fn adopted_by(mut self, instances: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.adopted_by = instances.into_iter().map(Into::into).collect();
        self
    }
}

impl Consumer {
    /// Creates a consumer with this name.
    pub fn new(instance: impl Into<String>) -> Self {
        Self {
            instance: instance.into(),
            reason: String::new(),
            until: None,
        }
    }

    /// Sets what it uses the version for, for people: `3 leases`.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Sets when this usage ends if the consumer sends no further report.
    #[must_use]
    pub fn until(mut self, until: SystemTime) -> Self {
        self.until = Some(until);
        self
    }
}

impl Rejection {
    /// Creates a rejection.
    pub fn new(instance: impl Into<String>, at: SystemTime) -> Self {
        Self {
            instance: instance.into(),
            at,
        }
    }
}

impl<U: UsageSource> UsageSource for Arc<U> {
    fn usage_of(
        &self,
        secret: &SecretDescription,
        version: &VersionId,
    ) -> impl Future<Output = Result<Usage, Error>> + Send {
        U::usage_of(self, secret, version)
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance)?;
        match (self.reason.as_str(), self.until) {
            ("", None) => Ok(()),
            ("", Some(until)) => write!(f, " (until {} at the latest)", format_time(until)),
            (reason, None) => write!(f, " ({reason})"),
            (reason, Some(until)) => {
                write!(f, " ({reason}, until {} at the latest)", format_time(until))
            }
        }
    }
}

/// [`UsageSource`] with boxed futures.
pub(in crate::rotation) trait DynUsageSource: Send + Sync {
    fn usage_of<'a>(
        &'a self,
        secret: &'a SecretDescription,
        version: &'a VersionId,
    ) -> BoxFuture<'a, Result<Usage, Error>>;
}

impl<U: UsageSource> DynUsageSource for U {
    fn usage_of<'a>(
        &'a self,
        secret: &'a SecretDescription,
        version: &'a VersionId,
    ) -> BoxFuture<'a, Result<Usage, Error>> {
        Box::pin(UsageSource::usage_of(self, secret, version))
    }
}
