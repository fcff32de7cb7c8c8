//! How triggers say "look", and how a burst of them becomes one look.
//!
//! What is wanted is a set of reasons, not a queue: saying the same thing a thousand times before anybody
//! looked is saying it once, and nothing said after a look began is lost to that look.

use std::fmt;
use std::ops::BitOr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::health::Health;

/// Why somebody should look at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// A rotation was announced: the version is expected to change, and is read until it does (bounded).
    Event,
    /// A key in use was refused: as with [`Reason::Event`], the version is expected to change.
    Refused,
    /// A trigger begins to listen (again): something may have happened before.
    CatchUp,
    /// It is time again.
    Interval,
    /// The process was sent a signal.
    Signal,
    /// Somebody asked by hand.
    Manual,
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::Event,
        Self::Refused,
        Self::CatchUp,
        Self::Interval,
        Self::Signal,
        Self::Manual,
    ];

    /// The reason as a metric label and log field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Refused => "refused",
            Self::CatchUp => "catch_up",
            Self::Interval => "interval",
            Self::Signal => "signal",
            Self::Manual => "manual",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The reasons of one look: those that were given since the last.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted(u8);

impl Wanted {
    /// Whether `reason` was among them.
    pub fn has(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons, each once.
    pub fn reasons(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |r| self.has(*r))
    }
}

impl BitOr for Wanted {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.reasons()).finish()
    }
}

/// A trigger's end: says "look" and how the trigger fares. Clones speak for the same trigger.
#[derive(Clone, Debug)]
pub struct Looks {
    shared: Arc<Shared>,
    health: Arc<watch::Sender<Health>>,
}

/// The other end: hears what all the triggers say. The reloader has one; a trigger's own tests may have one, too.
#[derive(Debug)]
pub struct Lookout {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    said: Notify,
}

/// The two ends for one trigger, as a trigger's own test needs them.
pub fn channel() -> (Looks, Lookout) {
    let lookout = Lookout::new();
    (lookout.looks(), lookout)
}

impl Looks {
    /// Says that somebody should look. Never blocks; may be said from any thread.
    pub fn look(&self, reason: Reason) {
        self.shared.wanted().0 |= reason.bit();
        self.shared.said.notify_one();
    }

    /// Says how the trigger fares.
    pub fn health(&self, health: Health) {
        self.health.send_if_modified(|current| {
            let changed = *current != health;
            *current = health;
            changed
        });
    }

    /// How the trigger fares, now and as it changes.
    pub fn watch_health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }
}

impl Lookout {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// An end for one more trigger.
    pub(crate) fn looks(&self) -> Looks {
        Looks {
            shared: Arc::clone(&self.shared),
            health: Arc::new(watch::Sender::new(Health::Starting)),
        }
    }

    /// Waits until somebody says "look", and takes all that was said so far.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub async fn next(&mut self) -> Wanted {
        loop {
            if let Some(wanted) = self.take() {
                return wanted;
            }
            self.shared.said.notified().await;
        }
    }

    /// Takes all that was said so far, if anything was.
    pub fn take(&mut self) -> Option<Wanted> {
        let wanted = std::mem::take(&mut *self.shared.wanted());
        (!wanted.is_empty()).then_some(wanted)
    }
}

impl Shared {
    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_becomes_one_look_with_each_reason_once() {
        let (looks, mut lookout) = channel();
        for _ in 0..1000 {
            looks.look(Reason::Event);
            looks.look(Reason::Interval);
        }
        let wanted = lookout.next().await;
        assert_eq!(
            wanted.reasons().collect::<Vec<_>>(),
            [Reason::Event, Reason::Interval]
        );
        assert_eq!(lookout.take(), None);
    }

    #[tokio::test]
    async fn what_is_said_while_nobody_waits_is_heard_later() {
        let (looks, mut lookout) = channel();
        looks.look(Reason::Event);
        assert!(lookout.next().await.has(Reason::Event));
        looks.look(Reason::Signal);
        assert!(lookout.next().await.has(Reason::Signal));
    }

    #[tokio::test]
    async fn health_is_told_when_it_changes_and_only_then() {
        let (looks, _lookout) = channel();
        let mut health = looks.watch_health();
        assert_eq!(*health.borrow_and_update(), Health::Starting);
        looks.health(Health::Listening);
        assert!(health.has_changed().expect("open"));
        health.borrow_and_update();
        looks.health(Health::Listening);
        assert!(!health.has_changed().expect("open"));
    }
}
