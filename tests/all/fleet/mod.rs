//! Usage reports and the ledger.

#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
mod model;
mod reporter;
mod wire;
