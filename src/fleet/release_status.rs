//! What the ledger answers.

use super::instance::{Incarnation, InstanceId};
use crate::secret::VersionId;

/// May a version's key die? Times are on the ledger's clock, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseStatus {
    /// No: somebody uses it, or may.
    #[non_exhaustive]
    InUse {
        /// Who, sorted by name: those who use it, or, where nobody is known to, those who are still to be heard.
        by: Vec<Holder>,
    },
    /// Yes: somebody has said so, and nobody says otherwise.
    #[non_exhaustive]
    Released {
        /// The last sign that anybody used it, or might: nothing is known against it since then.
        since: u64,
        /// Those whose word was not had, because they are silent for longer than their TTL. That they are gone is an
        /// assumption: log it.
        presumed_gone: Vec<ExpiredConsumer>,
    },
    /// Nobody has ever given a word on it: never a consent.
    Unknown,
}

/// Who stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Who.
    pub instance: InstanceId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// Why.
    pub why: InUseReason,
    /// When it was last heard.
    pub last_heard: u64,
    /// When it stops to be in the way if it is not heard again.
    pub until: u64,
}

/// Why somebody stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InUseReason {
    /// All its new work uses the version.
    Live,
    /// Older work still uses it, in so many places.
    Leased(u32),
    /// It has signed URLs that are still good.
    PresignedUrls,
    /// It holds more versions than it could name, and this one may be among them.
    Unlisted,
    /// It is alive, but has not been heard since things settled: it may have taken the version up meanwhile.
    NotYetReported,
}

/// Somebody who is silent for longer than its TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpiredConsumer {
    /// Who.
    pub instance: InstanceId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// When it was last heard.
    pub last_heard: u64,
    /// Whether its last word was that it uses the version.
    pub used: bool,
}

/// An authority refused somebody the version's key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// Whom.
    pub instance: InstanceId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// When last.
    pub at: u64,
}

/// One consumer, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumer {
    /// Who.
    pub instance: InstanceId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// When it was last heard.
    pub last_heard: u64,
    /// Whether it is there.
    pub presence: Presence,
    /// What its new work uses, by its last word.
    pub live: Option<VersionId>,
    /// What it still holds, by its last word.
    pub held: Vec<VersionId>,
}

/// Whether a consumer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// Heard within its TTL.
    Alive,
    /// Not heard for longer than its TTL.
    ExpiredConsumer,
    /// It has said goodbye.
    Gone,
}
