//! What the requests that are signed with one key experience, in all clients of a refreshable.
//!
//! A request may be rejected for its own reasons although its key is good: its signature was spoilt on the way, or it was sent to
//! the wrong service. What tells the two apart is a success that was *signed after* the rejected attempt was: then the key was
//! alive.
//!
//! To know which was signed when, without a clock and without a store for each attempt, identities have a *mark*: a number that
//! rises with a rejection, at most by one for all attempts that have the same mark. Who has a higher mark was signed later. As
//! long as nothing is rejected nothing is marked, and a success costs one relaxed load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::util::lock::lock;

/// After how many unexplained denials in a row a key may be dead.
const DENIALS: u32 = 5;
/// How many times as long as its wait a rejection is remembered.
const WINDOWS: u32 = 4;

#[derive(Debug)]
pub(super) struct Experience {
    /// Whether successes matter: something was rejected since the last one.
    watching: AtomicBool,
    /// Whether there is a marked identity.
    is_marked: AtomicBool,
    /// The identity to sign with, if it has a mark.
    marked: ArcSwapOption<Identity>,
    /// The highest mark of a success.
    proven: watch::Sender<u64>,
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    /// The mark of the identity that is signed with now.
    mark: u64,
    /// When the rejection came that opened the window in which requests wait.
    first_rejection: Option<Instant>,
    /// When a refresh was last requested because of a rejection that proves little.
    requested: Option<Instant>,
    /// When the refresh before that one was.
    refreshed: Option<SystemTime>,
    /// When a rejection that proves little was last reported.
    reported: Option<Instant>,
    /// Unexplained denials since the last success.
    denials: u32,
    /// When a refresh was last requested because of them.
    denied: Option<Instant>,
}

/// The mark of an identity, in its credentials' properties.
#[derive(Debug, Clone, Copy)]
struct Mark(u64);

impl Experience {
    pub(super) fn new() -> Self {
        Self {
            watching: AtomicBool::new(false),
            is_marked: AtomicBool::new(false),
            marked: ArcSwapOption::empty(),
            proven: watch::Sender::new(0),
            past: Mutex::default(),
        }
    }

    /// Returns the identity to sign with: `unmarked`, or a marked one.
    pub(super) fn identity(&self, unmarked: &Identity) -> Identity {
        // Relaxed: who does not see it yet is signed with the identity from before, and counts as signed before.
        if !self.is_marked.load(Ordering::Relaxed) {
            return unmarked.clone();
        }
        match &*self.marked.load() {
            Some(marked) => Identity::clone(marked),
            None => unmarked.clone(),
        }
    }

    /// Returns the mark of an identity; 0 for none.
    pub(super) fn mark_of(identity: &Identity) -> u64 {
        let mark = identity
            .data::<Credentials>()
            .and_then(|c| c.get_property());
        mark.map_or(0, |Mark(mark)| *mark)
    }

    /// Returns whether successes are to be noted.
    pub(super) fn is_watching(&self) -> bool {
        // Nothing else is read because of it; a success that is missed is followed by others.
        self.watching.load(Ordering::Relaxed)
    }

    /// Notes that an attempt with this mark was accepted by a service: answered, or denied by name.
    pub(super) fn note_success(&self, mark: u64) {
        let mut past = lock(&self.past);
        past.denials = 0;
        if mark >= past.mark {
            past.first_rejection = None;
            self.watching.store(false, Ordering::Relaxed);
        }
        self.proven.send_if_modified(|proven| {
            let is_news = mark > *proven;
            *proven = mark.max(*proven);
            is_news
        });
    }

    /// Notes that an attempt with this mark was rejected, so that it can be told from those that are signed from now on.
    /// `credentials` are those of the key.
    pub(super) fn note_rejection(&self, mark: u64, credentials: &Credentials) {
        let mut past = lock(&self.past);
        if past.mark == mark {
            past.mark += 1;
            let mut credentials = credentials.clone();
            credentials.set_property(Mark(past.mark));
            let identity = Identity::from(credentials);
            self.marked.store(Some(Arc::new(identity)));
            self.is_marked.store(true, Ordering::Relaxed);
        }
        self.watching.store(true, Ordering::Relaxed);
    }

    /// Returns whether an attempt succeeded that was signed after one with this mark.
    pub(super) fn is_proven_after(&self, mark: u64) -> bool {
        *self.proven.borrow() > mark
    }

