//! Gives back what was minted: each revocation is repeated until it is done or its time is over.
//!
//! IAM is eventually consistent, and Vault may be sealed or unreachable: a revocation may fail at first. The lease is not
//! renewed any more, and holds its token until then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::call::Failure;
use super::journal::Entry;
use super::lease::Lease;
use crate::util::Backoff;
use crate::util::deadline::deadline_in;
use crate::util::lock::lock;

/// How soon a failed revocation is repeated.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

pub(super) struct Revoker {
    /// The ids of the leases whose revocation is under way.
    pending: Arc<watch::Sender<BTreeSet<String>>>,
    longest: Duration,
    /// The journal's files of leases that were left to Vault and have not ended yet.
    left: Arc<Mutex<Vec<Entry>>>,
}

impl Revoker {
    /// Creates a revoker that tries for `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            pending: Arc::default(),
            longest,
            left: Arc::default(),
        }
    }

    /// Revokes `lease` in the background. The task returned may be dropped.
    pub(super) fn revoke(&self, lease: Arc<Lease>) -> JoinHandle<()> {
        let (pending, longest) = (Arc::clone(&self.pending), self.longest);
        let left = Arc::clone(&self.left);
        lock(&left)
            .extract_if(.., |entry| entry.is_over())
            .for_each(Entry::remove);
        lease.end();
        if !lease.id().is_empty() {
            pending.send_if_modified(|ids| ids.insert(lease.id().to_owned()));
        }
        let revocation = async move {
            if !lease.id().is_empty() {
                let is_gone = revoke(&lease, longest).await;
                match lease.take_entry() {
                    Some(entry) if is_gone => entry.remove(),
                    entry => lock(&left).extend(entry),
                }
                pending.send_if_modified(|ids| ids.remove(lease.id()));
            }
        };
        tokio::spawn(revocation.in_current_span())
    }

    /// Returns how many revocations are under way.
    pub(super) fn pending(&self) -> usize {
        self.pending.borrow().len()
    }

    /// Waits until all revocations have ended, for at most `longest`; names those that have not in a warning, also when this
    /// future is dropped.
    pub(super) async fn finish(&self, longest: Duration) {
        let _left = LeftToVault(&self.pending);
        let mut pending = self.pending.subscribe();
        // The sender lives in `self`.
        let _ = timeout(longest, pending.wait_for(BTreeSet::is_empty)).await;
    }
}

/// Names the leases whose revocation has not ended, when it is dropped.
struct LeftToVault<'a>(&'a watch::Sender<BTreeSet<String>>);

impl Drop for LeftToVault<'_> {
    fn drop(&mut self) {
        for lease_id in self.0.borrow().iter() {
            tracing::warn!(%lease_id, "the lease is not revoked yet; it ends by itself");
        }
    }
}

/// Returns whether it is gone.
async fn revoke(lease: &Lease, longest: Duration) -> bool {
    let lease_id = lease.id();
    let deadline = deadline_in(longest);
    let mut delays = RETRY.delays(&mut Rng::new());
    loop {
        let failure = match lease.revoke(true).await {
            Ok(()) => {
                tracing::debug!(lease_id, "revoked");
                return true;
            }
            Err(failure) if failure.is_lease_gone() => return true,
            Err(failure) => failure,
        };
        if failure.is_forbidden() {
            // If the token is not accepted, the lease has ended with it, as far as anybody can tell.
            if lease.token().is_accepted().await {
                tracing::warn!(
                    lease_id,
                    "the lease cannot be revoked, and ends by itself; the token's policy must allow `update` on `sys/leases/revoke`"
                );
            }
            return false;
        }
        let delay = delays.next();
        if deadline_in(delay) >= deadline {
            leave_to_vault(lease, &failure).await;
            return false;
        }
        sleep(delay).await;
    }
}

/// The last attempt: Vault queues the revocation, if it can.
async fn leave_to_vault(lease: &Lease, failure: &Failure) {
    let lease_id = lease.id();
    let status = match failure {
        Failure::Rejected(rejection) => rejection.to_string(),
        Failure::NoAnswer { error, .. } => error.report(),
    };
    let is_queued = lease.revoke(false).await.is_ok();
    tracing::warn!(
        lease_id,
        is_queued,
        error = status,
        "the lease could not be revoked; it is left to Vault"
    );
}
