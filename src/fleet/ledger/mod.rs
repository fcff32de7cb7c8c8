//! The ledger: folds reports into who uses which version, and decides whether a version is released.

mod assumptions;
mod consumer;
mod entry;
mod evaluate;
mod fold;
mod release_status;
mod time;

pub use assumptions::Assumptions;
pub use consumer::{Consumer, Presence, Rejection};
pub use fold::{FoldOutcome, Ledger};
pub use release_status::{
    ConsumerUsage, ExpiredConsumer, InUseReason, ReleaseQuery, ReleaseStatus,
};
pub use time::LedgerTime;
