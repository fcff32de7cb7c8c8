//! What the refresh loop reports, as it happens.

use std::time::Duration;

use crate::error::Error;
use crate::secret::VersionId;

/// Something that happened. See [`Refreshable::events`](super::Refreshable::events).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RefreshEvent {
    /// A new generation is live; the one before it drains.
    #[non_exhaustive]
    Swapped {
        /// The new generation's number.
        generation: u64,
        /// The version that is live now.
        version: VersionId,
        /// The version that was live before.
        previous: VersionId,
        /// The time from the request of the refresh (the arrival of an event, say) to the swap.
        delay: Duration,
    },
    /// Nothing in this process uses the generation any more, and nothing will.
    #[non_exhaustive]
    Drained {
        /// The generation's number.
        generation: u64,
        /// Its version.
        version: VersionId,
        /// Whether another generation of the same version is still in use here or live (after a rollback): do not retire
        /// the key then.
        still_in_use: bool,
    },
    /// A refresh failed. The last good value stays live.
    Failed(Error),
}

/// What a refresh did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refreshed {
    /// Another version was fetched, and is live now.
    #[non_exhaustive]
    Swapped {
        /// The new generation's number.
        generation: u64,
        /// The version that is live now.
        version: VersionId,
    },
    /// The live version was fetched.
    #[non_exhaustive]
    Unchanged {
        /// The version that is live.
        version: VersionId,
    },
    /// A version was fetched that was replaced here within [`Timeouts::stale_reads`](super::Timeouts::stale_reads): the
    /// source's answer may be stale, or the secret was rolled back. Nothing changed; it is fetched again when that time is
    /// over, or at once by [`Refreshable::force_refresh`](super::Refreshable::force_refresh).
    #[non_exhaustive]
    Stale {
        /// The version that is live.
        version: VersionId,
        /// The version that was fetched.
        fetched: VersionId,
        /// After how long it is fetched again, and goes live if it is still the source's answer.
        settled_in: Duration,
    },
}
