//! When to refresh.
//!
//! A [`Trigger`] requests a refresh and nothing else. It carries no value and no authority: whether anything has
//! changed is decided by the secret's version at the source. So an event that is late, duplicated, lost or forged
//! costs at most a fetch, and any trigger can stand in for any other.
//!
//! | trigger | requests a refresh | feature |
//! |---|---|---|
//! | [`Interval`] | periodically, with jitter; on by default | `refresh` |
//! | [`Refreshable::refresh`](crate::Refreshable::refresh) | when the service calls it | `refresh` |
#![cfg_attr(feature = "signal", doc = "| [`Hangup`] | on SIGHUP | `signal` |")]
#![cfg_attr(
    feature = "kafka",
    doc = "| [`Kafka`] | when the rotation function publishes its event | `kafka` |"
)]
//! | `source::File::changes` | when a file has changed | `file` |
//! | a closure | when it has a reason | `refresh` |
//! | a configured SDK client | when a key is rejected | `aws` |

use std::borrow::Cow;
use std::future::Future;

#[cfg(feature = "signal")]
mod hangup;
mod health;
mod interval;
#[cfg(feature = "kafka")]
mod kafka;
mod reason;
mod requests;

#[cfg(feature = "signal")]
pub use hangup::Hangup;
pub use health::Health;
pub use interval::Interval;
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use reason::{Reason, Reasons};
pub use requests::{RefreshRequest, RefreshRequester, RefreshRequests, channel, channel_for};

/// Requests refreshes.
///
/// Closures `FnOnce(RefreshRequester) -> impl Future<Output = ()>` are triggers:
///
/// ```
/// use credswap::trigger::{Health, Reason, RefreshRequester, Trigger};
/// fn takes_a_trigger(_: impl Trigger) {}
/// takes_a_trigger(|requester: RefreshRequester| async move {
///     requester.set_health(Health::Listening);
///     // wait for something of your own, again and again, and each time:
///     requester.request(Reason::Event);
/// });
/// ```
///
/// A trigger counts as listening from when it says so with [`RefreshRequester::set_health`] until it ends. While one does not,
/// [`Status::is_healthy`](crate::refresh::Status::is_healthy) is false.
pub trait Trigger: Send + 'static {
    /// Runs until there is nothing more to request; the future is dropped when refreshing ends.
    ///
    /// A trigger that loses its connection reconnects by itself, reports that with [`RefreshRequester::set_health`], and
    /// requests a refresh with [`Reason::CatchUp`] whenever it begins to listen (again), since it has not received what
    /// happened before.
    fn run(self, requester: RefreshRequester) -> impl Future<Output = ()> + Send;

    /// Returns the name in status, logs and metrics.
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("trigger")
    }
}

impl<F, Fut> Trigger for F
where
    F: FnOnce(RefreshRequester) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    fn run(self, requester: RefreshRequester) -> impl Future<Output = ()> + Send {
        self(requester)
    }
}
