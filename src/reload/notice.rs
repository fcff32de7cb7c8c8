//! What the loop tells, as it happens.

use crate::error::Error;
use crate::secret::VersionId;

/// Something that happened. See [`Reloader::notices`](super::Reloader::notices).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Notice {
    /// A new generation is live; the one before it drains.
    #[non_exhaustive]
    Swapped {
        /// The new generation's number.
        generation: u64,
        /// The version that is live now.
        version: VersionId,
        /// The version that was live before.
        previous: VersionId,
    },
    /// Nothing in this process uses the generation any more, and nothing will.
    #[non_exhaustive]
    Drained {
        /// The generation's number.
        generation: u64,
        /// Its version.
        version: VersionId,
        /// Whether another generation of the same version is still in use here or live (after a rollback): the
        /// key must not be retired on this word then.
        still_held: bool,
    },
    /// A look failed. The last good value stays live.
    Failed(Error),
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Another version, which is live now.
    #[non_exhaustive]
    Swapped {
        /// The new generation's number.
        generation: u64,
        /// The version that is live now.
        version: VersionId,
    },
    /// The version that was live already (or one left so lately that the read counts as stale).
    #[non_exhaustive]
    Unchanged {
        /// The version that is live.
        version: VersionId,
    },
}
