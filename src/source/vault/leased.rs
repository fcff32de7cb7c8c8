//! The source whose fetch mints: each version is a lease.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::call::Call;
use super::decision::{Decision, Latest, decide};
use super::journal::{Journal, recover};
use super::lease::Lease;
use super::renewal::renew;
use super::revoker::Revoker;
use super::session::Session;
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, SecretId, VersionId};
use crate::source::{FetchRequest, Source};
use crate::trigger::Reason;
use crate::util::clock::Clock;
use crate::util::lock::lock;
use crate::util::rate_limit::RateLimit;

/// A secret that Vault mints, with a lease: an AWS key, a database user. See [`Vault`](super::Vault) and the
/// [module's docs](super).
#[must_use = "it is a source: give it to a refreshable"]
pub struct LeasedSecret(Arc<Inner>);

struct Inner {
    secret_id: SecretId,
    what: String,
    mint: Call,
    session: Session,
    journal: Option<Journal>,
    revoker: Revoker,
    revoke_for: Duration,
    clock: Clock,
    /// Held while a secret is minted: a fetch that was given up may still be minting.
    turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

struct State {
    /// All that was minted and is not given back.
    leases: HashMap<VersionId, Arc<Lease>>,
    /// The last one that was minted.
    latest: Option<VersionId>,
    limit: RateLimit,
    /// The task that revokes what dead processes have left.
    recovery: Option<JoinHandle<()>>,
    is_shut_down: bool,
}

/// How long a shutdown waits for revocations, and a notification for one. Together less than a source is given by default.
const SHUTDOWN: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_secs(5);

impl LeasedSecret {
    pub(super) fn new(
        path: &str,
        mint: Call,
        session: Session,
        journal: Option<Journal>,
        revoke_for: Duration,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            secret_id: path.into(),
            what: format!("minting `{path}`"),
            mint,
            session,
            journal,
            revoker: Revoker::new(revoke_for),
            revoke_for,
            clock,
            turn: Arc::default(),
            state: Mutex::new(State {
                leases: HashMap::new(),
                latest: None,
                limit: RateLimit::new(Instant::now()),
                recovery: None,
                is_shut_down: false,
            }),
        }))
    }
}

impl Source for LeasedSecret {
    fn secret_id(&self) -> Option<&SecretId> {
        Some(&self.0.secret_id)
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let inner = &self.0;
        let turn = Arc::clone(&inner.turn).lock_owned().await;
        let Some(lease) = inner.latest() else {
            return inner.mint_detached(turn, None).await;
        };
        if request.reasons.has(Reason::Expiry) {
            renew(&*lease).await?;
        }
        let now = Instant::now();
        let is_live = request.live_version.as_ref() == Some(lease.version());
        let latest = Latest {
            is_live,
            is_expected: request.expected_version.as_ref() == Some(lease.version()),
            is_ending: lease.term().is_ending(now),
        };
        let must_mint = match decide(request, latest) {
            Decision::Mint => true,
            Decision::MintIfAllowed => lock(&inner.state).limit.try_acquire(now).is_ok(),
            Decision::Keep => inner.token_is_ending(&lease, now).await?,
        };
        if !must_mint {
            return Ok(lease.secret(&inner.clock));
        }
        inner.mint_detached(turn, (!is_live).then_some(lease)).await
    }

    async fn drained(&self, version: &VersionId) {
        self.0.give_back_soon(version).await;
    }

    async fn discarded(&self, version: &VersionId) {
        self.0.give_back_soon(version).await;
    }

    async fn shutdown(&self) {
        let inner = &self.0;
        lock(&inner.state).is_shut_down = true;
        // What is being minted is given back by the task that mints it.
        let _ = timeout(SOON, inner.turn.lock()).await;
        let leases: Vec<_> = {
            let mut state = lock(&inner.state);
            state.latest = None;
            state.leases.drain().map(|(_, lease)| lease).collect()
        };
        for lease in leases {
            drop(inner.revoker.revoke(lease));
        }
        inner.revoker.finish(SHUTDOWN).await;
        inner.end_recovery().await;
        inner.session.end().await;
    }
}

impl Inner {
    fn latest(&self) -> Option<Arc<Lease>> {
        let state = lock(&self.state);
        state.leases.get(state.latest.as_ref()?).cloned()
    }

