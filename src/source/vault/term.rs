//! How long a lease or a token lasts: when to renew it, and when it must be replaced.
//!
//! Pure: instants in, instants out. A renewal that grants less than the term was granted first has reached the maximum.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

/// The time that was granted to a lease or a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    granted: Instant,
    /// Zero: it does not end.
    ttl: Duration,
    /// The longest time that was granted.
    full: Duration,
    is_renewable: bool,
    is_cut: bool,
}

impl Term {
    /// Creates a term that was granted at `now`. A `ttl` of zero does not end.
    pub(super) fn granted(now: Instant, ttl: Duration, is_renewable: bool) -> Self {
        Self {
            granted: now,
            ttl,
            full: ttl,
            is_renewable,
            is_cut: false,
        }
    }

    /// A renewal granted `ttl` from `now` on.
    pub(super) fn renewed(&mut self, now: Instant, ttl: Duration, is_renewable: bool) {
        self.granted = now;
        self.ttl = ttl;
        self.is_renewable = is_renewable;
        // Vault rounds to seconds; less than that is no maximum.
        self.is_cut |= ttl < self.full.mul_f64(0.95);
        self.full = self.full.max(ttl);
    }

    /// It cannot be extended any more, or is gone already.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Returns when it ends; `None`: never.
    pub(super) fn end(&self) -> Option<Instant> {
        (!self.ttl.is_zero()).then(|| self.granted + self.ttl)
    }

    /// Returns whether a renewal may extend it.
    pub(super) fn is_extendable(&self) -> bool {
        self.is_renewable && !self.is_cut && !self.ttl.is_zero()
    }

    /// Returns when to renew it: at two thirds of what was granted, up to a tenth earlier, so that leases that were granted
    /// together are not renewed together.
    pub(super) fn renew_at(&self, rng: &mut Rng) -> Option<Instant> {
        let two_thirds = self.ttl * 2 / 3;
        self.is_extendable()
            .then(|| self.granted + two_thirds.mul_f64(1.0 - 0.1 * rng.f64()))
    }

    /// Returns whether it was granted so short a time ago that no renewal is due.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.granted) < self.ttl / 3
    }

    /// Returns whether what depends on it must be replaced now.
    pub(super) fn is_ending(&self, now: Instant) -> bool {
        let left = |end: Instant| end.saturating_duration_since(now);
        self.is_cut
            || self.end().is_some_and(|end| match self.is_renewable {
                true => left(end).is_zero(),
                false => left(end) <= self.full / 3,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_at_two_thirds_with_jitter() {
        let now = Instant::now();
        let term = Term::granted(now, MINUTE, true);
        let mut rng = Rng::with_seed(1);
        let times: Vec<_> = (0..100)
            .map(|_| (term.renew_at(&mut rng).expect("renewable") - now).as_secs_f64())
            .collect();
        assert!(
            times.iter().all(|at| (36.0..=40.0).contains(at)),
            "{times:?}"
        );
        assert!(times.iter().any(|at| *at < 37.0) && times.iter().any(|at| *at > 39.0));
    }

    #[tokio::test(start_paused = true)]
    async fn each_term_ends_as_it_should() {
        let now = Instant::now();
        let granted =
            |seconds, renewable| Term::granted(now, Duration::from_secs(seconds), renewable);
        let renewed = |seconds, to| {
            let mut term = granted(seconds, true);
            term.renewed(now, Duration::from_secs(to), true);
            term
        };
        let cut = {
            let mut term = granted(60, true);
            term.cut();
            term
        };
        // The term, a time, whether it is ending then, and whether it can be extended.
        let rows = [
            ("renewable", granted(60, true), 59, false, true),
            ("renewable, over", granted(60, true), 60, true, true),
            ("not renewable, new", granted(60, false), 39, false, false),
            (
                "not renewable, two thirds",
                granted(60, false),
                40,
                true,
                false,
            ),
            ("without end", granted(0, false), 1 << 30, false, false),
            (
                "without end, renewable",
                granted(0, true),
                1 << 30,
                false,
                false,
            ),
            ("renewed in full", renewed(60, 60), 1, false, true),
            ("renewed for longer", renewed(60, 90), 1, false, true),
            ("rounded", renewed(3600, 3599), 1, false, true),
            ("at its maximum", renewed(60, 40), 0, true, false),
            ("cut", cut, 0, true, false),
        ];
        for (what, term, at, ending, extendable) in rows {
            assert_eq!(
                term.is_ending(now + Duration::from_secs(at)),
                ending,
                "{what}"
            );
            assert_eq!(term.is_extendable(), extendable, "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_granted_just_now_is_not_renewed_again() {
        let now = Instant::now();
        let term = Term::granted(now, MINUTE, true);
        assert!(term.is_fresh(now + Duration::from_secs(19)));
        assert!(!term.is_fresh(now + Duration::from_secs(20)));
    }
}
