//! When to refresh again without being asked, and why.
//!
//! Pure: instants in, instants out. Each reason to refresh again has its own field, and the next refresh is due at the
//! soonest of them.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::timeouts::Timeouts;
use crate::secret::VersionId;
use crate::util::Delays;

pub(super) struct Schedule {
    timeouts: Timeouts,
    rng: Rng,
    /// The version is expected to change: fetch until it does.
    expect: Option<Series>,
    /// It was expected to change when the source failed.
    interrupted: bool,
    /// A version is not propagated yet.
    propagating: Option<(VersionId, Series)>,
    /// The last refresh failed.
    retry: Option<(Instant, Delays)>,
    /// Fetches before this may have been stale: fetch once more then.
    settled: Option<Instant>,
    /// When to refresh because the material expires, and when it does.
    renew: Option<(Instant, Instant)>,
    /// When something deferred is due.
    deferred: Option<Instant>,
}

/// Two ends that differ by less are the same: they are computed from two clocks.
const SAME_END: Duration = Duration::from_secs(1);

/// Fetches with backoff until an end.
struct Series {
    next: Instant,
    end: Instant,
    delays: Delays,
}

impl Schedule {
    pub(super) fn new(timeouts: Timeouts, rng: Rng) -> Self {
        Self {
            timeouts,
            rng,
            expect: None,
            interrupted: false,
            propagating: None,
            retry: None,
            settled: None,
            renew: None,
            deferred: None,
        }
    }

    /// Returns when the next refresh is due, if any.
    pub(super) fn next(&self) -> Option<Instant> {
        [
            self.expect.as_ref().map(|series| series.next),
            self.propagating.as_ref().map(|(_, series)| series.next),
            self.retry.as_ref().map(|(at, _)| *at),
            self.settled,
            self.renew.map(|(at, _)| at),
            self.deferred,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A refresh begins: what is due is done by it. Returns whether the material is about to expire.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let expires = self.renew.take_if(|(at, _)| *at <= now).is_some();
        for once in [&mut self.settled, &mut self.deferred] {
            if once.is_some_and(|at| at <= now) {
                *once = None;
            }
        }
        expires
    }

    /// Returns whether the version is still expected to change.
    pub(super) fn expects_change(&self) -> bool {
        self.expect.is_some() || self.interrupted
    }

    /// The version is expected to change.
    pub(super) fn expect_change(&mut self, now: Instant) {
        let end = now + self.timeouts.stale_reads;
        match &mut self.expect {
            // Requested again: longer, but not faster. A flood of events must not keep the fetches at their fastest.
            Some(series) => series.end = end,
            None => self.expect = Some(Series::new(self.poll(), now, end)),
        }
    }

    /// Fetches may be stale for a while: fetch once more after it.
    pub(super) fn once_settled(&mut self, from: Instant) {
        let at = from + self.timeouts.stale_reads;
        self.settled = Some(self.settled.map_or(at, |before| before.max(at)));
    }

    /// Refreshes again at `at`: requests were deferred, or what was fetched counts as stale, until then.
    pub(super) fn not_before(&mut self, at: Instant) {
        // The sooner of the two is enough: if the other's cause still stands, that refresh defers it again.
        self.deferred = Some(self.deferred.map_or(at, |before| before.min(at)));
    }

    /// The material expires in `left`: refresh when three quarters of that have passed. What is known already stays.
    pub(super) fn renew_within(&mut self, now: Instant, left: Duration) {
        let end = now + left;
        let is_known = self
            .renew
            .is_some_and(|(_, known)| end.max(known) - end.min(known) < SAME_END);
        if !is_known {
            self.renew = Some((now + left.mul_f64(0.75).max(Duration::from_secs(1)), end));
        }
    }

    /// A refresh found nothing new.
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

    /// A refresh found a new version, and it is live.
    pub(super) fn swapped(&mut self) {
        self.retry = None;
        self.propagating = None;
        self.expect = None;
        self.interrupted = false;
        self.renew = None;
    }

    /// A refresh failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.propagating = None;
        // While the source does not answer, the retries set the pace; what was expected is expected again as soon as it
        // does.
        self.interrupted |= self.expect.take().is_some();
        let backoff = self.timeouts.retry;
        let (at, delays) = self
            .retry
            .get_or_insert_with(|| (now, backoff.delays(&mut self.rng)));
        *at = now + delays.next();
    }

    /// A refresh found a version that is not propagated yet. Returns `false` if its time is over.
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
                let series = Series::new(self.poll(), now, now + self.timeouts.propagation);
                self.propagating = Some((version.clone(), series));
                true
            }
        }
    }

    fn poll(&mut self) -> Delays {
        self.timeouts.poll.delays(&mut self.rng)
    }
}

impl Series {
    fn new(mut delays: Delays, now: Instant, end: Instant) -> Self {
        let next = now + delays.next();
        Self { next, end, delays }
    }

    /// Sets the next fetch; returns `false` when the series has ended with the fetch that was just made.
    fn advance(&mut self, now: Instant) -> bool {
        if now >= self.end {
            return false;
        }
        // The last fetch is made at the end, not somewhere before it.
        self.next = (now + self.delays.next()).min(self.end);
        true
    }
}

#[cfg(test)]
mod tests;
