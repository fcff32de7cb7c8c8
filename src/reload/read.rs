//! One look at the source: fetch, compare, connect, check. Decides nothing about when, and publishes nothing.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::bounds::Bounds;
use super::builder::OnForbidden;
use crate::connect::{Connect, Verdict};
use crate::error::{Error, ErrorKind};
use crate::hot::Hold;
use crate::secret::{Secret, VersionId};
use crate::source::Source;

/// What a look needs, and what does not change from look to look.
pub(super) struct Parts<S, C> {
    pub(super) source: S,
    pub(super) connect: C,
    pub(super) bounds: Bounds,
    pub(super) on_forbidden: OnForbidden,
}

/// The versions that lead to no connect.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) live: Option<VersionId>,
    pub(super) left_lately: Vec<VersionId>,
}

pub(super) enum Read<V> {
    Unchanged,
    /// A version left so lately that this read is taken for a stale one.
    Stale(VersionId),
    New(Box<Proven<V>>),
    NotYet(VersionId, Error),
}

/// A value that connected and passed its check.
pub(super) struct Proven<V> {
    pub(super) secret: Secret,
    pub(super) value: V,
    pub(super) hold: Hold,
}

/// Runs `look` as a task of its own, so that a panic in a source, a connect or a check ends that look and not the
/// loop. Cancel safe: dropping the future aborts the task.
pub(super) async fn guarded<T: Send + 'static>(
    look: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let mut task = JoinSet::new();
    task.spawn(look);
    match task.join_next().await {
        Some(Ok(result)) => result,
        // The panic's message is not quoted: it is foreign text, and may hold what the code was working on.
        _ => Err(Error::new(
            ErrorKind::Panicked,
            "the source, the connect or the check panicked",
        )),
    }
}

impl<S: Source, C: Connect> Parts<S, C> {
    pub(super) async fn read(&self, known: Known) -> Result<Read<C::Value>, Error> {
        let secret = within(self.bounds.fetch, "reading the secret", self.source.fetch()).await??;
        let version = secret.version();
        if known.live.as_ref() == Some(version) {
            return Ok(Read::Unchanged);
        }
        if known.left_lately.contains(version) {
            return Ok(Read::Stale(version.clone()));
        }

        let hold = Hold::new();
        let value = within(
            self.bounds.connect,
            "connecting with the new secret",
            self.connect.connect(&secret, &hold),
        )
        .await??;
        let verdict = within(
            self.bounds.check,
            "checking the new value",
            self.connect.check(&value),
        )
        .await?;
        let accept = match verdict {
            Verdict::Good => Ok(()),
            Verdict::NotYet(error) => return Ok(Read::NotYet(version.clone(), error)),
            Verdict::Forbidden(error) if self.on_forbidden == OnForbidden::Accept => {
                tracing::warn!(%version, error = %error.report(), "the new value is genuine but not permitted; accepted as configured");
                Ok(())
            }
            Verdict::Bad(error) | Verdict::Forbidden(error) | Verdict::Unknown(error) => Err(error),
        };
        accept.map(|()| {
            Read::New(Box::new(Proven {
                secret,
                value,
                hold,
            }))
        })
    }
}

async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    timeout(limit, work).await.map_err(|_| {
        Error::new(
            ErrorKind::Timeout,
            format!("{what} took longer than {limit:?}"),
        )
    })
}
