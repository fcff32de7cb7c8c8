//! What an engine minted: a secret that ends, unless its lease is renewed, and at once when its token ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::time::Instant;

use super::answer::Answer;
use super::call::{Call, Failure};
use super::client::Client;
use super::journal::Entry;
use super::renewal::{Granted, Renewable, Renewal, keep};
use super::term::Term;
use super::token::Token;
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, VersionId};
use crate::util::clock::Clock;
use crate::util::lock::lock;

pub(super) struct Lease {
    /// Empty: a role without leases. Such a secret cannot be given back.
    id: String,
    secret: Secret,
    renewal: Renewal,
    /// Its file in the journal, if there is one.
    entry: Mutex<Option<Entry>>,
    token: Arc<Token>,
    client: Client,
}

impl Lease {
    /// Takes what `answer` minted with `token`, and keeps it renewed. `what` names it in errors.
    pub(super) fn minted(
        what: &str,
        client: &Client,
        answer: Answer,
        token: Arc<Token>,
        rng: Rng,
    ) -> Result<Arc<Self>, Error> {
        let data = &answer.data;
        let name = [
            Some(answer.lease_id.as_str()),
            data.text("access_key"),
            data.text("username"),
        ];
        let version = name.into_iter().flatten().find(|name| !name.is_empty());
        let Some(version) = version.filter(|_| !data.is_empty()) else {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "{what} returned neither a lease nor a key; check the path and the engine's type"
                ),
            ));
        };
        let ttl = match answer.lease_id.as_str() {
            "" => Duration::from_secs(data.number("ttl").unwrap_or_default()),
            _ => answer.ttl(),
        };
        let is_renewable = answer.renewable && !answer.lease_id.is_empty();
        let lease = Arc::new(Self {
            secret: Secret::new(data.to_json(), version),
            renewal: Renewal::new(Term::granted(Instant::now(), ttl, is_renewable)),
            id: answer.lease_id,
            entry: Mutex::default(),
            token,
            client: client.clone(),
        });
        keep(&lease, rng);
        Ok(lease)
    }

    /// Returns its id; empty if it has none.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn version(&self) -> &VersionId {
        self.secret.version()
    }

    pub(super) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub(super) fn term(&self) -> Term {
        self.renewal.term()
    }

    /// Returns the secret, which ends when the lease or the token ends, as far as is known now.
    pub(super) fn secret(&self, clock: &Clock) -> Secret {
        let ends = [self.term().end(), self.token.term().end()];
        match ends.into_iter().flatten().min() {
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                self.secret.clone().with_expires(clock.now() + left)
            }
            None => self.secret.clone(),
        }
    }

    /// Keeps its file in the journal for as long as it lives.
    pub(super) fn set_entry(&self, entry: Option<Entry>) {
        *lock(&self.entry) = entry;
    }

    /// Takes its file out: it is gone, or is not used any more.
    pub(super) fn take_entry(&self) -> Option<Entry> {
        lock(&self.entry).take()
    }

    /// Renews it no longer: it ends by itself if its revocation fails.
    pub(super) fn end(&self) {
        self.renewal.cut();
    }

    /// Asks Vault to revoke it. With `sync` the answer tells whether that was done; without, Vault does it later.
    pub(super) async fn revoke(&self, sync: bool) -> Result<(), Failure> {
        let body = json!({"lease_id": self.id, "sync": sync});
        let call = Call::post("revoking a lease", "sys/leases/revoke", &body);
        let call = call.with_token(self.token.text());
        self.client.send(&call).await.map(drop)
    }
}

impl Renewable for Lease {
    fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    async fn request(&self) -> Result<Granted, Error> {
        let body = json!({"lease_id": self.id});
        let call =
            Call::post("renewing a lease", "sys/leases/renew", &body).with_token(self.token.text());
        match self.client.send(&call).await {
            Ok(answer) => Ok(Granted::For {
                ttl: answer.ttl(),
                is_renewable: answer.renewable,
            }),
            Err(failure) => Granted::unless_it_passes(&call, failure),
        }
    }

    fn renewed(&self) {
        let Some(entry) = &mut *lock(&self.entry) else {
            return;
        };
        // Some hundred bytes into the page cache: not worth a thread.
        if let Err(error) = entry.renewed(self.term().end()) {
            let lease_id = &self.id;
            tracing::warn!(lease_id, %error, "the lease's end in the journal is out of date");
        }
    }

    fn name(&self) -> String {
        format!("the lease `{}`", self.id)
    }
}
