//! The loop that keeps a value current: trigger → fetch → same version? → connect → check → swap → drain → report.
//!
//! ```
//! use std::time::Duration;
//! use credswap::{Error, Refreshable, Secret};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
//! let source = || async { Ok::<_, Error>(Secret::new("hello", "version 1")) };
//! let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_uppercase()) };
//!
//! let greeting = Refreshable::builder(source, connect)
//!     .poll_every(Duration::from_secs(60))
//!     .start()            // Ok: a value that connected and passed its check is live
//!     .await?;
//! assert_eq!(*greeting.lease(), "HELLO");
//! # Ok(()) }
//! ```
//!
//! # What the loop promises
//!
//! - **The version decides.** A refresh that fetches the live version changes nothing. One that fetches another version,
//!   newer or older (a rollback), swaps, once that version has connected and passed its check.
//! - **One refresh at a time.** Requests made during a refresh lead to one further refresh, not to one each.
//! - **What fails is not published.** The last good value stays; the error goes to [`Status`], to
//!   [`RefreshEvent::Failed`], to the log and to the metrics; the refresh is repeated with backoff.
//! - **Answers may be stale.** After [`Reason::Event`](crate::trigger::Reason::Event) and
//!   [`Reason::Rejected`](crate::trigger::Reason::Rejected) the source is fetched until the version changes, for at most
//!   [`Timeouts::stale_reads`]; and a version that was replaced less than [`Timeouts::stale_reads`] ago is taken for a
//!   stale answer, not for a rollback, until that time is over.
//! - **New keys take time.** A check that returns [`Verdict::NotYet`](crate::connect::Verdict::NotYet) is repeated with
//!   backoff, for at most [`Timeouts::propagation`] for each version; the old value stays in use meanwhile.
//! - **An event has no power.** Refreshes that triggers request and that find nothing new are limited: a burst of
//!   ten, then one in five seconds. Refreshes that find something new are not.

mod builder;
mod control;
mod drains;
mod event;
mod fetch;
mod handle;
mod health_log;
mod incidents;
mod lifecycle;
mod live_value;
mod metrics;
mod note;
mod publish;
mod published;
mod schedule;
mod shutdown_timeout;
mod status;
mod supervisor;
mod timeouts;
mod triggers;

pub use builder::Builder;
pub use event::{RefreshEvent, Refreshed};
pub use fetch::OnForbidden;
pub use handle::Refreshable;
pub use shutdown_timeout::ShutdownTimeout;
pub use status::{
    Draining, EndReason, Failure, LiveRejection, Rejected, Status, TriggerStatus, WaitingReason,
    WaitingVersion,
};
pub use timeouts::Timeouts;
