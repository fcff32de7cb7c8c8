//! What the edge remembers about an operation that it replays, from attempt to attempt, in the SDK's config bag.
//!
//! An operation that is not replayed leaves nothing there: the identity that it signs with holds the key by itself.

use std::time::Duration;

use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_smithy_types::retry::RetryConfig;
use tokio::time::Instant;

/// The replays of one operation.
#[derive(Debug, Default)]
pub(super) struct Replays {
    /// The key that was refused, if the running attempt is a replay.
    pub(super) after: Option<Refused>,
    /// How many keys were refused in this operation.
    pub(super) keys: u32,
    /// What the user had configured, while the replay's own retry budget stands in its place.
    pub(super) own: Option<RetryBudget>,
}

/// A key that was refused, and how.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) generation: u64,
    pub(super) code: &'static str,
    /// Until when to wait for a newer one.
    pub(super) until: Instant,
    /// After how long to try the same key again, if it may only be too new.
    pub(super) again: Option<Duration>,
}

/// What decides how often the SDK retries.
#[derive(Debug, Clone)]
pub(super) struct RetryBudget {
    pub(super) tokens: TokenBucket,
    pub(super) config: RetryConfig,
}

impl Storable for Replays {
    type Storer = StoreReplace<Self>;
}
