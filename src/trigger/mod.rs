//! When to look at the source.
//!
//! A [`Trigger`] says "look now" and nothing else. It carries no value and no power: whether anything has
//! changed is decided by the secret's version at the source. So an event that is late, doubled, lost or forged
//! costs at most a look, and any trigger can stand in for any other.
//!
//! | trigger | says "look" | feature |
//! |---|---|---|
//! | [`Interval`] | every so often, with jitter | `reload` |
//! | [`Reloader::reload`](crate::Reloader::reload) | by hand | `reload` |
#![cfg_attr(feature = "signal", doc = "| [`Hangup`] | on SIGHUP | `signal` |")]
#![cfg_attr(
    feature = "kafka",
    doc = "| [`Kafka`] | when the rotation function publishes its event | `kafka` |"
)]
//! | an auth failure seen by the SDK edge | when a key is refused | `aws` |

use std::borrow::Cow;
use std::future::Future;

#[cfg(feature = "signal")]
mod hangup;
mod health;
mod interval;
#[cfg(feature = "kafka")]
mod kafka;
mod looks;

#[cfg(feature = "signal")]
pub use hangup::Hangup;
pub use health::Health;
pub use interval::Interval;
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use looks::{Lookout, Looks, Reason, Wanted, channel};

/// Says when to look at the source.
///
/// Closures `FnOnce(Looks) -> impl Future<Output = ()>` are triggers:
///
/// ```
/// use credswap::trigger::{Looks, Reason, Trigger};
/// fn takes_a_trigger(_: impl Trigger) {}
/// takes_a_trigger(|looks: Looks| async move {
///     // wait for something of your own, then:
///     looks.look(Reason::Event);
/// });
/// ```
pub trait Trigger: Send + 'static {
    /// Runs until there is nothing more to say; the reloader drops the future when it shuts down.
    ///
    /// A trigger that loses its connection reconnects by itself, says so by [`Looks::health`], and calls
    /// [`Looks::look`] with [`Reason::CatchUp`] whenever it begins to listen (again), since what happened
    /// before that it has not heard.
    fn run(self, looks: Looks) -> impl Future<Output = ()> + Send;

    /// What status, logs and metrics call it.
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("trigger")
    }
}

impl<F, Fut> Trigger for F
where
    F: FnOnce(Looks) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    fn run(self, looks: Looks) -> impl Future<Output = ()> + Send {
        self(looks)
    }
}
