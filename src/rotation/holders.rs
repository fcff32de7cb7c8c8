//! Who still uses a version: the positive word that retiring a key needs.

use std::fmt;
use std::future::Future;
use std::time::SystemTime;

use super::clock::shown;
use super::store::View;
use crate::error::Error;
use crate::secret::VersionId;

/// Says who uses a version of a secret.
pub trait Holders: Send + Sync + 'static {
    /// What is known about this version now. Consumers may know the secret by its name or by its ARN; the view has both.
    ///
    /// # Errors
    /// If it cannot be found out. Nothing is retired then.
    fn word_on(
        &self,
        secret: &View,
        version: &VersionId,
    ) -> impl Future<Output = Result<Word, Error>> + Send;
}

/// What is known about a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Whether it is used.
    pub standing: Standing,
    /// The consumers that say that AWS refused them with this version. A deactivated key is given back for them.
    pub refused: Vec<Refused>,
}

/// A consumer that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub instance: String,
    /// When that was last. What was before the key was deactivated has another cause.
    pub at: SystemTime,
}

/// Whether a version is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// By these.
    Held {
        /// Who.
        by: Vec<Holder>,
    },
    /// All who had it have said that they let go.
    Released {
        /// When the last one did.
        since: SystemTime,
        /// Those who did not say so, but were silent for so long that it is assumed.
        assumed: Vec<String>,
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
/// the consumers with [`Bounds::assume_released`](super::Bounds::assume_released).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReports;

impl Word {
    /// The word on a version of which nothing else is known than this.
    pub fn new(standing: Standing) -> Self {
        Self {
            standing,
            refused: Vec::new(),
        }
    }
}

impl Holders for NoReports {
    async fn word_on(&self, _: &View, _: &VersionId) -> Result<Word, Error> {
        Ok(Word::new(Standing::Unknown))
    }
}

impl<H: Holders> Holders for std::sync::Arc<H> {
    fn word_on(
        &self,
        secret: &View,
        version: &VersionId,
    ) -> impl Future<Output = Result<Word, Error>> + Send {
        H::word_on(self, secret, version)
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
