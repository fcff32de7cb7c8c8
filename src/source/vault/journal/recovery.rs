//! Revokes the leases of processes that have ended.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::time::sleep;

use super::super::call::{Call, Failure};
use super::super::client::Client;
use super::super::session::Session;
use super::super::token::Token;
use super::entry::Entry;
use crate::util::Backoff;
use crate::util::deadline::deadline_in;

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
    let deadline = deadline_in(longest);
    let mut delays = RETRY.delays(&mut Rng::new());
    loop {
        // The token is only used. What it may not do tells nothing about the session: the live key has been minted with it.
        if let Ok(token) = session.token().await {
            left.revoke(session.client(), &token).await;
        }
        let delay = delays.next();
        if left.pending.is_empty() || deadline_in(delay) >= deadline {
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
    /// Attempts each once; if Vault itself is not available, the rest is left to the next round.
    async fn revoke(&mut self, client: &Client, token: &Token) {
        for _ in 0..self.pending.len() {
            // It stays in the list while it is attempted: this future may be dropped.
            let Some(entry) = self.pending.front() else {
                return;
            };
            let failure = revoke(client, token, &entry.record().lease_id).await.err();
            let is_gone = match &failure {
                None => true,
                Some(failure) if failure.is_lease_gone() => true,
                Some(failure) if is_of_vault_itself(failure) => return,
                // By the clock it has ended, as Vault could not confirm.
                Some(_) => entry.is_over(),
            };
            let attempted = self.pending.pop_front();
            if is_gone {
                attempted.into_iter().for_each(Entry::remove);
            } else if failure.is_some_and(|failure| failure.is_forbidden()) {
                self.denied.extend(attempted);
            } else {
                self.pending.extend(attempted);
            }
        }
    }
}

async fn revoke(client: &Client, token: &Token, lease_id: &str) -> Result<(), Failure> {
    let body = json!({"lease_id": lease_id, "sync": true});
    let call = Call::post("revoking a lease", "sys/leases/revoke", &body);
    client.send(&call.with_token(token.text())).await.map(drop)
}

/// Returns whether every other revocation would fail as well. An engine that cannot revoke concerns its own leases.
fn is_of_vault_itself(failure: &Failure) -> bool {
    match failure {
        Failure::Rejected(rejection) => rejection.is_refused_at_once(),
        Failure::NoAnswer { was_sent, .. } => !was_sent,
    }
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
