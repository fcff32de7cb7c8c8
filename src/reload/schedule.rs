//! When to look again without being told, and why.
//!
//! Pure: instants in, instants out. Each of the reasons to look again has its own line here, and the next look is the
//! soonest of them.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use fastrand::Rng;
use tokio::time::Instant;

use super::bounds::Bounds;
use crate::secret::VersionId;

pub(super) struct Schedule {
    bounds: Bounds,
    rng: Rng,
    /// The version is expected to change: read until it does.
    expect: Option<Series>,
    /// It was, when the source failed.
    interrupted: bool,
    /// A version waits for its propagation.
    propagating: Option<(VersionId, Series)>,
    /// The last look failed.
    retry: Option<(Instant, ExponentialBackoff)>,
    /// Reads made before this were perhaps stale: read once more then.
    settled: Option<Instant>,
    /// The material expires.
    renew: Option<Instant>,
    /// What had to wait.
    put_off: Option<Instant>,
}

/// Reads with backoff until an end.
struct Series {
    next: Instant,
    end: Instant,
    backoff: ExponentialBackoff,
}

impl Schedule {
    pub(super) fn new(bounds: Bounds, rng: Rng) -> Self {
        Self {
            bounds,
            rng,
            expect: None,
            interrupted: false,
            propagating: None,
            retry: None,
            settled: None,
            renew: None,
            put_off: None,
        }
    }

    /// When the next look is due, if any.
    pub(super) fn next(&self) -> Option<Instant> {
        [
            self.expect.as_ref().map(|series| series.next),
            self.propagating.as_ref().map(|(_, series)| series.next),
            self.retry.as_ref().map(|(at, _)| *at),
            self.settled,
            self.renew,
            self.put_off,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A look begins: what is due is done by it.
    pub(super) fn begin(&mut self, now: Instant) {
        for once in [&mut self.settled, &mut self.renew, &mut self.put_off] {
            if once.is_some_and(|at| at <= now) {
                *once = None;
            }
        }
    }

    /// The version is expected to change.
    pub(super) fn expect_change(&mut self, now: Instant) {
        let end = now + self.bounds.settle;
        match &mut self.expect {
            // Told again: longer, but not faster. A flood of events must not keep the reads at their fastest.
            Some(series) => series.end = end,
            None => self.expect = Some(Series::new(self.poll(), now, end)),
        }
    }

    /// Reads may be stale until the source has settled: look once more then.
    pub(super) fn once_settled(&mut self, from: Instant) {
        let at = from + self.bounds.settle;
        self.settled = Some(self.settled.map_or(at, |before| before.max(at)));
    }

    /// Look again at `at`: triggers were turned away, or what was read counts as stale, until then.
    pub(super) fn not_before(&mut self, at: Instant) {
        // The sooner of the two is enough: if the other's cause still stands, that look puts it off again.
        self.put_off = Some(self.put_off.map_or(at, |before| before.min(at)));
    }

    /// The material expires in `left`: look again when three quarters of it have passed.
    pub(super) fn renew_within(&mut self, now: Instant, left: Duration) {
        self.renew = Some(now + left.mul_f64(0.75).max(Duration::from_secs(1)));
    }

    /// A look found nothing new.
    pub(super) fn unchanged(&mut self, now: Instant) {
        self.retry = None;
        self.propagating = None;
        if std::mem::take(&mut self.interrupted) {
            self.expect_change(now);
        } else if let Some(series) = &mut self.expect
            && !series.advance(now)
        {
            self.expect = None;
        }
    }

    /// A look found a new version, and it is live.
    pub(super) fn swapped(&mut self) {
        self.retry = None;
        self.propagating = None;
        self.expect = None;
        self.interrupted = false;
        self.renew = None;
    }

    /// A look failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.propagating = None;
        // While the source tells nothing, the retries set the pace; what was expected is expected again as soon as it
        // answers.
        self.interrupted |= self.expect.take().is_some();
        let (min, max) = self.bounds.retry;
        let (at, backoff) = self
            .retry
            .get_or_insert_with(|| (now, self.rng.exponential(min, max)));
        *at = now + backoff.next().unwrap_or(max);
    }

    /// A look found a version that is not propagated yet. `false` if its time is over.
    pub(super) fn not_yet(&mut self, version: &VersionId, now: Instant) -> bool {
        self.retry = None;
        self.expect = None; // the change has come; only its propagation is missing
        match &mut self.propagating {
            Some((same, series)) if same == version => {
                let more = series.advance(now);
                if !more {
                    self.propagating = None;
                }
                more
            }
            _ => {
                let series = Series::new(self.poll(), now, now + self.bounds.propagation);
                self.propagating = Some((version.clone(), series));
                true
            }
        }
    }

    fn poll(&mut self) -> ExponentialBackoff {
        let (min, max) = self.bounds.poll;
        self.rng.exponential(min, max)
    }
}

impl Series {
    fn new(mut backoff: ExponentialBackoff, now: Instant, end: Instant) -> Self {
        let next = now + backoff.next().unwrap_or_default();
        Self { next, end, backoff }
    }

    /// Sets the next read; `false` when the series has ended with the read that was just made.
    fn advance(&mut self, now: Instant) -> bool {
        if now >= self.end {
            return false;
        }
        // The last read is made at the end, not somewhere before it.
        self.next = (now + self.backoff.next().unwrap_or_default()).min(self.end);
        true
    }
}

trait Exponential {
    fn exponential(&mut self, min: Duration, max: Duration) -> ExponentialBackoff;
}

impl Exponential for Rng {
    /// Endless, with jitter, never longer than `max` and the jitter.
    fn exponential(&mut self, min: Duration, max: Duration) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(min)
            .with_max_delay(max)
            .with_factor(2.0)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(self.u64(..))
            .build()
    }
}
