//! What is remembered about an operation that is replayed, from attempt to attempt, in the SDK's config bag.
//!
//! An operation that is not replayed leaves nothing there: the identity that it signs with keeps the key in use by itself.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_smithy_types::retry::RetryConfig;
use tokio::time::Instant;

use crate::sdk::service_error::ServiceError;
use crate::util::Delays;

/// The replays of one operation.
#[derive(Debug, Default)]
pub(super) struct ReplayState {
    /// The key whose rejection led to the running attempt, if that is a replay.
    pub(super) rejected: Option<RejectedKey>,
    /// How many keys were rejected in this operation.
    pub(super) rejected_keys: u32,
    /// The answer to the attempt before, in case that no other is made.
    pub(super) answer: Option<HttpResponse>,
    /// What the user configured, while the replay's own retry budget is in its place.
    pub(super) configured: Option<RetryBudget>,
}

/// A key that was rejected, and what to wait for.
#[derive(Debug, Clone)]
pub(super) struct RejectedKey {
    pub(super) generation: u64,
    /// The mark of the first attempt that was rejected with it.
    pub(super) mark: u64,
    /// What the service answered.
    pub(super) answer: ServiceError,
    /// Whether the rejection was reported.
    pub(super) reported: bool,
    /// Until when to wait for a newer key.
    pub(super) deadline: Instant,
    /// Whether the key is more likely dead than good.
    pub(super) is_likely_dead: bool,
    /// When the last refresh was before the rejection.
    pub(super) refreshed_before: SystemTime,
    /// Set if the key may only be too new: the same key is tried again.
    pub(super) retry_same_key: Option<SameKeyRetry>,
}

/// When a key that may only be too new is tried again.
#[derive(Debug, Clone)]
pub(super) struct SameKeyRetry {
    /// How many attempts were made with it, this one included.
    pub(super) attempts: u32,
    /// The delay before the next attempt.
    pub(super) after: Duration,
    /// The delays before later ones.
    pub(super) later: Delays,
}

/// What decides how often the SDK retries.
#[derive(Debug, Clone)]
pub(super) struct RetryBudget {
    pub(super) tokens: TokenBucket,
    pub(super) config: RetryConfig,
}

impl Storable for ReplayState {
    type Storer = StoreReplace<Self>;
}
