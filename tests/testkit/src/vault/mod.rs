//! A Vault in the process: logins, leases with a maximum, KV version 2, static roles; sealed, slow or failing on request.

mod engines;
mod front;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cloud::Cloud;
use state::{Fault, State};

/// A Vault in the process. Clones are handles of the same one.
///
/// Its times are on Tokio's clock, which a test may pause when it uses [`Vault::http_client`]. All roles exist but those whose
/// name begins with `missing`; every login is accepted whose role and secret do not begin with `wrong`.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    calls: watch::Sender<Vec<VaultCall>>,
    begun: Instant,
}

/// A call that was received.
#[derive(Debug, Clone, PartialEq)]
pub struct VaultCall {
    /// Method and path below `/v1/`: `GET aws/creds/up`.
    pub name: String,
    /// The header `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// The header `X-Vault-Token`.
    pub token: Option<String>,
    /// The body; null if there is none.
    pub body: Value,
    /// How long after the start it was received.
    pub at: Duration,
}

impl Vault {
    /// Starts one whose keys are known to nobody.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self::with(None)
    }

    /// Starts one whose AWS keys are those of users in `cloud`.
    pub fn over(cloud: &Cloud) -> Self {
        Self::with(Some(cloud.clone()))
    }

    fn with(cloud: Option<Cloud>) -> Self {
        let begun = Instant::now();
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State::new(cloud)),
                calls: watch::Sender::default(),
                begun,
            }),
        }
    }

    /// Sets for how long leases are granted, and their maximum. Default 60 s and 3600 s.
    pub fn set_lease(&self, ttl: u64, max: u64) {
        self.state().lease = (ttl, max);
    }

    /// Sets for how long login tokens are granted, and their maximum; zero: no maximum (periodic). Default 3600 s and none.
    pub fn set_token(&self, ttl: u64, max: u64) {
        self.state().token = (ttl, max);
    }

    /// Creates a token as an administrator does: not renewable.
    pub fn create_token(&self, ttl: u64) -> String {
        self.state().create_token(ttl, ttl, false)
    }

    /// Writes a KV version 2 secret, and returns its version.
    pub fn put(&self, path: &str, data: Value) -> u64 {
        let mut state = self.state();
        let versions = state.kv.entry(path.to_owned()).or_default();
        versions.push(Some(data));
        versions.len() as u64
    }

    /// Deletes the current version of a KV version 2 secret.
    pub fn delete(&self, path: &str) {
        if let Some(version) = self.state().kv.get_mut(path).and_then(|all| all.last_mut()) {
            *version = None;
        }
    }

    /// Rotates the static roles: another key, another password.
    pub fn rotate_static(&self) {
        self.state().rotate_static();
    }

    /// Seals or unseals it: while it is sealed, every call is answered with 503.
    pub fn seal(&self, sealed: bool) {
        self.state().is_sealed = sealed;
    }

    /// Answers the next `times` calls whose name contains `call` with this status and error. To the name of a call about a lease
    /// the end of its id is added: `POST sys/leases/revoke lease1`.
    pub fn fail(&self, call: &str, times: usize, status: u16, error: &str) {
        let body = json!({"errors": [error]});
        self.state()
            .add_fault(call, times, Fault::Answer(status, body));
    }

    /// Processes the next `times` calls whose name contains `call`, and never answers them.
    pub fn lose_answers(&self, call: &str, times: usize) {
        self.state().add_fault(call, times, Fault::LoseAnswer);
    }

    /// Revokes all leases, as an administrator does.
    pub fn revoke_leases(&self) {
        self.state().revoke_leases(|_| true);
    }

    /// Revokes all tokens, and with them their leases.
    pub fn revoke_tokens(&self) {
        self.state().revoke_tokens();
    }

    /// Returns the ids of the leases that are alive, oldest first.
    pub fn leases(&self) -> Vec<String> {
        self.state().lease_ids()
    }

    /// Returns how many leases there have been.
    pub fn minted(&self) -> usize {
        self.state().minted()
    }

    /// Returns all calls, in the order of their arrival.
    pub fn calls(&self) -> Vec<VaultCall> {
        self.inner.calls.borrow().clone()
    }

    /// Returns how many calls have a name that contains `call`.
    pub fn count(&self, call: &str) -> usize {
        let calls = self.inner.calls.borrow();
        calls.iter().filter(|one| one.name.contains(call)).count()
    }

    /// Waits until `times` calls whose name contains `call` have arrived.
    pub async fn called(&self, call: &str, times: usize) {
        let mut calls = self.inner.calls.subscribe();
        let arrived = |calls: &Vec<VaultCall>| {
            calls.iter().filter(|one| one.name.contains(call)).count() >= times
        };
        // The sender lives in `self`.
        let _ = calls.wait_for(arrived).await;
    }

    /// The state as it is now: what has ended is gone.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self
            .inner
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.sweep(Instant::now());
        state
    }

    /// Records and answers a call; `None`: never.
    fn answer(
        &self,
        method: &str,
        path: &str,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
    ) -> Option<(u16, Value)> {
        let call = VaultCall {
            name: format!("{method} {path}"),
            namespace: header("x-vault-namespace"),
            token: header("x-vault-token"),
            body: serde_json::from_slice(body).unwrap_or_default(),
            at: self.inner.begun.elapsed(),
        };
        let answer = engines::answer(&mut self.state(), &call);
        self.inner.calls.send_modify(|calls| calls.push(call));
        answer
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}
