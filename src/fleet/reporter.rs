//! The consumer's side: watches a reloader and reports what it uses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::instance::{Incarnation, InstanceId};
use super::outbox::Outbox;
use super::report::Report;
use super::word::{Horizon, Word};
use crate::error::{Error, ErrorKind};
use crate::hot::Lease;
use crate::reload::{Reloader, Status};

/// Changes within this time are told together.
const COALESCE: Duration = Duration::from_millis(100);
/// The first wait before a report that could not be sent is sent anew; the longest is a sixth of the TTL.
const RETRY: Duration = Duration::from_millis(200);
/// What a TTL may be: as the ledger's default limits have it.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));

/// Reports which version of a secret this process uses, from its start to its end.
///
/// A report goes out at once when something changes, and as a sign of life after a third of the TTL. When the reporter
/// is dropped it ends without a goodbye, and its last report counts until the TTL has passed.
///
/// It does not keep the reloader running. When the reloader is gone its last status stays true, as leases do, and goes
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

/// What the live generation's horizon is.
type Horizons = Box<dyn Fn() -> Option<Horizon> + Send + Sync>;
/// How long the goodbye may take, and who waits for it.
type Farewell = (Duration, oneshot::Sender<Result<(), Error>>);

impl Reporter {
    /// Plans a reporter of what `keys` uses of `secret`, the name or ARN that its source reads.
    pub fn builder<V, O>(keys: &Reloader<V>, secret: impl Into<String>, outbox: O) -> Builder<O>
    where
        V: Send + Sync + 'static,
        O: Outbox,
    {
        let hot = keys.hot();
        Builder {
            watched: keys.watch_status(),
            secret: secret.into(),
            outbox,
            instance: None,
            ttl: Duration::from_secs(90),
            live_horizon: Box::new(move || {
                let lease = hot.lease();
                Some((Lease::generation(&lease), Lease::hold(&lease).horizon()?))
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
    pub fn watch_status(&self) -> watch::Receiver<ReporterStatus> {
        self.status.clone()
    }

    /// Reports soon, as when something changes: say it after a URL has been signed.
    pub fn report_soon(&self) {
        self.nudge.notify_one();
    }

    /// Says goodbye: from now on this process uses no version any more, except for those whose drain is still
    /// awaited, and for signed URLs. Say it last, after [`Reloader::shutdown`], when the live value is out of use, too.
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

impl<O: Outbox> Builder<O> {
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
        describe();
        tracing::info!(%instance, %incarnation, secret = self.secret, "reports what it uses");
        let (status, watched) = watch::channel(ReporterStatus::default());
        let (stop, stopped) = oneshot::channel();
        let nudge = Arc::new(Notify::new());
        let task = Task {
            word: Word::new(first, now),
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

struct Task<O> {
    word: Word,
    /// `None` when the reloader is gone.
    watched: Option<watch::Receiver<Status>>,
    nudge: Arc<Notify>,
    outbox: O,
    live_horizon: Horizons,
    rng: Rng,
    next: Report,
    due: Instant,
    not_before: Instant,
    status: watch::Sender<ReporterStatus>,
    secret: metrics::SharedString,
}

impl<O: Outbox> Task<O> {
    async fn run(mut self, mut stop: oneshot::Receiver<Farewell>) {
        let farewell = loop {
            tokio::select! {
                biased;
                farewell = &mut stop => break farewell,
                () = changed(&mut self.watched) => {
                    if self.observe() {
                        self.soon();
                    }
                }
                () = self.nudge.notified() => self.soon(),
                () = sleep_until(self.due) => {
                    let sent = tokio::select! {
                        biased;
                        farewell = &mut stop => break farewell,
                        sent = self.send(false) => sent,
                    };
                    self.plan(sent);
                }
            }
        };
        // An error means that the reporter was dropped.
        if let Ok((within, answer)) = farewell {
            self.observe();
            let _ = answer.send(self.bid_farewell(within).await);
        }
    }

    /// Whether there is news.
    fn observe(&mut self) -> bool {
        let Some(watched) = &mut self.watched else {
            return false;
        };
        let status = watched.borrow_and_update().clone();
        self.word.observe(status, Instant::now())
    }

    fn soon(&mut self) {
        self.due = self.due.min(self.not_before.max(Instant::now()));
    }

    fn plan(&mut self, sent: Result<(), Error>) {
        let now = Instant::now();
        match sent {
            Ok(()) => {
                counter!("credswap_reports_total", "secret" => self.secret.clone(), "outcome" => "sent").increment(1);
                self.status.send_modify(|status| {
                    if status.consecutive_failures > 0 {
                        tracing::info!("reports are sent again");
                    }
                    status.sent += 1;
                    status.consecutive_failures = 0;
                });
                self.not_before = now + COALESCE;
                // Never later than a third of the TTL, and not all instances at once.
                self.due = now + (self.next.ttl / 3).mul_f64(1.0 - 0.1 * self.rng.f64());
            }
            Err(error) => {
                counter!("credswap_reports_total", "secret" => self.secret.clone(), "outcome" => "failed").increment(1);
                let mut failures = 0;
                self.status.send_modify(|status| {
                    status.consecutive_failures = status.consecutive_failures.saturating_add(1);
                    failures = status.consecutive_failures;
                    tracing::warn!(kind = %error.kind(), error = %error.report(), failures, "a report could not be sent");
                    status.last_error = Some(error);
                });
                self.not_before = now + self.backoff(failures);
                self.due = self.not_before;
            }
        }
        gauge!("credswap_report_failures", "secret" => self.secret.clone())
            .set(f64::from(self.status.borrow().consecutive_failures));
    }

    fn backoff(&mut self, failures: u32) -> Duration {
        let doubled = RETRY
            * 2_u32
                .saturating_pow(failures.saturating_sub(1))
                .min(1 << 16);
        doubled
            .min(self.next.ttl / 6)
            .mul_f64(0.5 + 0.5 * self.rng.f64())
    }

    /// Each attempt is a new report: what it says is true now, and a late one before it can not replace it.
    async fn send(&mut self, goodbye: bool) -> Result<(), Error> {
        self.next.sequence += 1;
        let (live, now) = ((self.live_horizon)(), Instant::now());
        if goodbye {
            self.word.bid_farewell(&mut self.next, live, now);
        } else {
            self.word.tell(&mut self.next, live, now);
        }
        let value = self.next.encode()?;
        let within = self.next.ttl / 3;
        let sending = self.outbox.send(self.next.key(), value);
        timeout(within, sending).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("a report was not sent within {within:?}"),
            ))
        })
    }

    async fn bid_farewell(mut self, within: Duration) -> Result<(), Error> {
        let mut last = Error::new(
            ErrorKind::Timeout,
            format!("the goodbye was not sent within {within:?}"),
        );
        let trying = async {
            for failures in 1.. {
                match self.send(true).await {
                    Ok(()) => return,
                    Err(error) => last = error,
                }
                let wait = self.backoff(failures);
                tokio::time::sleep(wait).await;
            }
        };
        match timeout(within, trying).await {
            Ok(()) => Ok(()),
            Err(_) => Err(last),
        }
    }
}

/// Returns when the status has changed. That the reloader is gone is no change.
async fn changed(watched: &mut Option<watch::Receiver<Status>>) {
    if let Some(receiver) = watched {
        if receiver.changed().await.is_ok() {
            return;
        }
        *watched = None;
    }
    std::future::pending().await
}

fn describe() {
    describe_counter!(
        "credswap_reports_total",
        "Reports of the versions in use, by whether they were sent"
    );
    describe_gauge!(
        "credswap_report_failures",
        "Reports that could not be sent since the last that was"
    );
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
