//! What to do with a key that may have to be removed: the rules, without a call.
//!
//! In this order:
//!
//! 1. A key in a version with a label is kept, unless that is `AWSPREVIOUS` alone: somebody may read by any label. If it was
//!    deactivated here before it got the label (a rollback), it is activated again.
//! 2. A key in no version belongs to somebody else, and is never touched; unless it is the leftover of a `createSecret`
//!    (below).
//! 3. A deactivated key that AWS rejects for a consumer, or that was used since its release, is activated again, if it was
//!    deactivated here. A key that was activated again, by whomever, is left alone for a while.
//! 4. A key is removed if all versions that have it are released (`release.rs`): first it is deactivated, then watched, then
//!    deleted. To make room for a new key it is deleted at once, if nobody is only presumed not to use it.
//! 5. A key that is not released is deactivated when the deadline has passed, and never deleted without a release.
//!
//! # Leftovers
//!
//! IAM shows the secret part of a key once. A `createSecret` that crashes between creating a key and storing it leaves one
//! that nobody can use and that no version names; a person may have created such a key as well. It counts as a leftover if
//! all of this is true:
//!
//! - An intent was written before it: `createSecret` writes to a tag, *before* it creates a key, when that is and which keys
//!   exist. The key is not among those, and was created in the time that the intent leaves.
//! - It was never used. Whoever created a key by hand uses it; nobody can use a leftover.
//! - It is older than [`Policy::signature_lifetime`]. Its creator may still run and be about to store it, and must not find
//!   it deleted. A creator writes only until [`Policy::action_deadline`], by the later of two clocks, and never again; AWS
//!   rejects a signature that is 5 minutes old. So nothing can store the key any more.
//!
//! What remains is a key that a person creates within minutes after the crash of a `createSecret` that had not yet created
//! its own, and then does not use for a quarter of an hour. IAM cannot distinguish those two. Everything else that
//! is in doubt is kept, and blocks the rotation with an error that names it.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use super::facts::Facts;
use super::iam::KeyStatus;
use super::release::{Release, is_released, overlap_until, used_since};
use super::tags::KeyState;
use crate::rotation::policy::Policy;
use crate::rotation::report::KeyActionReason;
use crate::rotation::store::PREVIOUS;

/// What the decision is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// To retire the key when its time has come.
    Retire,
    /// To make room for a new key now.
    MakeRoom,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Keep(KeyActionReason),
    /// Write this tag, and decide again.
    Tag(KeyState),
    /// Remove the tag, and keep the key.
    Untag(KeyActionReason),
    Deactivate(KeyActionReason),
    Reactivate(KeyActionReason),
    Delete(KeyActionReason),
}

/// Returns the label for which a version's key is kept whatever else is true.
pub(super) fn blocking_label(labels: &[String]) -> Option<&String> {
    labels.iter().find(|label| *label != PREVIOUS)
}

/// Decides on one key.
pub(super) fn decide(facts: &Facts, goal: Goal, now: SystemTime, policy: &Policy) -> Action {
    let mut versions = facts.versions.iter();
    if let Some(label) = versions.find_map(|version| blocking_label(&version.labels)) {
        return labelled(facts, label);
    }
    if facts.versions.is_empty() {
        return in_no_version(facts, now, policy);
    }
    match facts.key.status {
        KeyStatus::Active => active(facts, goal, now, policy),
        KeyStatus::Inactive => inactive(facts, goal, now, policy),
    }
}

fn labelled(facts: &Facts, label: &str) -> Action {
    use KeyState::{Deactivated, Deactivating, Reactivating};
    let reason = KeyActionReason::Labelled(label.to_owned());
    match (facts.key.status, facts.tag.map(|tag| tag.state)) {
        // Its retirement is over: when it is superseded again, another begins. And if a person deactivates it meanwhile, that
        // must not look like our doing.
        (KeyStatus::Active, Some(_)) => Action::Untag(reason),
        (KeyStatus::Inactive, Some(Deactivating | Deactivated | Reactivating)) => {
            Action::Reactivate(reason)
        }
        _ => Action::Keep(reason),
    }
}

fn in_no_version(facts: &Facts, now: SystemTime, policy: &Policy) -> Action {
    let key = &facts.key;
    let is_leftover = facts.is_complete
        && facts.last_use.is_none()
        && facts.intent.as_ref().is_some_and(|intent| {
            let skew = policy.clock_skew;
            !intent.existing.contains(&key.id)
                && key.created + skew >= intent.at
                && key.created <= intent.at + policy.action_deadline + 2 * skew
        });
    let until = key.created + policy.signature_lifetime;
    match is_leftover {
        false => Action::Keep(KeyActionReason::Foreign),
        true if now < until => Action::Keep(KeyActionReason::Leftover { until }),
        true => Action::Delete(KeyActionReason::Leftover { until }),
    }
}

