//! Who uses which version: the consumers' reports, and the ledger that says when a key may die.

mod entry;
mod instance;
mod ledger;
mod report;
mod verdict;
mod wire;

pub use instance::{Incarnation, InstanceId};
pub use ledger::{Folded, Ledger, Limits};
pub use report::{HeldVersion, Live, MOST_HELD, MOST_PAST, Past, Report};
pub use verdict::{Consumer, Holder, Presence, Refusal, Silent, Verdict, Why};
