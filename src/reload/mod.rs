//! The loop that keeps a value current: trigger → fetch → same version? → connect → check → swap → drain → report.
//!
//! ```
//! use std::time::Duration;
//! use credswap::{Error, Reloader, Secret, trigger::Interval};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
//! let source = || async { Ok::<_, Error>(Secret::new("hello", "version 1")) };
//! let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_uppercase()) };
//!
//! let greeting = Reloader::builder(source, connect)
//!     .trigger(Interval::every(Duration::from_secs(300)))
//!     .start()            // Ok: a value that connected and passed its check is live
//!     .await?;
//! assert_eq!(*greeting.lease(), "HELLO");
//! # Ok(()) }
//! ```
//!
//! # What the loop promises
//!
//! - **The version decides.** A look that finds the live version changes nothing. One that finds another version,
//!   newer or older (a rollback), swaps, once that version has connected and passed its check.
//! - **One look at a time.** Whatever is said during a look leads to one further look, not to one each.
//! - **What fails is not published.** The last good value stays; the error goes to [`Status`], to
//!   [`Notice::Failed`], to the log and to the metrics; the look is repeated with backoff.
//! - **Reads may be stale.** After [`Reason::Event`](crate::trigger::Reason::Event) and
//!   [`Reason::Refused`](crate::trigger::Reason::Refused) the source is read until the version changes, at most
//!   [`Bounds::settle`]; and a version that was left less than [`Bounds::settle`] ago is taken for a stale read,
//!   not for a rollback, until that time is over.
//! - **New keys take time.** A check that says [`Verdict::NotYet`](crate::connect::Verdict::NotYet) is repeated with
//!   backoff, at most [`Bounds::propagation`] for each version; the old value stays in use meanwhile.
//! - **An event has no power.** Looks that triggers ask for and that find nothing new are limited: a burst of
//!   ten, then one in five seconds. Looks that find something new are not.

mod bounds;
mod builder;
mod drains;
mod gate;
mod handle;
mod look;
mod metrics;
mod notice;
mod read;
mod schedule;
mod status;
mod supervisor;
mod triggers;

pub use bounds::Bounds;
pub use builder::{Builder, OnForbidden};
pub use handle::{Reloader, StillHeld};
pub use notice::{Notice, Outcome};
pub use status::{Failure, Held, Refused, Status, TriggerStatus};
