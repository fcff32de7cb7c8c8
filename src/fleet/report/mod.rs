//! Usage reports: what a consumer reports about one secret, and how that is written as a record.

mod instance;
mod usage_report;
mod wire;

pub use instance::{Incarnation, InstanceId};
pub use usage_report::{DrainingVersion, LiveVersion, Report, VersionAge};
pub(super) use wire::{RecordKey, malformed};
