//! The steps of one refresh that can fail: fetch, connect, check. They decide nothing and publish nothing.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument;

use super::status::WaitingReason;
use super::timeouts::Timeouts;
use crate::connect::{Connect, Verdict};
use crate::error::{Error, ErrorKind};
use crate::hot::DrainToken;
use crate::secret::Secret;
use crate::source::{FetchRequest, Source};

/// What to do with a value that is genuine but not permitted to do what its check asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnForbidden {
    /// Keep the last good value, and report the failure.
    #[default]
    Reject,
    /// Publish it all the same, and log a warning.
    Accept,
}

/// What every refresh uses.
pub(super) struct Parts<S, C> {
    pub(super) source: S,
    pub(super) connect: C,
    pub(super) timeouts: Timeouts,
    pub(super) on_forbidden: OnForbidden,
}

/// A value that connected and passed its check.
pub(super) struct Candidate<V> {
    pub(super) secret: Secret,
    pub(super) value: V,
    pub(super) token: DrainToken,
    /// When the value expires, by its source or by itself.
    pub(super) expires: Option<SystemTime>,
}

/// Why a version cannot go live.
pub(super) struct Unproven {
    pub(super) reason: WaitingReason,
    pub(super) error: Error,
}

impl Unproven {
    fn new(reason: WaitingReason, error: Error) -> Self {
        Self { reason, error }
    }

    /// The check failed, or panicked.
    pub(super) fn check_failed(error: Error) -> Self {
        Self::new(WaitingReason::CheckFailed, error)
    }
}

/// Runs `work` as a task of its own, so that a panic in a source, a connect or a check fails this refresh and does not end
/// the loop. Cancel safe: dropping the future aborts the task.
pub(super) async fn catch_panic<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    let mut task = JoinSet::new();
    task.spawn(work.in_current_span());
    match task.join_next().await {
        Some(Ok(output)) => Ok(output),
        // The panic's message is not quoted: it is foreign text, and may hold what the code was working on.
        _ => Err(Error::new(
            ErrorKind::Panicked,
            "the source, the connect or the check panicked",
        )),
    }
}

impl<S: Source, C: Connect> Parts<S, C> {
    pub(super) async fn fetch(&self, request: FetchRequest) -> Result<Secret, Error> {
        let fetch = self.source.fetch(&request);
        limit(self.timeouts.fetch, "fetching the secret", fetch).await?
    }

    /// Connects and checks.
    pub(super) async fn prove(&self, secret: Secret) -> Result<Candidate<C::Value>, Unproven> {
        let token = DrainToken::new();
        let connect_failed = |error| Unproven::new(WaitingReason::ConnectFailed, error);
        let value = limit(
            self.timeouts.connect,
            "connecting with the new secret",
            self.connect.connect(&secret, &token),
        )
        .await
        .flatten()
        .map_err(connect_failed)?;
        match self.check(&value).await.map_err(Unproven::check_failed)? {
            Verdict::Good => {}
            Verdict::Forbidden(error) if self.on_forbidden == OnForbidden::Accept => {
                tracing::warn!(version = %secret.version(), error = %error.report(), "the new value is genuine but not permitted; accepted as configured");
            }
            Verdict::NotYet(error) => {
                return Err(Unproven::new(WaitingReason::NotPropagated, error));
            }
            Verdict::Forbidden(error) => {
                return Err(Unproven::new(WaitingReason::Forbidden, error));
            }
            Verdict::Bad(error) | Verdict::Unknown(error) => {
                return Err(Unproven::check_failed(error));
            }
        }
        let expires = [secret.expires(), self.connect.expires(&value)];
        Ok(Candidate {
            expires: expires.into_iter().flatten().min(),
            secret,
            value,
            token,
        })
    }

    /// Checks a value.
    pub(super) async fn check(&self, value: &C::Value) -> Result<Verdict, Error> {
        let check = self.connect.check(value);
        limit(self.timeouts.check, "checking the value", check).await
    }
}

async fn limit<T>(
    longest: Duration,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    timeout(longest, work).await.map_err(|_| {
        Error::new(
            ErrorKind::Timeout,
            format!("{what} took longer than {longest:?}"),
        )
    })
}