fn active(facts: &Facts, goal: Goal, now: SystemTime, policy: &Policy) -> Action {
    use KeyState::{Deactivated, FoundInactive, Reactivated, Reactivating};
    let released = match is_released(facts, now, policy) {
        Ok(release) => match release.used_since(facts, now, policy) {
            Some(used) => Err(used),
            None => Ok(release),
        },
        Err(reason) => Err(reason),
    };
    let next = |released| match released {
        Ok(release) => remove(facts, goal, release, now, policy),
        Err(reason) => Action::Keep(reason),
    };
    let Some(tag) = facts.tag else {
        return match next(released) {
            // To make room, too: the time until an abandoned key may be removed begins here.
            Action::Keep(_) => Action::Tag(KeyState::Superseded),
            next => next,
        };
    };
    let until = tag.at + policy.watch;
    match tag.state {
        // Whoever began it crashed after it had been done.
        Reactivating => Action::Tag(Reactivated),
        Reactivated | Deactivated | FoundInactive if now < until => {
            Action::Keep(KeyActionReason::RecentlyActivated { until })
        }
        _ => match released {
            Err(reason) if goal == Goal::Retire && now >= deadline(facts, tag.at, policy) => {
                Action::Deactivate(KeyActionReason::Deadline(Box::new(reason)))
            }
            released => next(released),
        },
    }
}

/// Returns when a key that is not released is deactivated all the same. Not while consumers that do not report may use it.
fn deadline(facts: &Facts, since: SystemTime, policy: &Policy) -> SystemTime {
    (since + policy.deadline).max(overlap_until(facts, policy))
}

/// Returns the next step to remove an active key that is released.
fn remove(facts: &Facts, goal: Goal, release: Release, now: SystemTime, policy: &Policy) -> Action {
    match (goal, release.certain_from(facts, policy)) {
        (Goal::Retire, _) => Action::Deactivate(release.reason),
        (Goal::MakeRoom, None) => Action::Keep(release.reason),
        (Goal::MakeRoom, Some(until)) if now < until => {
            Action::Keep(KeyActionReason::Overlap { until })
        }
        (Goal::MakeRoom, Some(_)) => Action::Delete(release.reason),
    }
}

fn inactive(facts: &Facts, goal: Goal, now: SystemTime, policy: &Policy) -> Action {
    use KeyState::{
        Deactivated, Deactivating, FoundInactive, Reactivated, Reactivating, Superseded,
    };
    let rejected_since = |since: SystemTime| {
        let all = facts.versions.iter().flat_map(|v| &v.usage.rejections);
        let recent = all.filter(|rejection| rejection.at + policy.clock_skew >= since);
        let by: Vec<_> = recent.map(|rejection| rejection.instance.clone()).collect();
        (!by.is_empty()).then_some(KeyActionReason::Rejected { by })
    };
    let tag = facts.tag.map(|tag| (tag.state, tag.at));
    let since = match tag {
        // Whoever began it crashed before or after it was done.
        Some((Deactivating, _)) => return Action::Tag(Deactivated),
        Some((Reactivating, at)) => {
            let by = Vec::new();
            let reason = rejected_since(at).unwrap_or(KeyActionReason::Rejected { by });
            return Action::Reactivate(reason);
        }
        // Somebody else deactivated it, for a reason: that is not undone here.
        None | Some((Superseded | Reactivated, _)) => return Action::Tag(FoundInactive),
        Some((Deactivated, since)) => {
            match rejected_since(since).or_else(|| used_again(facts, since, now, policy)) {
                Some(reason) if goal == Goal::Retire => return Action::Reactivate(reason),
                Some(reason) => return Action::Keep(reason),
                None => since,
            }
        }
        Some((FoundInactive, since)) => match rejected_since(since) {
            Some(reason) => return Action::Keep(reason),
            None => since,
        },
    };
    let until = since + policy.watch;
    match is_released(facts, now, policy) {
        Err(reason) => Action::Keep(reason),
        Ok(release) => {
            let certain_from = release.certain_from(facts, policy);
            let until = match certain_from.filter(|_| goal == Goal::MakeRoom) {
                Some(earlier) => until.min(earlier),
                None => until,
            };
            match now < until {
                true => Action::Keep(KeyActionReason::Watched { until }),
                false => Action::Delete(release.reason),
            }
        }
    }
}

/// Returns the use because of which a key that was deactivated here is given back. IAM may show a use late, from before the
/// deactivation: then the key was not released. One that was deactivated at its deadline was in use until then.
fn used_again(
    facts: &Facts,
    deactivated: SystemTime,
    now: SystemTime,
    policy: &Policy,
) -> Option<KeyActionReason> {
    match is_released(facts, now, policy) {
        Ok(release) if deactivated < deadline(facts, facts.current_since, policy) => {
            release.used_since(facts, now, policy)
        }
        _ => used_since(facts, deactivated + policy.clock_skew, now, policy),
    }
}
