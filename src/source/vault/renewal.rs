//! Keeps leases and tokens alive: each is renewed in the background, for as long as someone holds it.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::call::{Call, Failure};
use super::term::Term;
use crate::error::Error;
use crate::util::lock::lock;
use crate::util::{Backoff, Delays};

/// What is renewed: a lease, or a token.
pub(super) trait Renewable: Send + Sync + 'static {
    fn renewal(&self) -> &Renewal;

    /// Asks Vault for more time.
    fn request(&self) -> impl Future<Output = Result<Granted, Error>> + Send;

    /// Receives the notification that its end has moved.
    fn renewed(&self) {}

    /// Names it in logs.
    fn name(&self) -> String;
}

/// What a renewal led to.
pub(super) enum Granted {
    /// This much time from now on.
    For { ttl: Duration, is_renewable: bool },
    /// It cannot be extended, or Vault does not know it (any more).
    Nothing(Error),
}

impl Granted {
    /// Nothing is granted if Vault rejected `call` for good; what may pass is an error.
    pub(super) fn unless_it_passes(call: &Call, failure: Failure) -> Result<Self, Error> {
        let is_rejected = matches!(failure, Failure::Rejected(_));
        let error = call.error(failure);
        match is_rejected && !error.is_retryable() {
            true => Ok(Self::Nothing(error)),
            false => Err(error),
        }
    }
}

/// The term of what is renewed, and the task that renews it. The task ends when this is dropped.
pub(super) struct Renewal {
    term: Mutex<Term>,
    /// One renewal at a time.
    turn: tokio::sync::Mutex<()>,
    keeper: Mutex<Option<AbortHandle>>,
}

impl Renewal {
    pub(super) fn new(term: Term) -> Self {
        Self {
            term: Mutex::new(term),
            turn: tokio::sync::Mutex::default(),
            keeper: Mutex::default(),
        }
    }

    pub(super) fn term(&self) -> Term {
        *lock(&self.term)
    }

    pub(super) fn cut(&self) {
        lock(&self.term).cut();
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        if let Some(keeper) = lock(&self.keeper).take() {
            keeper.abort();
        }
    }
}

/// Starts to renew `it` in the background.
pub(super) fn keep<R: Renewable>(it: &Arc<R>, rng: Rng) {
    if it.renewal().term().is_extendable() {
        let task = tokio::spawn(keeper(Arc::downgrade(it), rng).in_current_span());
        *lock(&it.renewal().keeper) = Some(task.abort_handle());
    }
}

/// Renews `it` now, unless that was done just before.
pub(super) async fn renew<R: Renewable>(it: &R) -> Result<(), Error> {
    let renewal = it.renewal();
    let _turn = renewal.turn.lock().await;
    let term = renewal.term();
    if !term.is_extendable() || term.is_fresh(Instant::now()) {
        return Ok(());
    }
    match it.request().await? {
        Granted::For { ttl, is_renewable } => {
            lock(&renewal.term).renewed(Instant::now(), ttl, is_renewable);
            it.renewed();
            if renewal.term().is_extendable() {
                tracing::debug!("{} is renewed for {ttl:?}", it.name());
            } else {
                tracing::info!("{} has reached its maximum and ends in {ttl:?}", it.name());
            }
        }
        Granted::Nothing(error) => {
            renewal.cut();
            tracing::warn!(error = %error.report(), "{} can no longer be renewed; it is replaced", it.name());
        }
    }
    Ok(())
}

/// How soon a failed renewal is repeated.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

async fn keeper<R: Renewable>(it: Weak<R>, mut rng: Rng) {
    let mut failures: Option<Delays> = None;
    loop {
        let Some(at) = it
            .upgrade()
            .and_then(|it| it.renewal().term().renew_at(&mut rng))
        else {
            return;
        };
        let at = match &mut failures {
            None => at,
            Some(delays) => Instant::now() + delays.next(),
        };
        sleep_until(at).await;
        let Some(it) = it.upgrade() else { return };
        match renew(&*it).await {
            Ok(()) => failures = None,
            // Also after its end: while Vault is sealed it expires nothing, and then its answer tells.
            Err(error) if failures.is_none() => {
                failures = Some(RETRY.delays(&mut rng));
                tracing::warn!(error = %error.report(), "{} could not be renewed yet", it.name());
            }
            Err(_) => {}
        }
    }
}
