//! The reporter's task: waits for changes, sends reports, and repeats those that failed.

use std::sync::Arc;
use std::time::Duration;

use metrics::{SharedString, counter, describe_counter, describe_gauge, gauge};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::report_sink::ReportSink;
use super::schedule::Schedule;
use super::status::ReporterStatus;
use super::usage_tracker::{ReadLivePin, UsageTracker};
use crate::error::{Error, ErrorKind};
use crate::fleet::report::Report;
use crate::refresh::Status;

/// The state of a running reporter.
pub(super) struct Task<S> {
    pub(super) tracker: UsageTracker,
    /// `None` when the refreshable is gone.
    pub(super) refreshed: Option<watch::Receiver<Status>>,
    pub(super) live_pin: ReadLivePin,
    pub(super) report_now: Arc<Notify>,
    pub(super) schedule: Schedule,
    /// The last report; the next one is filled in here.
    pub(super) report: Report,
    pub(super) sink: S,
    pub(super) status: watch::Sender<ReporterStatus>,
}

/// A request to send the final report.
pub(super) struct Shutdown {
    pub(super) timeout: Duration,
    pub(super) done: oneshot::Sender<Result<(), Error>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Alive,
    Final,
}

impl<S: ReportSink> Task<S> {
    pub(super) async fn run(mut self, mut shutdown: oneshot::Receiver<Shutdown>) {
        let shutdown = loop {
            tokio::select! {
                biased;
                shutdown = &mut shutdown => break shutdown,
                () = changed(&mut self.refreshed) => {
                    if self.observe() {
                        self.schedule.soon(Instant::now());
                    }
                }
                () = self.report_now.notified() => self.schedule.soon(Instant::now()),
                () = sleep_until(self.schedule.due()) => {
                    let sent = tokio::select! {
                        biased;
                        shutdown = &mut shutdown => break shutdown,
                        sent = self.send(Kind::Alive) => sent,
                    };
                    match sent {
                        Ok(()) => self.record_sent(),
                        Err(error) => self.record_failed(error),
                    }
                }
            }
        };
        // An error means that the reporter was dropped.
        if let Ok(Shutdown { timeout, done }) = shutdown {
            self.observe();
            let _ = done.send(self.send_final(timeout).await);
        }
    }

    /// Takes the refreshable's status over. Returns whether it has to be reported.
    fn observe(&mut self) -> bool {
        let Some(refreshed) = &mut self.refreshed else {
            return false;
        };
        let status = refreshed.borrow_and_update().clone();
        self.tracker.observe(status, Instant::now())
    }

    /// Sends a report. Each attempt is a new one: it says what is true now, and an earlier one that arrives late cannot
    /// replace it.
    async fn send(&mut self, kind: Kind) -> Result<(), Error> {
        self.report.sequence += 1;
        let (live_pin, now) = ((self.live_pin)(), Instant::now());
        match kind {
            Kind::Alive => self.tracker.fill(&mut self.report, live_pin, now),
            Kind::Final => self.tracker.fill_final(&mut self.report, live_pin, now),
        }
        let value = self.report.encode()?;
        let longest = self.report.ttl / 3;
        let sending = self.sink.send(self.report.key(), value);
        timeout(longest, sending).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("sending a usage report took longer than {longest:?}"),
            ))
        })
    }

    /// Sends the final report, and repeats failed attempts until the timeout.
    async fn send_final(mut self, longest: Duration) -> Result<(), Error> {
        let mut last_error = Error::new(
            ErrorKind::Timeout,
            format!("sending the final usage report took longer than {longest:?}"),
        );
        // A new series of delays: what failed before says nothing about how urgent this is.
        self.schedule.restart_backoff();
        let attempts = async {
            while let Err(error) = self.send(Kind::Final).await {
                last_error = error;
                self.schedule.failed(Instant::now());
                sleep_until(self.schedule.due()).await;
            }
        };
        timeout(longest, attempts).await.map_err(|_| last_error)
    }

    fn record_sent(&mut self) {
        self.schedule.sent(Instant::now());
        self.count("sent");
        self.status.send_modify(|status| {
            if status.consecutive_failures > 0 {
                tracing::info!(secret = %self.report.secret_id, "usage reports are sent again");
            }
            status.sent += 1;
            status.consecutive_failures = 0;
        });
        self.set_failures();
    }

    fn record_failed(&mut self, error: Error) {
        self.schedule.failed(Instant::now());
        self.count("failed");
        self.status.send_modify(|status| {
            status.consecutive_failures = status.consecutive_failures.saturating_add(1);
            tracing::warn!(
                secret = %self.report.secret_id,
                kind = %error.kind(),
                error = %error.report(),
                failures = status.consecutive_failures,
                "a usage report could not be sent"
            );
            status.last_error = Some(error);
        });
        self.set_failures();
    }

    fn count(&self, outcome: &'static str) {
        counter!("credswap_reports_total", "secret" => self.label(), "outcome" => outcome)
            .increment(1);
    }

    fn set_failures(&self) {
        let failures = self.status.borrow().consecutive_failures;
        gauge!("credswap_report_failures", "secret" => self.label()).set(f64::from(failures));
    }

    fn label(&self) -> SharedString {
        self.report.secret_id.as_str().to_owned().into()
    }
}

/// Returns when the status has changed. The end of the refreshable is not a change.
async fn changed(refreshed: &mut Option<watch::Receiver<Status>>) {
    if let Some(receiver) = refreshed {
        if receiver.changed().await.is_ok() {
            return;
        }
        *refreshed = None;
    }
    std::future::pending().await
}

pub(super) fn describe_metrics() {
    describe_counter!(
        "credswap_reports_total",
        "Usage reports, by whether they were sent"
    );
    describe_gauge!(
        "credswap_report_failures",
        "Usage reports that failed since the last one that was sent"
    );
}
