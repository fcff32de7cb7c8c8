//! Usage reports and the ledger.

#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
#[cfg(feature = "refresh")]
mod model;
#[cfg(feature = "refresh")]
mod reporter;
mod wire;
