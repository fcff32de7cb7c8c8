//! The consumer's side: watches a refreshable and reports what it uses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use self::task::{Farewell, Horizons, Task};
use super::instance::{Incarnation, InstanceId};
use super::report::Report;
use super::report_sink::ReportSink;
use super::usage_tracker::UsageTracker;
use crate::error::{Error, ErrorKind};
use crate::hot::Lease;
use crate::refresh::{Refreshable, Status};

mod task;

/// Reports which version of a secret this process uses, from its start to its end.
///
/// A report goes out at once when something changes, and as a sign of life after a third of the TTL. When the reporter
/// is dropped it ends without a goodbye, and its last report counts until the TTL has passed.
///
/// It does not keep the refreshable running. When the refreshable is gone its last status stays true, as leases do, and goes
/// on being reported.
pub struct Reporter {
    instance: InstanceId,
    incarnation: Incarnation,
    nudge: Arc<Notify>,
    status: watch::Receiver<ReporterStatus>,
    /// Taken by the first shutdown. When it is dropped, the task ends.
    stop: Mutex<Option<oneshot::Sender<Farewell>>>,
}

/// How reporting fares.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReporterStatus {
    /// How many reports have been sent.
    pub sent: u64,
    /// How many have failed since the last that was sent. After three or so the TTL is over: the authority will assume
    /// that this process is gone.
    pub consecutive_failures: u32,
    /// Why the last that failed did; it stays when one succeeds.
    pub last_error: Option<Error>,
}

/// Plans a reporter. See [`Reporter::builder`].
#[must_use = "nothing is reported before `start`"]
pub struct Builder<O> {
    watched: watch::Receiver<Status>,
    secret: String,
    outbox: O,
    instance: Option<InstanceId>,
    ttl: Duration,
    live_horizon: Horizons,
    rng: Rng,
}

impl Reporter {
    /// Plans a reporter of what `keys` uses of `secret`, the name or ARN that its source reads.
    pub fn builder<V, O>(keys: &Refreshable<V>, secret: impl Into<String>, outbox: O) -> Builder<O>
    where
        V: Send + Sync + 'static,
        O: ReportSink,
    {
        let hot = keys.hot();
        Builder {
            watched: keys.subscribe_status(),
            secret: secret.into(),
            outbox,
            instance: None,
            ttl: Duration::from_secs(90),
            live_horizon: Box::new(move || {
                let lease = hot.lease();
                Some((
                    Lease::generation(&lease),
                    Lease::token(&lease).pinned_until()?,
                ))
            }),
            rng: Rng::new(),
        }
    }

    /// Under which name it reports.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// In which of its lives.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// How reporting fares, now.
    pub fn status(&self) -> ReporterStatus {
        self.status.borrow().clone()
    }

    /// How reporting fares, as it changes.
    pub fn subscribe_status(&self) -> watch::Receiver<ReporterStatus> {
        self.status.clone()
    }

    /// Reports soon, as when something changes: say it after a URL has been signed.
    pub fn report_now(&self) {
        self.nudge.notify_one();
    }

    /// Says goodbye: from now on this process uses no version any more, except for those whose drain is still
    /// awaited, and for signed URLs. Say it last, after [`Refreshable::shutdown`], when the live value is out of use, too.
    /// It is tried for at most `within`. A second call returns at once.
    ///
    /// # Errors
    /// The goodbye could not be sent. The last report counts until the TTL has passed.
    ///
    /// # Cancel safety
    /// It goes on if the future is dropped.
    pub async fn shutdown(&self, within: Duration) -> Result<(), Error> {
        let stop = self
            .stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(stop) = stop else { return Ok(()) };
        let (answer, answered) = oneshot::channel();
        let gone = |_| Error::new(ErrorKind::ShutDown, "the reporter's task has ended");
        stop.send((within, answer)).map_err(|_| gone(()))?;
        answered.await.map_err(|_| gone(()))?
    }
}

impl<O: ReportSink> Builder<O> {
    /// Sets the name under which to report; a generated one by default.
    pub fn instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Sets for how long a report is a sign of life: 5 s to 1 h, 90 s by default. A shorter one frees the key of a
    /// crashed process sooner, and costs more messages: one in a third of it.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Makes the jitter of the waits repeatable, for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = Rng::with_seed(seed);
        self
    }

    /// Starts to report, as a task of the current Tokio runtime. A place to report to that can not be reached does not
    /// hold up the start.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the TTL or the secret's name is out of bounds.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub fn start(mut self) -> Result<Reporter, Error> {
        if !(TTL.0..=TTL.1).contains(&self.ttl) {
            return Err(Error::new(
                ErrorKind::Config,
                "the TTL of reports must be from 5 s to 1 h",
            ));
        }
        let instance = self.instance.take().unwrap_or_else(InstanceId::generate);
        let incarnation = Incarnation::begin();
        let first = self.watched.borrow_and_update().clone();
        let now = Instant::now();
        let next = Report::new(
            instance.clone(),
            incarnation,
            0,
            self.secret.as_str(),
            self.ttl,
        );
        next.encode()?; // the names fit
        task::describe();
        tracing::info!(%instance, %incarnation, secret = self.secret, "reports what it uses");
        let (status, watched) = watch::channel(ReporterStatus::default());
        let (stop, stopped) = oneshot::channel();
        let nudge = Arc::new(Notify::new());
        let task = Task {
            word: UsageTracker::new(first, now),
            watched: Some(self.watched),
            nudge: Arc::clone(&nudge),
            outbox: self.outbox,
            live_horizon: self.live_horizon,
            rng: self.rng,
            next,
            due: now,
            not_before: now,
            status,
            secret: self.secret.into(),
        };
        tokio::spawn(task.run(stopped));
        Ok(Reporter {
            instance,
            incarnation,
            nudge,
            status: watched,
            stop: Mutex::new(Some(stop)),
        })
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

/// What a TTL may be: as the ledger's default limits have it.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
