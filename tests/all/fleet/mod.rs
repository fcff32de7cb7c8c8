//! Usage reports and the ledger.

#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
mod model;
#[cfg(feature = "default")]
mod python;
mod reporter;
mod wire;
