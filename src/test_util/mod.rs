//! Test doubles for services that use this crate: a source and a trigger that a test drives by hand, and, with feature
//! `rotation`, a usage source.
//!
//! ```
//! use credswap::test_util::{TestSource, TestTrigger};
//! use credswap::{Error, Refreshable, Secret};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
//! let (source, trigger) = (TestSource::new("old password", "v1"), TestTrigger::new());
//! let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_owned()) };
//! let password = Refreshable::builder(source.clone(), connect)
//!     .trigger(trigger.clone())
//!     .start()
//!     .await?;
//! let in_flight = password.lease();
//!
//! source.rotate("new password", "v2");
//! trigger.event();
//! password.updates().newer_than(1).await;
//! assert_eq!(*password.lease(), "new password");
//!
//! drop(in_flight);
//! source.drained("v1").await; // the moment at which the old password may be destroyed
//! # Ok(()) }
//! ```
//!
//! A key is rejected by [`Refreshable::report_rejected`](crate::Refreshable::report_rejected), and a generation kept in use
//! by a lease. Code that takes a refreshable and needs no rotation is given
//! [`Refreshable::fixed`](crate::Refreshable::fixed).

mod source;
mod trigger;
#[cfg(feature = "rotation")]
mod usage;

pub use source::TestSource;
pub use trigger::TestTrigger;
#[cfg(feature = "rotation")]
pub use usage::TestUsage;
