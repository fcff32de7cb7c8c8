//! What the loop notes in its status without a refresh: health and drains.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::drains::{self, DrainProgress};
use super::event::RefreshEvent;
use super::incidents::Incident;
use super::supervisor::Supervisor;
use crate::connect::Connect;
use crate::secret::VersionId;
use crate::source::Source;
use crate::trigger::Health;

impl<S: Source, C: Connect> Supervisor<S, C> {
    /// Completes `work`, and notes what happens meanwhile. Requests wait until it is completed.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                rejected = self.requests.next_rejected() => {
                    if rejected.contains_key(&self.status.generation) {
                        self.live_rejected = Some(self.status.generation);
                    }
                    self.note_rejected(rejected);
                }
                incident = self.incidents.next() => self.note(incident),
            }
        }
    }

    pub(super) fn note(&mut self, incident: Incident) {
        match incident {
            Incident::Health(trigger, health) => self.health_changed(trigger, health),
            Incident::Drain(progress) => self.drain_progressed(progress),
            Incident::Notified => {}
        }
    }

    fn health_changed(&mut self, number: usize, health: Health) {
        let Some(trigger) = self.status.triggers.get_mut(number) else {
            return;
        };
        self.health_log.changed(number, &trigger.name, &health);
        trigger.health = health;
        self.publish_status();
    }

    pub(super) fn drain_progressed(&mut self, progress: DrainProgress) {
        match progress {
            DrainProgress::Pinned(draining, until) => {
                let generation = draining.drain.generation();
                let left = until.saturating_duration_since(Instant::now());
                tracing::info!(version = %draining.version, generation, ?left, "released; waiting for presigned URLs to expire");
                let pinned_until = self.clock.now() + left;
                for old in &mut self.status.draining {
                    if old.generation == generation {
                        old.pinned_until = Some(pinned_until);
                    }
                }
                self.publish_status();
                self.incidents.drains.add_pinned(draining);
            }
            DrainProgress::Drained(draining) => self.drained(draining),
        }
    }

    fn drained(&mut self, draining: drains::Draining) {
        let generation = draining.drain.generation();
        let version = draining.version;
        self.status
            .draining
            .retain(|old| old.generation != generation);
        let still_in_use = self.status.uses(&version);
        self.publish_status();
        self.metrics.drained(draining.swapped.elapsed());
        tracing::info!(%version, generation, still_in_use, "drained");
        let _ = self.shared.events.send(RefreshEvent::Drained {
            generation,
            version: version.clone(),
            still_in_use,
        });
        if !still_in_use {
            self.notify_drained(version);
        }
    }

    /// Notifies the source that `version` has drained.
    pub(super) fn notify_drained(&mut self, version: VersionId) {
        let parts = Arc::clone(&self.parts);
        let notification = async move {
            let notified = parts.source.drained(&version);
            if timeout(parts.timeouts.fetch, notified).await.is_err() {
                tracing::warn!(%version, "notifying the source of a drain took too long");
            }
        };
        let notifications = &mut self.incidents.notifications;
        notifications.spawn(notification.instrument(self.span.clone()));
    }

    /// Notifies the source that `version` will not go live.
    pub(super) fn notify_discarded(&mut self, version: VersionId) {
        let parts = Arc::clone(&self.parts);
        let notification = async move {
            let notified = parts.source.discarded(&version);
            if timeout(parts.timeouts.fetch, notified).await.is_err() {
                tracing::warn!(%version, "notifying the source of a discarded version took too long");
            }
        };
        let notifications = &mut self.incidents.notifications;
        notifications.spawn(notification.instrument(self.span.clone()));
    }
}
