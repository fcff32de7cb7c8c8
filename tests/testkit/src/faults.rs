//! Injects faults, and reads the record of calls.

use std::sync::Arc;

use crate::calls::{Action, Call, CallRecord, Service};
use crate::cloud::Cloud;
use crate::keys::Propagation;
use crate::scheduled_faults::Fault;

pub(crate) type Hook = Arc<dyn Fn(&Call) -> Action + Send + Sync>;

/// Faults. An action is written `service:Action`, such as `s3:PutObject`; `s3:*` and `*` match several.
impl Cloud {
    /// Asks `hook` what happens to each call. Where it returns [`Action::Pass`], the scheduled faults apply. The hook may use
    /// the cloud; as long as it owns a clone, the cloud does not stop.
    pub fn on_call(&self, hook: impl Fn(&Call) -> Action + Send + Sync + 'static) {
        let before = self.shared().state().hook.replace(Arc::new(hook));
        // Outside the lock: the old hook may own the last clone of a cloud.
        drop(before);
    }

    /// Throttles the next `times` calls: `SlowDown`, `Throttling` or `ThrottlingException`.
    pub fn throttle(&self, action: &str, times: usize) {
        self.shared()
            .state()
            .faults
            .schedule(action, Fault::Throttle, times);
    }

    /// Answers the next `times` calls with status 500.
    pub fn break_down(&self, action: &str, times: usize) {
        self.shared()
            .state()
            .faults
            .schedule(action, Fault::Internal, times);
    }

    /// Applies `what` to the next `times` calls.
    pub fn inject(&self, action: &str, what: Action, times: usize) {
        self.shared()
            .state()
            .faults
            .schedule(action, Fault::Custom(what), times);
    }

    /// Continues all calls that hang now.
    pub fn release(&self) {
        self.shared().releases.send_replace(());
    }

    /// Removes the hook, the scheduled faults and the delays of new keys, and continues all calls that hang.
    pub fn clear_faults(&self) {
        let hook = {
            let mut state = self.shared().state();
            state.faults.clear();
            state.keys.set_propagation(Propagation::default());
            state.hook.take()
        };
        drop(hook);
        self.release();
    }

    /// Denies the user an action or a permission, in addition to those denied before.
    ///
    /// Permissions are `kms:Decrypt` and `kms:GenerateDataKey` (Secrets Manager then answers with a KMS error), and those
    /// that S3 checks, such as `s3:PutObject` for a part of an upload. On AWS, `sts:GetCallerIdentity` cannot be denied.
    pub fn deny(&self, user: &str, action: &str) {
        self.shared().state().keys.deny(user, action);
    }

    /// Reverts a [`deny`](Self::deny).
    pub fn allow(&self, user: &str, action: &str) {
        self.shared().state().keys.allow(user, action);
    }

    /// Makes these services reject each key created from now on, until [`release_key`](Self::release_key).
    pub fn hold_new_keys(&self, services: impl IntoIterator<Item = Service>) {
        let propagation = Propagation {
            services: services.into_iter().collect(),
            checks: None,
        };
        self.shared().state().keys.set_propagation(propagation);
    }

    /// Makes each of these services reject each key created from now on, the first `checks` times.
    pub fn delay_new_keys(&self, services: impl IntoIterator<Item = Service>, checks: usize) {
        let propagation = Propagation {
            services: services.into_iter().collect(),
            checks: Some(checks),
        };
        self.shared().state().keys.set_propagation(propagation);
    }

    /// Makes every service accept a held or delayed key.
    ///
    /// # Panics
    ///
    /// If the key does not exist.
    pub fn release_key(&self, id: &str) {
        self.shared()
            .state()
            .keys
            .release(id)
            .expect("the key exists");
    }

    /// Makes the next `reads` of the secret's `AWSCURRENT` after each move return the previous version.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn stale_reads(&self, secret: &str, reads: usize) {
        self.shared()
            .state()
            .secrets
            .find(secret)
            .expect("the secret exists")
            .read_stale(reads);
    }
}

/// The record of calls.
impl Cloud {
    /// Returns the calls that have ended, oldest first, at most the last 20 000.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared().log.records()
    }

    /// Returns how many calls of this action have arrived.
    pub fn count(&self, action: &str) -> usize {
        self.shared().log.count(action)
    }

    /// Waits until `times` calls of this action have arrived, including those that hang.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the count does not change.
    pub async fn called(&self, action: &str, times: usize) {
        self.shared().log.called(action, times).await;
    }

    /// Clears the record and the counts.
    pub fn clear_calls(&self) {
        self.shared().log.clear();
    }
}
