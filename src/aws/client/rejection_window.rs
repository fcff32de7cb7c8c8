//! Until when requests wait for a key newer than one that was rejected.
//!
//! All requests of a client that one dead key fails wait within one window, which opens with the first rejection. After it
//! they fail at once: it is not worth waiting for a key that does not come. Four window lengths after the first rejection a
//! new window may open.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::util::lock::lock;

#[derive(Debug, Default)]
pub(super) struct RejectionWindow(Mutex<Option<FirstRejection>>);

/// The rejection that opened the window.
#[derive(Debug, Clone, Copy)]
struct FirstRejection {
    generation: u64,
    at: Instant,
}

impl RejectionWindow {
    /// Notes a rejection, and returns until when to wait; `None` if that is not worth it any more.
    pub(super) fn note(&self, generation: u64, wait: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut first = lock(&self.0);
        match *first {
            // A newer key must be live by now.
            Some(f) if f.generation > generation => Some(now + wait),
            Some(f) if f.generation == generation && now < f.at + wait * 4 => {
                (now < f.at + wait).then_some(f.at + wait)
            }
            _ => {
                *first = Some(FirstRejection {
                    generation,
                    at: now,
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
    async fn requests_wait_in_one_window_and_again_after_four() {
        let window = RejectionWindow::default();
        let begun = Instant::now();
        assert_eq!(window.note(1, WAIT), Some(begun + WAIT));
        tokio::time::advance(WAIT - Duration::from_millis(1)).await;
        assert_eq!(window.note(1, WAIT), Some(begun + WAIT));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(window.note(1, WAIT), None);
        tokio::time::advance(3 * WAIT - Duration::from_millis(1)).await;
        assert_eq!(window.note(1, WAIT), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(window.note(1, WAIT), Some(Instant::now() + WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_key_has_its_own_window_and_an_older_one_waits() {
        let window = RejectionWindow::default();
        assert!(window.note(1, WAIT).is_some());
        tokio::time::advance(2 * WAIT).await;
        assert_eq!(window.note(2, WAIT), Some(Instant::now() + WAIT));
        assert_eq!(window.note(1, WAIT), Some(Instant::now() + WAIT));
        tokio::time::advance(2 * WAIT).await;
        assert_eq!(window.note(2, WAIT), None);
    }
}
