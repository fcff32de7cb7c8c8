//! Who still uses a version: a key is removed only if all who used its version have released it.

#[cfg(all(feature = "fleet", feature = "kafka"))]
mod fleet;
mod none;
mod source;

#[cfg(all(feature = "fleet", feature = "kafka"))]
pub use fleet::FleetUsage;
pub use none::NoUsageReports;
pub(super) use source::DynUsageSource;
pub use source::{Consumer, Rejection, Usage, UsageSource, UsageState};
