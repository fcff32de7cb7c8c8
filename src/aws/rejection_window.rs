//! Until when requests wait for a key newer than the one that was refused.
//!
//! All requests that a dead key fails wait within one window, from its first refusal on. After that they fail at once,
//! as nobody's time is well spent on a key that does not come; four windows later they may wait again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Option<Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    generation: u64,
    since: Instant,
}

impl Refusals {
    /// Notes a refusal, and says until when to wait; `None` if that is not worth it any more.
    pub(super) fn note(&self, generation: u64, wait: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *window {
            Some(w) if w.generation > generation => Some(now + wait), // a newer key must be live by now
            Some(w) if w.generation == generation && now < w.since + wait * 4 => {
                (now < w.since + wait).then_some(w.since + wait)
            }
            _ => {
                *window = Some(Window {
                    generation,
                    since: now,
                });
                Some(now + wait)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn all_wait_within_one_window_then_none_and_after_four_they_may_again() {
        let refusals = Refusals::default();
        let begun = Instant::now();
        assert_eq!(refusals.note(1, WAIT), Some(begun + WAIT));
        tokio::time::advance(WAIT - Duration::from_millis(1)).await;
        assert_eq!(refusals.note(1, WAIT), Some(begun + WAIT));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(refusals.note(1, WAIT), None);
        tokio::time::advance(3 * WAIT - Duration::from_millis(1)).await;
        assert_eq!(refusals.note(1, WAIT), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(refusals.note(1, WAIT), Some(Instant::now() + WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_keys_window_is_its_own_and_an_older_key_has_a_successor() {
        let refusals = Refusals::default();
        assert!(refusals.note(1, WAIT).is_some());
        tokio::time::advance(2 * WAIT).await;
        assert_eq!(refusals.note(2, WAIT), Some(Instant::now() + WAIT));
        assert_eq!(refusals.note(1, WAIT), Some(Instant::now() + WAIT));
        tokio::time::advance(2 * WAIT).await;
        assert_eq!(refusals.note(2, WAIT), None);
    }
}