    /// Waits until an attempt succeeds that was signed after one with this mark.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn proven_after(&self, mark: u64) {
        // The sender is in `self`: it does not close.
        let _ = self
            .proven
            .subscribe()
            .wait_for(|proven| *proven > mark)
            .await;
    }

    /// Returns whether the key was once found alive after a rejection.
    pub(super) fn was_proven(&self) -> bool {
        *self.proven.borrow() > 0
    }

    /// Opens the window in which requests wait for a newer key, or returns until when it is open; `None` if it has closed:
    /// it is not worth waiting for a key that does not come. After four of its lengths a new one may open.
    pub(super) fn window(&self, wait: Duration) -> Option<Instant> {
        let now = Instant::now();
        let first = &mut lock(&self.past).first_rejection;
        match *first {
            Some(at) if now < at + wait * WINDOWS => (now < at + wait).then_some(at + wait),
            _ => {
                *first = Some(now);
                Some(now + wait)
            }
        }
    }

    /// Returns whether to request a refresh because of a rejection that proves little (once in a while), and when the refresh
    /// before the one that was requested so was. `refreshed` is when the last one was.
    pub(super) fn may_request(&self, wait: Duration, refreshed: SystemTime) -> (bool, SystemTime) {
        let past = &mut *lock(&self.past);
        let is_due = once_in(&mut past.requested, wait * WINDOWS);
        if is_due {
            past.refreshed = Some(refreshed);
        }
        (is_due, past.refreshed.unwrap_or(refreshed))
    }

    /// Returns whether to report a rejection that proves little: once in a while.
    pub(super) fn may_report(&self, wait: Duration) -> bool {
        once_in(&mut lock(&self.past).reported, wait * WINDOWS)
    }

    /// Notes a denial that does not say why. Returns whether to request a refresh: after several in a row, once in a while.
    pub(super) fn note_denial(&self, wait: Duration) -> bool {
        self.watching.store(true, Ordering::Relaxed);
        let mut past = lock(&self.past);
        past.denials = past.denials.saturating_add(1);
        past.denials >= DENIALS && once_in(&mut past.denied, wait * WINDOWS)
    }
}

/// Returns whether the last time is at least `interval` ago, and if so, makes this the last time.
fn once_in(last: &mut Option<Instant>, interval: Duration) -> bool {
    let now = Instant::now();
    let is_due = last.is_none_or(|at| now >= at + interval);
    if is_due {
        *last = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(15);

    fn key() -> (Credentials, Identity) {
        let credentials = Credentials::new("AKIDEXAMPLE", "none", None, None, "test");
        let identity = Identity::from(credentials.clone());
        (credentials, identity)
    }

    #[test]
    fn only_a_success_that_was_signed_later_proves_a_key() {
        let (credentials, unmarked) = key();
        let experience = Experience::new();
        let rejected = Experience::mark_of(&experience.identity(&unmarked));
        let same = Experience::mark_of(&experience.identity(&unmarked));
        experience.note_rejection(rejected, &credentials);
        experience.note_success(same);
        assert!(
            !experience.is_proven_after(rejected),
            "it may have been signed before"
        );
        assert!(experience.is_watching());
        let later = Experience::mark_of(&experience.identity(&unmarked));
        experience.note_rejection(rejected, &credentials);
        experience.note_success(later);
        assert!(experience.is_proven_after(rejected));
        assert!(!experience.is_watching(), "there is nothing left to prove");
        assert!(!experience.is_proven_after(later));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_wait_in_one_window_and_again_after_four() {
        let experience = Experience::new();
        let begun = Instant::now();
        assert_eq!(experience.window(WAIT), Some(begun + WAIT));
        tokio::time::advance(WAIT - Duration::from_millis(1)).await;
        assert_eq!(experience.window(WAIT), Some(begun + WAIT));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(experience.window(WAIT), None);
        tokio::time::advance(3 * WAIT - Duration::from_millis(1)).await;
        assert_eq!(experience.window(WAIT), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(experience.window(WAIT), Some(Instant::now() + WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_closes_the_window_of_the_rejections_before_it() {
        let (credentials, unmarked) = key();
        let experience = Experience::new();
        assert!(experience.window(WAIT).is_some());
        experience.note_rejection(0, &credentials);
        tokio::time::advance(WAIT * 2).await;
        assert_eq!(experience.window(WAIT), None);
        experience.note_success(Experience::mark_of(&experience.identity(&unmarked)));
        assert_eq!(experience.window(WAIT), Some(Instant::now() + WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn denials_in_a_row_request_a_refresh_once_in_a_while() {
        let experience = Experience::new();
        let due = |times: usize| (0..times).filter(|_| experience.note_denial(WAIT)).count();
        assert_eq!(due(4), 0);
        experience.note_success(0);
        assert_eq!((due(4), due(1), due(100)), (0, 1, 0));
        tokio::time::advance(WAIT * 4).await;
        assert_eq!(due(100), 1);
    }
}
