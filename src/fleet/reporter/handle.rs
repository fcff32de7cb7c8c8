//! The handle to a running reporter.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

use super::status::ReporterStatus;
use super::task::Shutdown;
use crate::error::{Error, ErrorKind};
use crate::fleet::report::{Incarnation, InstanceId};
use crate::util::lock::lock;

/// Reports which versions of a secret this process uses, from its start to its shutdown. See [`Reporter::builder`].
///
/// The reporter sends a report at once when something changes, and at least every third of the TTL. When the reporter is
/// dropped without a shutdown, its last report counts until the TTL has passed.
///
/// It does not keep the refreshable running. When the refreshable is gone, the reporter keeps reporting the last status:
/// leases are valid after the refreshable's end.
pub struct Reporter {
    pub(super) instance: InstanceId,
    pub(super) incarnation: Incarnation,
    pub(super) report_now: Arc<Notify>,
    pub(super) status: watch::Receiver<ReporterStatus>,
    /// Taken by the first shutdown. When it is dropped, the task ends.
    pub(super) shutdown: Mutex<Option<oneshot::Sender<Shutdown>>>,
}

impl Reporter {
    /// Returns the name under which it reports.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// Returns the incarnation under which it reports.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns the current status.
    pub fn status(&self) -> ReporterStatus {
        self.status.borrow().clone()
    }

    /// Returns the status, now and as it changes.
    pub fn subscribe_status(&self) -> watch::Receiver<ReporterStatus> {
        self.status.clone()
    }

    /// Sends a report soon, as when something changes. Call it after presigning a URL: until the next report the ledger
    /// does not know of it.
    pub fn report_now(&self) {
        self.report_now.notify_one();
    }

    /// Sends the final report: from now on this process uses no version any more, except for those that still drain and
    /// those that presigned URLs pin. Call it last, after [`Refreshable::shutdown`](crate::Refreshable::shutdown), when the
    /// live value is out of use, too. Failed attempts are repeated until the timeout. A second call returns at once.
    ///
    /// # Errors
    /// The final report could not be sent. The last report counts until the TTL has passed.
    ///
    /// # Cancel safety
    /// The shutdown goes on if the future is dropped.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        let Some(shutdown) = lock(&self.shutdown).take() else {
            return Ok(());
        };
        let ended = || {
            Error::new(
                ErrorKind::ShutDown,
                "the reporter's task has ended with its runtime: shut the reporter down before the runtime",
            )
        };
        let (done, result) = oneshot::channel();
        shutdown
            .send(Shutdown { timeout, done })
            .map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("instance", &self.instance)
            .field("incarnation", &self.incarnation)
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}
