//! How triggers request a refresh, and how a burst of requests becomes one refresh.
//!
//! What is pending is a set of reasons, not a queue: a thousand requests for the same reason before a refresh begins are
//! one request, and none that is made after a refresh began is lost to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};

use super::health::Health;
use super::reason::{Reason, Reasons};
use crate::secret::{SecretId, VersionId};
use crate::util::lock::lock;

/// Requests refreshes for one trigger, and tells its health. Clones act for the same trigger.
#[derive(Clone, Debug)]
pub struct RefreshRequester {
    shared: Arc<Shared>,
    health: Arc<watch::Sender<Health>>,
}

/// The receiving end of all requesters. A refreshable has one; a trigger's own test has one, too.
#[derive(Debug)]
pub struct RefreshRequests {
    shared: Arc<Shared>,
}

/// What was requested since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshRequest {
    /// Why. Empty if there are only rejections.
    pub reasons: Reasons,
    /// The version that the latest event named as the current one.
    pub expected_version: Option<VersionId>,
    /// How often the values of which generations were rejected.
    pub rejected: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Shared {
    refreshable: String,
    secret_id: Option<SecretId>,
    pending: Mutex<RefreshRequest>,
    arrived: Notify,
}

/// Creates the two ends for one trigger, as a trigger's own test needs them.
pub fn channel() -> (RefreshRequester, RefreshRequests) {
    let requests = RefreshRequests::new("default", None);
    (requests.requester(), requests)
}

/// Creates the two ends for a trigger of a refreshable whose source names its secret.
pub fn channel_for(secret_id: impl Into<SecretId>) -> (RefreshRequester, RefreshRequests) {
    let requests = RefreshRequests::new("default", Some(secret_id.into()));
    (requests.requester(), requests)
}

impl RefreshRequester {
    /// Requests a refresh. Never blocks; may be called from any thread.
    pub fn request(&self, reason: Reason) {
        self.shared
            .add(|pending| pending.reasons = pending.reasons | reason);
    }

    /// Requests a refresh because an event named `version` as the current one.
    pub fn request_version(&self, reason: Reason, version: VersionId) {
        self.shared.add(|pending| {
            pending.reasons = pending.reasons | reason;
            pending.expected_version = Some(version);
        });
    }

    /// Reports that an authority rejected the value of `generation`. If that is the live one, a refresh follows; a
    /// generation that is still draining is noted in [`Status::rejected`](crate::refresh::Status::rejected), as the live
    /// one is. Never blocks.
    pub fn report_rejected(&self, generation: u64) {
        self.shared
            .add(|pending| *pending.rejected.entry(generation).or_default() += 1);
    }

    /// Returns the name of the refreshable, for the label in metrics.
    pub fn refreshable(&self) -> &str {
        &self.shared.refreshable
    }

    /// Returns the name or ARN of the secret that is refreshed, if its source names it: events that name another one do not
    /// concern this trigger.
    pub fn secret_id(&self) -> Option<&SecretId> {
        self.shared.secret_id.as_ref()
    }

    /// Sets the trigger's health.
    pub fn set_health(&self, health: Health) {
        self.health.send_if_modified(|current| {
            let changed = *current != health;
            *current = health;
            changed
        });
    }

    /// Returns the trigger's health, now and as it changes.
    pub fn subscribe_health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }
}

impl RefreshRequests {
    pub(crate) fn new(refreshable: impl Into<String>, secret_id: Option<SecretId>) -> Self {
        Self {
            shared: Arc::new(Shared {
                refreshable: refreshable.into(),
                secret_id,
                pending: Mutex::default(),
                arrived: Notify::new(),
            }),
        }
    }

    /// Creates a requester for one more trigger.
    pub(crate) fn requester(&self) -> RefreshRequester {
        RefreshRequester {
            shared: Arc::clone(&self.shared),
            health: Arc::new(watch::Sender::new(Health::Starting)),
        }
    }

    /// Waits for a request, and takes all that was requested so far.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub async fn next(&mut self) -> RefreshRequest {
        loop {
            if let Some(request) = self.take() {
                return request;
            }
            self.shared.arrived.notified().await;
        }
    }

    /// Waits for a rejection, and takes the rejections alone.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub(crate) async fn next_rejected(&mut self) -> BTreeMap<u64, u64> {
        loop {
            let rejected = std::mem::take(&mut lock(&self.shared.pending).rejected);
            if !rejected.is_empty() {
                return rejected;
            }
            self.shared.arrived.notified().await;
        }
    }

    /// Takes all that was requested so far, if anything was.
    pub fn take(&mut self) -> Option<RefreshRequest> {
        let request = std::mem::take(&mut *lock(&self.shared.pending));
        (request != RefreshRequest::default()).then_some(request)
    }
}

impl From<Reason> for RefreshRequest {
    fn from(reason: Reason) -> Self {
        Self {
            reasons: reason.into(),
            ..Self::default()
        }
    }
}

impl RefreshRequest {
    /// Returns whether `reason` is among the reasons.
    pub fn has(&self, reason: Reason) -> bool {
        self.reasons.has(reason)
    }

    /// Adds what was requested later.
    pub(crate) fn merge(&mut self, later: Self) {
        self.reasons = self.reasons | later.reasons;
        self.expected_version = later.expected_version.or(self.expected_version.take());
        for (generation, times) in later.rejected {
            *self.rejected.entry(generation).or_default() += times;
        }
    }
}

impl Shared {
    fn add(&self, change: impl FnOnce(&mut RefreshRequest)) {
        change(&mut lock(&self.pending));
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_becomes_one_request_with_each_reason_once() {
        let (requester, mut requests) = channel();
        for _ in 0..1000 {
            requester.request(Reason::Event);
            requester.request(Reason::Interval);
        }
        let request = requests.next().await;
        assert_eq!(
            request.reasons.iter().collect::<Vec<_>>(),
            [Reason::Event, Reason::Interval]
        );
        assert_eq!(requests.take(), None);
    }

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_is_kept() {
        let (requester, mut requests) = channel();
        requester.request(Reason::Event);
        assert!(requests.next().await.has(Reason::Event));
        requester.request(Reason::Signal);
        assert!(requests.next().await.has(Reason::Signal));
    }

    #[tokio::test]
    async fn the_latest_named_version_is_expected() {
        let (requester, mut requests) = channel();
        requester.request_version(Reason::Event, "v2".into());
        requester.request_version(Reason::Event, "v3".into());
        requester.request(Reason::Interval);
        let request = requests.next().await;
        assert_eq!(request.expected_version, Some("v3".into()));
    }

    #[tokio::test]
    async fn rejections_are_counted_for_each_generation_and_need_no_reason() {
        let (requester, mut requests) = channel();
        for generation in [1, 2, 2] {
            requester.report_rejected(generation);
        }
        let request = requests.next().await;
        assert!(request.reasons.is_empty());
        assert_eq!(request.rejected, BTreeMap::from([(1, 1), (2, 2)]));
    }

    #[tokio::test]
    async fn health_is_published_when_it_changes_and_only_then() {
        let (requester, _requests) = channel();
        let mut health = requester.subscribe_health();
        assert_eq!(*health.borrow_and_update(), Health::Starting);
        requester.set_health(Health::Listening);
        assert!(health.has_changed().expect("open"));
        health.borrow_and_update();
        requester.set_health(Health::Listening);
        assert!(!health.has_changed().expect("open"));
    }
}
