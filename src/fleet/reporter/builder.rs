//! Configures a reporter and starts it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::handle::Reporter;
use super::report_sink::ReportSink;
use super::schedule::Schedule;
use super::status::ReporterStatus;
use super::task::{self, Task};
use super::usage_tracker::{LivePin, ReadLivePin, UsageTracker};
use crate::error::{Error, ErrorKind};
use crate::fleet::report::{Incarnation, InstanceId, Report};
use crate::hot::Lease;
use crate::refresh::{Refreshable, Status};
use crate::secret::SecretId;

/// The TTLs that the ledger accepts by default.
const TTL: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(3600);

/// Configures a reporter. See [`Reporter::builder`].
#[must_use = "nothing is reported before `start`"]
pub struct ReporterBuilder<S> {
    refreshed: watch::Receiver<Status>,
    secret_id: Option<SecretId>,
    sink: S,
    instance: Option<InstanceId>,
    ttl: Duration,
    live_pin: ReadLivePin,
    rng: Rng,
}

impl Reporter {
    /// Configures a reporter of what this process uses of the refreshable's secret.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), credswap::Error> {
    /// use std::time::Duration;
    /// use credswap::{Error, Refreshable, Secret, fleet::Reporter};
    ///
    /// # let source = || async { Ok::<_, Error>(Secret::new("…", "version 1")) };
    /// # let connect = |secret: Secret| async move { Ok(secret) };
    /// let key = Refreshable::builder(source, connect).secret_id("prod/uploader").start().await?;
    /// let print = |key: String, value: Vec<u8>| async move {
    ///     println!("{key}: {}", String::from_utf8_lossy(&value));
    ///     Ok::<_, Error>(())
    /// };
    /// let reporter = Reporter::builder(&key, print).ttl(Duration::from_secs(30)).start()?;
    /// // serve
    /// let _ = key.shutdown(Duration::from_secs(30)).await;
    /// reporter.shutdown(Duration::from_secs(5)).await?;
    /// # Ok(()) }
    /// ```
    pub fn builder<V, S>(refreshable: &Refreshable<V>, sink: S) -> ReporterBuilder<S>
    where
        V: Send + Sync + 'static,
        S: ReportSink,
    {
        let hot = refreshable.hot();
        ReporterBuilder {
            refreshed: refreshable.subscribe_status(),
            secret_id: refreshable.secret_id().cloned(),
            sink,
            instance: None,
            ttl: Duration::from_secs(90),
            live_pin: Box::new(move || {
                let lease = hot.lease();
                Some(LivePin {
                    generation: Lease::generation(&lease),
                    until: Lease::token(&lease).pinned_until()?,
                })
            }),
            rng: Rng::new(),
        }
    }
}

impl<S: ReportSink> ReporterBuilder<S> {
    /// Sets the name under which to report; a generated one by default.
    pub fn instance(mut self, instance: InstanceId) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Sets how long a report counts: 5 s to 1 h, 90 s by default. A shorter TTL releases the key of a crashed process
    /// sooner and costs more messages: one every third of it.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Makes the jitter of the waits repeatable, for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = Rng::with_seed(seed);
        self
    }

    /// Starts to report, as a task of the current Tokio runtime. A sink that cannot be reached does not delay the start.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the TTL is out of range, the refreshable does not know its secret's name, or that name is too
    /// long.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub fn start(mut self) -> Result<Reporter, Error> {
        if !TTL.contains(&self.ttl) {
            return Err(Error::new(
                ErrorKind::Config,
                "the TTL of usage reports is out of range: set 5 s to 1 h",
            ));
        }
        let Some(secret_id) = self.secret_id else {
            return Err(Error::new(
                ErrorKind::Config,
                "usage reports need the secret's name or ARN, and the refreshable does not know it: set \
                 `refresh::Builder::secret_id`, or implement `Source::secret_id`",
            ));
        };
        let instance = self.instance.unwrap_or_else(InstanceId::generate);
        let incarnation = Incarnation::start();
        let report = Report::new(
            instance.clone(),
            incarnation,
            0,
            secret_id.clone(),
            self.ttl,
        );
        report.encode()?; // the names are short enough
        let first = self.refreshed.borrow_and_update().clone();
        let (status_sender, status) = watch::channel(ReporterStatus::default());
        let (shutdown, shutdown_request) = oneshot::channel();
        let report_now = Arc::new(Notify::new());
        task::describe_metrics();
        tracing::info!(%instance, %incarnation, secret = %secret_id, "usage reporting started");
        let now = Instant::now();
        let task = Task {
            tracker: UsageTracker::new(first, now),
            refreshed: Some(self.refreshed),
            live_pin: self.live_pin,
            report_now: Arc::clone(&report_now),
            schedule: Schedule::new(self.ttl, self.rng, now),
            report,
            sink: self.sink,
            status: status_sender,
        };
        tokio::spawn(task.run(shutdown_request));
        Ok(Reporter {
            instance,
            incarnation,
            report_now,
            status,
            shutdown: Mutex::new(Some(shutdown)),
        })
    }
}

impl<S> fmt::Debug for ReporterBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReporterBuilder")
            .field("secret_id", &self.secret_id)
            .field("instance", &self.instance)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
