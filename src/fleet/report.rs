//! What a consumer says: which version it uses, which it still holds, which it has let go.
//!
//! A report is the whole state, not a change: the newest one replaces all before it, so that lost and doubled ones
//! cost nothing. It carries ages, not dates ("let go 12 s ago"): the ledger subtracts them from the time at which the
//! broker received the report, and no two machines' clocks are compared.

use std::time::Duration;

use super::instance::{Incarnation, InstanceId};
use super::wire;
use crate::error::Error;
use crate::secret::VersionId;

/// How many held versions a report names. There are two keys in IAM at a time; more than these are counted in
/// [`Report::others`].
pub const MAX_DRAINING: usize = 16;
/// How many versions a report names as released, and how many as refused: the newest.
pub const MAX_LISTED: usize = 8;

/// What one consumer says of one secret. Free of secret material.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Who.
    pub instance: InstanceId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// Counts this life's reports of this secret. Of two reports the one with the higher number counts.
    pub sequence: u64,
    /// The secret's name or ARN, as it is configured there.
    pub secret: String,
    /// What all new work uses; `None` is a goodbye: nothing is used any more, except for what is held.
    pub live: Option<LiveVersion>,
    /// What is still in use of older versions, and signed URLs of any version that are still good.
    pub held: Vec<DrainingVersion>,
    /// How many more versions are held than `held` names: each version that is not released may be one of them.
    pub others: u32,
    /// Versions that were live here and have drained, newest last.
    pub released: Vec<VersionAge>,
    /// Versions whose key an authority refused, and how long ago it last did so, newest last.
    pub refused: Vec<VersionAge>,
    /// How long this report counts as a sign of life. The next comes after a third of it, or sooner.
    pub ttl: Duration,
}

/// The version that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveVersion {
    /// Which.
    pub version: VersionId,
    /// For how long it is live.
    pub age: Duration,
}

/// A version of which something is still out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainingVersion {
    /// Which.
    pub version: VersionId,
    /// How much of it is in use in the process; 0 if there are only signed URLs.
    pub count: u32,
    /// How long signed URLs are still good, if there are any. They outlive the process.
    pub horizon: Option<Duration>,
}

/// Something that happened to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionAge {
    /// Which.
    pub version: VersionId,
    /// How long ago.
    pub age: Duration,
}

impl Report {
    /// A goodbye that holds nothing; set the other fields.
    pub fn new(
        instance: InstanceId,
        incarnation: Incarnation,
        sequence: u64,
        secret: impl Into<String>,
        ttl: Duration,
    ) -> Self {
        Self {
            instance,
            incarnation,
            sequence,
            secret: secret.into(),
            live: None,
            held: Vec::new(),
            others: 0,
            released: Vec::new(),
            refused: Vec::new(),
            ttl,
        }
    }

    /// Whether the consumer is leaving.
    pub fn is_goodbye(&self) -> bool {
        self.live.is_none()
    }

    /// Which reports replace each other: the record's key.
    ///
    /// It has the incarnation in it. Otherwise a restart under the same name would overwrite what its predecessor had
    /// said last, and signed URLs of that one would be forgotten; or two processes under one name (by mistake, or for
    /// a moment) would overwrite each other.
    pub fn key(&self) -> String {
        wire::key(&self.instance, self.incarnation, &self.secret)
    }

    /// The record's value: JSON, version 1.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a list or a name is longer than a reader accepts.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        wire::encode(self)
    }

    /// Reads a record, which anybody may have written. Unknown fields are skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), without a quotation.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Error> {
        wire::decode(key, value)
    }
}
