//! Revokes the leases of processes that have ended.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::call::Call;
use super::super::session::Session;
use super::entry::Entry;
use crate::error::{Error, ErrorKind};
use crate::util::Backoff;

/// How soon a failed revocation is repeated.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// Revokes them, and repeats for `longest` what fails. Those that are left then are named in one warning, also when this future
/// is dropped.
pub(in crate::source::vault) async fn recover(
    session: &Session,
    abandoned: Vec<Entry>,
    longest: Duration,
) {
    let found = abandoned.len();
    let mut left = Left {
        pending: abandoned.into(),
        denied: Vec::new(),
    };
    let deadline = Instant::now() + longest;
    let mut delays = RETRY.delays(&mut Rng::new());
    loop {
        left.revoke(session).await;
        let delay = delays.next();
        if left.pending.is_empty() || Instant::now() + delay >= deadline {
            break;
        }
        sleep(delay).await;
    }
    let revoked = found - left.pending.len() - left.denied.len();
    if revoked > 0 {
        tracing::info!(revoked, "leases of processes that have ended are gone");
    }
}

/// What is not revoked yet. Named in a warning when it is dropped.
struct Left {
    pending: VecDeque<Entry>,
    denied: Vec<Entry>,
}

impl Left {
    /// Attempts each once; if Vault is not available, the rest is left to the next round.
    async fn revoke(&mut self, session: &Session) {
        for _ in 0..self.pending.len() {
            let Some(entry) = self.pending.front() else {
                return;
            };
            let failure = match entry.is_over() {
                true => None,
                false => revoke(session, &entry.record().lease_id).await.err(),
            };
            match failure.map(|error| error.kind()) {
                // Gone, or not known to Vault.
                None | Some(ErrorKind::NotFound) => {
                    self.pending.pop_front().into_iter().for_each(Entry::remove);
                }
                Some(ErrorKind::PermissionDenied) => self.denied.extend(self.pending.pop_front()),
                Some(kind) if kind.is_retryable() => return,
                Some(_) => self.pending.rotate_left(1),
            }
        }
    }
}

async fn revoke(session: &Session, lease_id: &str) -> Result<(), Error> {
    let body = json!({"lease_id": lease_id, "sync": true});
    let call = Call::post("revoking a lease", "sys/leases/revoke", &body);
    session.send(call).await.map(drop)
}

impl Drop for Left {
    fn drop(&mut self) {
        let left = || self.denied.iter().chain(&self.pending);
        let leases: Vec<_> = left()
            .filter(|entry| !entry.is_over())
            .map(|entry| {
                let record = entry.record();
                let ends = record.ends.as_deref().unwrap_or("revoked by hand");
                format!("{} (until {ends})", record.lease_id)
            })
            .collect();
        if leases.is_empty() {
            return;
        }
        let advice = match self.denied.is_empty() {
            true => "",
            false => "; the token's policy must allow `update` on `sys/leases/revoke`",
        };
        tracing::warn!(
            leases = leases.join(", "),
            "leases of processes that have ended could not be revoked; they end by themselves{advice}"
        );
    }
}
