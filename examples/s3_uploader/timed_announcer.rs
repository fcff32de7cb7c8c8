//! Publishes rotation events, and records when the broker acknowledged the last one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use credswap::Error;
use credswap::kafka::Producer;
use credswap::rotation::{Announcer, RotationEvent};
use tokio::time::Instant;

/// Publishes rotation events. Clones share the producer and the time.
#[derive(Clone)]
pub(crate) struct TimedAnnouncer {
    producer: Arc<Producer>,
    acknowledged: Arc<Mutex<Option<Instant>>>,
}

impl TimedAnnouncer {
    pub(crate) fn new(producer: Producer) -> Self {
        Self {
            producer: Arc::new(producer),
            acknowledged: Arc::default(),
        }
    }

    /// Returns when the broker acknowledged the last event.
    pub(crate) fn last_acknowledged(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announcer for TimedAnnouncer {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        self.producer.announce(event).await?;
        *self.lock() = Some(Instant::now());
        Ok(())
    }
}
