//! A trigger that the test fires.

use std::borrow::Cow;

use tokio::sync::watch;

use crate::trigger::{Health, Reason, Reasons, RefreshRequester, Trigger};

/// A trigger that the test fires. Clones fire the same one; a request made before it runs is made when it starts.
#[derive(Debug, Clone)]
pub struct TestTrigger {
    reasons: watch::Sender<Reasons>,
    health: watch::Sender<Health>,
}

impl TestTrigger {
    /// Creates a trigger that listens and requests nothing.
    pub fn new() -> Self {
        Self {
            reasons: watch::Sender::default(),
            health: watch::Sender::new(Health::Listening),
        }
    }

    /// Requests a refresh, as an event of a rotation does.
    pub fn event(&self) {
        self.request(Reason::Event);
    }

    /// Requests a refresh for any reason.
    pub fn request(&self, reason: Reason) {
        self.reasons
            .send_modify(|reasons| *reasons = *reasons | reason);
    }

    /// Sets the health that the service sees.
    pub fn set_health(&self, health: Health) {
        self.health.send_replace(health);
    }
}

impl Default for TestTrigger {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for TestTrigger {
    async fn run(self, requester: RefreshRequester) {
        let mut reasons = self.reasons.subscribe();
        let mut health = self.health.subscribe();
        loop {
            requester.set_health(health.borrow_and_update().clone());
            let mut taken = Reasons::default();
            self.reasons.send_if_modified(|pending| {
                taken = std::mem::take(pending);
                false
            });
            reasons.mark_unchanged();
            taken.iter().for_each(|reason| requester.request(reason));
            // The senders live in `self`.
            tokio::select! {
                _ = reasons.wait_for(|reasons| !reasons.is_empty()) => {}
                _ = health.changed() => {}
            }
        }
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("test")
    }
}
