//! Who uses which version: the consumers' reports, and the ledger that says when a key may die.

mod entry;
mod instance;
#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
mod outbox;
mod report;
mod reporter;
mod verdict;
mod wire;
mod word;

pub use instance::{Incarnation, InstanceId};
#[cfg(feature = "kafka")]
pub use kafka::{FleetTopic, Reading};
pub use ledger::{Folded, Ledger, Limits};
pub use outbox::Outbox;
pub use report::{HeldVersion, Live, MOST_HELD, MOST_PAST, Past, Report};
pub use reporter::{Builder, Reporter, ReporterStatus};
pub use verdict::{Consumer, Holder, Presence, Refusal, Silent, Verdict, Why};
