//! Limits what triggers can cause: a forged event must stay cheap.
//!
//! A token bucket in which a refresh that found a new version gives its token back: real rotations, however many,
//! never run dry.

use std::time::Duration;

use tokio::time::Instant;

const BURST: f64 = 10.0;
const SECONDS_PER_TOKEN: f64 = 5.0;

#[derive(Debug)]
pub(crate) struct RateLimit {
    tokens: f64,
    as_of: Instant,
}

impl RateLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            as_of: now,
        }
    }

    /// Takes a token for a refresh now, or returns when there will be one.
    pub(crate) fn try_acquire(&mut self, now: Instant) -> Result<(), Instant> {
        let gained = now.saturating_duration_since(self.as_of).as_secs_f64() / SECONDS_PER_TOKEN;
        self.tokens = (self.tokens + gained).min(BURST);
        self.as_of = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) * SECONDS_PER_TOKEN;
        // One millisecond more than computed: a timer that fires early by a rounding must not find 0.999….
        Err(now + Duration::from_secs_f64(missing) + Duration::from_millis(1))
    }

    /// Gives the token back: the refresh found a new version.
    pub(crate) fn refund(&mut self) {
        self.tokens = (self.tokens + 1.0).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_refreshes_that_find_nothing_are_limited() {
        let mut now = Instant::now();
        let mut limit = RateLimit::new(now);
        for _ in 0..1000 {
            limit.try_acquire(now).expect("given back");
            limit.refund();
        }
        for _ in 0..10 {
            limit.try_acquire(now).expect("within the burst");
        }
        let mut admitted = 0;
        for _ in 0..600 {
            now += Duration::from_millis(100);
            admitted += u32::from(limit.try_acquire(now).is_ok());
        }
        assert_eq!(admitted, 12, "one in five seconds, for a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn it_returns_the_time_of_the_next_token() {
        let begun = Instant::now();
        let mut limit = RateLimit::new(begun);
        for _ in 0..10 {
            limit.try_acquire(begun).expect("within the burst");
        }
        let token = begun + Duration::from_secs(5);
        for waited in [0, 1000, 2500, 4000] {
            let now = begun + Duration::from_millis(waited);
            let then = limit
                .try_acquire(now)
                .expect_err("half a token is not enough");
            assert!(then >= token && then <= token + Duration::from_millis(2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_returned_time_it_admits() {
        let mut now = Instant::now();
        let mut limit = RateLimit::new(now);
        for _ in 0..25 {
            if let Err(then) = limit.try_acquire(now) {
                assert!(then > now);
                now = then;
                limit.try_acquire(now).expect("the returned time");
            }
        }
    }
}