    /// Returns whether the lease must be replaced because its token nears its end.
    ///
    /// # Errors
    /// If there is no other token to mint with.
    async fn token_is_ending(&self, lease: &Lease, now: Instant) -> Result<bool, Error> {
        if !lease.token().term().is_ending(now) {
            return Ok(false);
        }
        if !Arc::ptr_eq(&self.session.token().await?, lease.token()) {
            return Ok(true);
        }
        let end = lease.token().term().end();
        let left = end.map(|end| end.saturating_duration_since(now));
        Err(Error::new(
            ErrorKind::Unauthenticated,
            format!(
                "the Vault token ends within {:?} and cannot be renewed, and `{}` ends with it; provide another token, a \
                 periodic one if it should last",
                left.unwrap_or_default(),
                self.secret_id
            ),
        ))
    }

    /// Mints, in a task of its own: what was minted is known even if the caller stops waiting. `replaces` never went live.
    async fn mint_detached(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        replaces: Option<Arc<Lease>>,
    ) -> Result<Secret, Error> {
        let inner = Arc::clone(self);
        let minting = async move {
            let _turn = turn;
            let lease = inner.mint().await?;
            if let Some(old) = replaces {
                drop(inner.give_back(old.version()));
            }
            Ok(lease.secret(&inner.clock))
        };
        let minted = tokio::spawn(minting.in_current_span());
        minted.await.unwrap_or_else(|_| {
            let fault = format!("{} was interrupted: the runtime shuts down", self.what);
            Err(Error::new(ErrorKind::ShutDown, fault))
        })
    }

    async fn mint(self: &Arc<Self>) -> Result<Arc<Lease>, Error> {
        if let Some(journal) = &self.journal {
            journal.open().await?;
        }
        let (answer, token) = self.session.send(self.mint.clone()).await?;
        let client = self.session.client();
        let lease = Lease::minted(&self.what, client, answer, token, Rng::new())?;
        if let Some(journal) = self.journal.as_ref().filter(|_| !lease.id().is_empty()) {
            let path = self.secret_id.as_str();
            let entry = journal.record(path, lease.id(), lease.term().end());
            lease.set_entry(entry.await);
        }
        let is_late = {
            let mut state = lock(&self.state);
            if !state.is_shut_down {
                state.latest = Some(lease.version().clone());
                state
                    .leases
                    .insert(lease.version().clone(), Arc::clone(&lease));
            }
            state.is_shut_down
        };
        if is_late {
            drop(self.revoker.revoke(lease));
            let fault = format!("{} came to its end after the shutdown", self.what);
            return Err(Error::new(ErrorKind::ShutDown, fault));
        }
        self.start_recovery();
        Ok(lease)
    }

    /// Revokes in the background, once, what dead processes have left.
    fn start_recovery(self: &Arc<Self>) {
        let Some(journal) = self.journal.clone() else {
            return;
        };
        let inner = Arc::clone(self);
        let recovery = async move {
            let abandoned = journal.abandoned().await;
            recover(&inner.session, abandoned, inner.revoke_for).await;
        };
        lock(&self.state)
            .recovery
            .get_or_insert_with(|| tokio::spawn(recovery.in_current_span()));
    }

    /// What is not revoked by now is left to the next process.
    async fn end_recovery(&self) {
        let recovery = lock(&self.state).recovery.take();
        if let Some(recovery) = recovery {
            recovery.abort();
            // It names what it leaves.
            let _ = recovery.await;
        }
    }

    /// Revokes a lease that nothing uses, once. The revocation goes on if nobody waits for it.
    fn give_back(&self, version: &VersionId) -> Option<JoinHandle<()>> {
        let mut state = lock(&self.state);
        if state.latest.as_ref() == Some(version) {
            state.latest = None;
        }
        let lease = state.leases.remove(version)?;
        Some(self.revoker.revoke(lease))
    }

    async fn give_back_soon(&self, version: &VersionId) {
        if let Some(revoked) = self.give_back(version) {
            // A revocation neither panics nor is aborted.
            let _ = timeout(SOON, revoked).await;
        }
    }
}

impl fmt::Debug for LeasedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedSecret")
            .field("secret_id", &self.0.secret_id)
            .field("leases", &lock(&self.0.state).leases.len())
            .field("revoking", &self.0.revoker.pending())
            .finish_non_exhaustive()
    }
}
