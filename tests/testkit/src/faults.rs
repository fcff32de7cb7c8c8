//! What goes wrong, and the record of what was called: the caller's side.

use std::sync::Arc;

use crate::calls::{Action, Call, CallRecord, Service};
use crate::cloud::Cloud;
use crate::keys::Propagation;
use crate::script::Fault;

pub(crate) type Hook = Arc<dyn Fn(&Call) -> Action + Send + Sync>;

/// Faults. An action is written `service:Action`, such as `s3:PutObject`; `s3:*` and `*` stand for many.
impl Cloud {
    /// Asks `hook` about every call, before anything else; where it says [`Action::Pass`] the scripted faults
    /// have their turn. It may use the cloud; while it holds a clone of it, the cloud does not stop.
    pub fn on_call(&self, hook: impl Fn(&Call) -> Action + Send + Sync + 'static) {
        let before = self.shared().state().hook.replace(Arc::new(hook));
        // Outside the lock: it may own the last clone of a cloud.
        drop(before);
    }

    /// The next `times` calls are throttled: `SlowDown`, `Throttling` or `ThrottlingException`.
    pub fn throttle(&self, action: &str, times: usize) {
        self.shared()
            .state()
            .script
            .order(action, Fault::Throttle, times);
    }

    /// The next `times` calls end in status 500.
    pub fn break_down(&self, action: &str, times: usize) {
        self.shared()
            .state()
            .script
            .order(action, Fault::Internal, times);
    }

    /// This happens to the next `times` calls.
    pub fn inject(&self, action: &str, what: Action, times: usize) {
        self.shared()
            .state()
            .script
            .order(action, Fault::Do(what), times);
    }

    /// Lets all calls that hang now go on.
    pub fn release(&self) {
        self.shared().releases.send_replace(());
    }

    /// Forgets the hook and the scripted faults, lets new keys be known at once and what hangs go on.
    pub fn clear_faults(&self) {
        let hook = {
            let mut state = self.shared().state();
            state.script.clear();
            state.keys.set_propagation(Propagation::default());
            state.hook.take()
        };
        drop(hook);
        self.release();
    }

    /// Forbids the user an action or permission; several may be forbidden, one by one.
    ///
    /// Besides actions these are permissions: `kms:Decrypt` and `kms:GenerateDataKey` (Secrets Manager's
    /// answers then speak of KMS), and what S3 checks, such as `s3:PutObject` for a part of an upload. Unlike
    /// here, AWS denies nobody `sts:GetCallerIdentity`.
    pub fn deny(&self, user: &str, action: &str) {
        self.shared().state().keys.deny(user, action);
    }

    /// Takes a [`deny`](Self::deny) back.
    pub fn allow(&self, user: &str, action: &str) {
        self.shared().state().keys.allow(user, action);
    }

    /// From now on these services refuse each new key until [`release_key`](Self::release_key).
    pub fn hold_new_keys(&self, services: impl IntoIterator<Item = Service>) {
        let propagation = Propagation {
            services: services.into_iter().collect(),
            checks: None,
        };
        self.shared().state().keys.set_propagation(propagation);
    }

    /// From now on each of these services refuses a new key the first `checks` times it sees it.
    pub fn delay_new_keys(&self, services: impl IntoIterator<Item = Service>, checks: usize) {
        let propagation = Propagation {
            services: services.into_iter().collect(),
            checks: Some(checks),
        };
        self.shared().state().keys.set_propagation(propagation);
    }

    /// Makes a held or delayed key known everywhere.
    ///
    /// # Panics
    ///
    /// If there is no such key.
    pub fn release_key(&self, id: &str) {
        self.shared()
            .state()
            .keys
            .release(id)
            .expect("the key exists");
    }

    /// After each move of the secret's AWSCURRENT, the next `reads` of it still give the previous version.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn stale_reads(&self, secret: &str, reads: usize) {
        self.shared()
            .state()
            .secrets
            .find(secret)
            .expect("the secret exists")
            .read_stale(reads);
    }
}

/// The record.
impl Cloud {
    /// The calls that have ended, oldest first; the last 20 000.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared().log.records()
    }

    /// How many calls of this action have arrived.
    pub fn count(&self, action: &str) -> usize {
        self.shared().log.count(action)
    }

    /// Waits until `times` calls of this action have arrived; those that hang count.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn called(&self, action: &str, times: usize) {
        self.shared().log.called(action, times).await;
    }

    /// Starts a new record, counts at zero.
    pub fn clear_calls(&self) {
        self.shared().log.clear();
    }
}
