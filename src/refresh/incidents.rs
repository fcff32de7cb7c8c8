//! What happens outside a refresh: a trigger's health changes, a generation drains, the source has been notified.

use tokio::task::JoinSet;

use super::drains::{DrainProgress, Drains};
use super::triggers::Triggers;
use crate::trigger::Health;

/// Where incidents come from.
pub(super) struct Incidents {
    pub(super) triggers: Triggers,
    pub(super) drains: Drains,
    /// Notifications of the source that are under way.
    pub(super) notifications: JoinSet<()>,
}

/// Something that leads to no refresh by itself.
pub(super) enum Incident {
    /// The health of the trigger of this number.
    Health(usize, Health),
    Drain(DrainProgress),
    /// A notification of the source has ended.
    Notified,
}

impl Incidents {
    pub(super) fn new(triggers: Triggers) -> Self {
        Self {
            triggers,
            drains: Drains::default(),
            notifications: JoinSet::new(),
        }
    }

    /// Returns the next incident.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Incident {
        tokio::select! {
            (trigger, health) = self.triggers.next() => Incident::Health(trigger, health),
            Some(progress) = self.drains.next() => Incident::Drain(progress),
            Some(_) = self.notifications.join_next() => Incident::Notified,
        }
    }
}
