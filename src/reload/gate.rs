//! Limits the looks that triggers can cause: a forged event must stay cheap.
//!
//! A token bucket in which a look that found something new gives its token back: real rotations, however many,
//! never run dry.

use std::time::Duration;

use tokio::time::Instant;

const BURST: f64 = 10.0;
const SECONDS_PER_TOKEN: f64 = 5.0;

#[derive(Debug)]
pub(super) struct Gate {
    tokens: f64,
    as_of: Instant,
}

impl Gate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            as_of: now,
        }
    }

    /// Takes a token for a look now, or says when there will be one.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Instant> {
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

    /// The look was worth it.
    pub(super) fn refund(&mut self) {
        self.tokens = (self.tokens + 1.0).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fruitless_looks_are_limited_and_fruitful_ones_are_not() {
        let mut now = Instant::now();
        let mut gate = Gate::new(now);
        for _ in 0..1000 {
            gate.admit(now).expect("fruitful");
            gate.refund();
        }
        for _ in 0..10 {
            gate.admit(now).expect("within the burst");
        }
        let mut admitted = 0;
        for _ in 0..600 {
            now += Duration::from_millis(100);
            admitted += u32::from(gate.admit(now).is_ok());
        }
        assert_eq!(admitted, 12, "one in five seconds, for a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_it_names_is_that_of_the_next_token() {
        let begun = Instant::now();
        let mut gate = Gate::new(begun);
        for _ in 0..10 {
            gate.admit(begun).expect("within the burst");
        }
        let token = begun + Duration::from_secs(5);
        for waited in [0, 1000, 2500, 4000] {
            let now = begun + Duration::from_millis(waited);
            let then = gate.admit(now).expect_err("half a token is none");
            assert!(then >= token && then <= token + Duration::from_millis(2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_it_names_is_a_time_at_which_it_admits() {
        let mut now = Instant::now();
        let mut gate = Gate::new(now);
        for _ in 0..25 {
            if let Err(then) = gate.admit(now) {
                assert!(then > now);
                now = then;
                gate.admit(now).expect("the named time");
            }
        }
    }
}
