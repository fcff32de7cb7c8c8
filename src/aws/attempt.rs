//! What the edge remembers about one operation, from attempt to attempt, in the SDK's config bag.
//!
//! The bag lives as long as the operation's future: when that is dropped, at whatever point, so is the lease.

use std::sync::{Mutex, PoisonError};

use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_smithy_types::retry::RetryConfig;

use super::key::LiveKey;
use crate::hot::Lease;

/// One operation as the edge sees it.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// The key of the running attempt. Behind a lock because the identity cache sees the bag by shared reference;
    /// nobody else looks at the same time.
    lease: Mutex<Option<Lease<LiveKey>>>,
    /// The key that was refused, if the running attempt is a replay.
    pub(super) after: Option<Refused>,
    /// How many replays this operation has had.
    pub(super) replays: u32,
    /// What the user had configured, while the replay's own retry budget stands in its place.
    pub(super) own: Option<RetryBudget>,
}

/// A key that was refused, and how.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) generation: u64,
    pub(super) code: &'static str,
}

/// What decides how often the SDK retries.
#[derive(Debug, Clone)]
pub(super) struct RetryBudget {
    pub(super) tokens: TokenBucket,
    pub(super) config: RetryConfig,
}

impl Storable for Attempt {
    type Storer = StoreReplace<Self>;
}

impl Attempt {
    /// The running attempt signs with this key.
    pub(super) fn begin(&self, lease: Lease<LiveKey>) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    /// The attempt has ended: which key it had, if it came so far.
    pub(super) fn end(&mut self) -> Option<Lease<LiveKey>> {
        self.lease
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
