//! The reporter's task: when a report is due, and what is done when it could not be sent.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::ReporterStatus;
use crate::error::{Error, ErrorKind};
use crate::fleet::report::Report;
use crate::fleet::report_sink::ReportSink;
use crate::fleet::usage_tracker::{Horizon, UsageTracker};
use crate::refresh::Status;

/// What the reporter runs: waits for news, and tells it.
pub(super) struct Task<O> {
    pub(super) word: UsageTracker,
    /// `None` when the refreshable is gone.
    pub(super) watched: Option<watch::Receiver<Status>>,
    pub(super) nudge: Arc<Notify>,
    pub(super) outbox: O,
    pub(super) live_horizon: Horizons,
    pub(super) rng: Rng,
    pub(super) next: Report,
    pub(super) due: Instant,
    pub(super) not_before: Instant,
    pub(super) status: watch::Sender<ReporterStatus>,
    pub(super) secret: metrics::SharedString,
}

/// What the live generation's horizon is.
pub(super) type Horizons = Box<dyn Fn() -> Option<Horizon> + Send + Sync>;
/// How long the goodbye may take, and who waits for it.
pub(super) type Farewell = (Duration, oneshot::Sender<Result<(), Error>>);

impl<O: ReportSink> Task<O> {
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<Farewell>) {
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

/// Returns when the status has changed. That the refreshable is gone is no change.
async fn changed(watched: &mut Option<watch::Receiver<Status>>) {
    if let Some(receiver) = watched {
        if receiver.changed().await.is_ok() {
            return;
        }
        *watched = None;
    }
    std::future::pending().await
}

pub(super) fn describe() {
    describe_counter!(
        "credswap_reports_total",
        "Reports of the versions in use, by whether they were sent"
    );
    describe_gauge!(
        "credswap_report_failures",
        "Reports that could not be sent since the last that was"
    );
}

/// Changes within this time are told together.
const COALESCE: Duration = Duration::from_millis(100);
/// The first wait before a report that could not be sent is sent anew; the longest is a sixth of the TTL.
const RETRY: Duration = Duration::from_millis(200);
