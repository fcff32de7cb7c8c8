//! What follows from a rejected attempt: a report, a refresh, and what to wait for before another attempt.
//!
//! | the service says | and | then |
//! |---|---|---|
//! | anything | a newer key is live | it is replayed with that |
//! | denied, by name | | nothing: the key is genuine |
//! | denied | several times in a row, or with a 401 | a refresh is requested once in a while |
//! | the key is unknown | it is young | the same key is tried again, until it is known |
//! | the key is unknown or its token is invalid | | it is reported, and the request waits for a newer key |
//! | the signature is wrong | | one refresh; the request waits for that |
//!
//! In each of the last three, the request is rejected for its own reasons if another one succeeds that was signed later, and a
//! refresh has found no newer key: where a key has just been deleted, some servers accept it for a while.

use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::time::Instant;

use super::rejected_response::count_rejection;
use super::replay_state::{RejectedKey, SameKeyRetry};
use crate::aws::experience::Experience;
use crate::aws::key::RefreshableCredentials;
use crate::hot::Lease;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::service_error::ServiceError;
use crate::trigger::Reason;
use crate::util::Backoff;
use crate::util::deadline::deadline_in;

/// The delays before a request is repeated with a key that is not known yet. IAM takes seconds; and where a young key is in
/// fact dead, a refresh usually finds its successor within the first delay.
const SAME_KEY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));
/// How often a request is repeated with a young key that others use with success: they may have met servers that know it.
const SAME_KEY_ATTEMPTS: u32 = 3;

/// The reason for one refresh, and another when reads that may have been stale are over.
pub(super) const ONE_REFRESH: Reason = Reason::CatchUp;

/// A rejected attempt.
#[derive(Debug)]
pub(super) struct Rejection {
    /// The generation that signed it.
    pub(super) generation: u64,
    /// The mark of its identity.
    pub(super) mark: u64,
    pub(super) error: AuthError,
    pub(super) answer: ServiceError,
    /// The rejection that the attempt was a replay after.
    pub(super) before: Option<RejectedKey>,
}

impl Rejection {
    /// Reports what is to be reported, and returns what to wait for before another attempt; `None` if that is not worth it.
    pub(super) fn handle(self, credentials: &RefreshableCredentials) -> Option<RejectedKey> {
        let wait = credentials.timeouts().newer_key;
        let live = credentials.lease();
        if Lease::generation(&live) > self.generation {
            // Even where the cause may be the request: with a newer key at hand it is worth another attempt.
            if !self.error.is_ambiguous() {
                count_rejection(credentials.name(), self.error);
                credentials.report_rejected(self.generation);
            }
            return Some(self.rejected_key(deadline_in(wait)));
        }
        let experience = live.experience();
        if self.error.is_ambiguous() {
            self.denied(credentials, experience, wait);
            return None;
        }
        count_rejection(credentials.name(), self.error);
        experience.note_rejection(self.mark, live.credentials());
        let is_unknown = self.error.kind() == AuthErrorKind::UnknownKey;
        if is_unknown && live.age() < credentials.timeouts().propagation {
            return self.too_new(credentials, experience, wait);
        }
        // Without a refresh there is nothing to wait for.
        let requester = credentials.requester()?;
        // A dead key is not known; its signature is wrong only where a secret key may change and its id may not.
        let is_likely_dead = self.error.kind() != AuthErrorKind::WrongSignature;
        let is_refuted = experience.is_proven_after(self.mark);
        let refreshed = credentials.status().last_success;
        let (is_due, refreshed_before) = experience.may_request(wait, refreshed);
        if (is_refuted || !is_likely_dead) && refreshed != refreshed_before {
            return None;
        }
        let reported = is_likely_dead && !is_refuted && !experience.was_proven();
        if reported {
            requester.report_rejected(self.generation);
        } else if is_due {
            requester.request(ONE_REFRESH);
        }
        let deadline = experience.window(wait)?;
        Some(RejectedKey {
            reported,
            is_likely_dead,
            refreshed_before,
            ..self.rejected_key(deadline)
        })
    }

    fn denied(
        &self,
        credentials: &RefreshableCredentials,
        experience: &Experience,
        wait: Duration,
    ) {
        if self.error.proves_key() {
            experience.note_success(self.mark);
            return;
        }
        // Whatever a 401 is called: the request was not authenticated.
        let refreshed = credentials.status().last_success;
        let is_due = experience.note_denial(wait)
            || self.answer.status == 401 && experience.may_request(wait, refreshed).0;
        if is_due && let Some(requester) = credentials.requester() {
            requester.request(ONE_REFRESH);
        }
    }

    /// Each request has the whole time for itself: the key will be known at some point.
    fn too_new(
        self,
        credentials: &RefreshableCredentials,
        experience: &Experience,
        wait: Duration,
    ) -> Option<RejectedKey> {
        if experience.may_report(wait) {
            credentials.report_rejected(self.generation);
        }
        let before = self.before.clone();
        let before = before.filter(|before| before.generation == self.generation);
        let mut rejected = self.rejected_key(deadline_in(wait));
        let retry = before.and_then(|before| {
            (rejected.mark, rejected.deadline) = (before.mark, before.deadline);
            before.retry_same_key
        });
        let (attempts, mut later) = match retry {
            Some(retry) => (retry.attempts + 1, retry.later),
            None => (1, SAME_KEY.delays(&mut Rng::new())),
        };
        let is_known = attempts > SAME_KEY_ATTEMPTS && experience.is_proven_after(rejected.mark);
        let after = later.next();
        (!is_known && Instant::now() < rejected.deadline).then_some(RejectedKey {
            reported: true,
            retry_same_key: Some(SameKeyRetry {
                attempts,
                after,
                later,
            }),
            ..rejected
        })
    }

    fn rejected_key(self, deadline: Instant) -> RejectedKey {
        RejectedKey {
            generation: self.generation,
            mark: self.mark,
            answer: self.answer,
            reported: false,
            is_likely_dead: true,
            deadline,
            refreshed_before: SystemTime::UNIX_EPOCH,
            retry_same_key: None,
        }
    }
}
