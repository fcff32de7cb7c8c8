//! What to do with a key that may have to be removed: the rules, without a call.
//!
//! In this order:
//!
//! 1. A key in a version with a label is kept, unless that is `AWSPREVIOUS` alone: somebody may read by any label. If it was
//!    deactivated here before it got the label (a rollback), it is activated again.
//! 2. A key in no version belongs to somebody else, and is never touched; unless it is the leftover of a `createSecret`
//!    (below).
//! 3. A deactivated key that AWS rejects for a consumer is activated again, if it was deactivated here. A key that was
//!    activated again, by whomever, is left alone for a while.
//! 4. A key is removed if all versions that have it are released and IAM does not contradict: first it is deactivated, then
//!    watched, then deleted. To make room for a new key it is deleted at once, unless a consumer was only presumed gone: a
//!    deactivated key can be given back to a consumer that was cut off, a deleted one cannot.
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
//!
//! # Abandoned versions
//!
//! A rotation that was cancelled leaves a version without a label, and its key. No consumer reports on it, since none has
//! ever read it. A version counts as abandoned if it is younger than the current one (so it did not come before it), has no
//! label (so it did not come directly after it), and its key was used by nobody but the step that tested it.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use super::iam::{KeyInfo, KeyStatus, KeyUse};
use super::tags::{CreateIntent, KeyState, KeyTag};
use crate::rotation::policy::Policy;
use crate::rotation::report::KeyActionReason;
use crate::rotation::store::PREVIOUS;
use crate::rotation::usage::{Usage, UsageState};

/// What is known about a key.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) key: KeyInfo,
    pub(super) last_use: Option<KeyUse>,
    /// The versions that have it.
    pub(super) versions: Vec<KeyVersion>,
    /// Whether all versions of the secret were read.
    pub(super) is_complete: bool,
    pub(super) current_created: SystemTime,
    pub(super) tag: Option<KeyTag>,
    pub(super) intent: Option<CreateIntent>,
}

/// A version that has the key.
#[derive(Debug, Clone)]
pub(super) struct KeyVersion {
    pub(super) labels: Vec<String>,
    pub(super) created: SystemTime,
    pub(super) usage: Usage,
}

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
    use KeyState::{Deactivated, Deactivating, Reactivated, Reactivating};
    let reason = KeyActionReason::Labelled(label.to_owned());
    let is_active = facts.key.status == KeyStatus::Active;
    match facts.tag.map(|tag| tag.state) {
        // A person who deactivates it from now on does that for a reason.
        Some(Deactivated | Reactivating) if is_active => Action::Tag(Reactivated),
        Some(Deactivating | Deactivated | Reactivating) if !is_active => Action::Reactivate(reason),
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
    let next = |released| match released {
        Ok(reason) => remove(facts, goal, reason),
        Err(reason) => Action::Keep(reason),
    };
    let released = is_released(facts, goal, now, policy);
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
            Err(reason) if goal == Goal::Retire && now >= tag.at + policy.deadline => {
                Action::Deactivate(KeyActionReason::Deadline(Box::new(reason)))
            }
            released => next(released),
        },
    }
}

/// Returns the next step to remove an active key that is released.
fn remove(facts: &Facts, goal: Goal, reason: KeyActionReason) -> Action {
    match goal {
        Goal::MakeRoom if presumes_somebody_gone(facts) => Action::Keep(reason),
        Goal::MakeRoom => Action::Delete(reason),
        Goal::Retire => Action::Deactivate(reason),
    }
}

/// Returns whether a consumer is only presumed to have released the key.
fn presumes_somebody_gone(facts: &Facts) -> bool {
    facts.versions.iter().any(|version| {
        matches!(&version.usage.state, UsageState::Released { presumed_gone, .. } if !presumed_gone.is_empty())
    })
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
        Some((Deactivated, since)) => match rejected_since(since) {
            Some(reason) if goal == Goal::Retire => return Action::Reactivate(reason),
            Some(reason) => return Action::Keep(reason),
            None => since,
        },
        Some((FoundInactive, since)) => match rejected_since(since) {
            Some(reason) => return Action::Keep(reason),
            None => since,
        },
    };
    let until = since + policy.watch;
    match is_released(facts, goal, now, policy) {
        Err(reason) => Action::Keep(reason),
        Ok(reason)
            if now >= until || (goal == Goal::MakeRoom && !presumes_somebody_gone(facts)) =>
        {
            Action::Delete(reason)
        }
        Ok(_) => Action::Keep(KeyActionReason::Watched { until }),
    }
}

/// Returns why the key is released, or why it is not.
fn is_released(
    facts: &Facts,
    goal: Goal,
    now: SystemTime,
    policy: &Policy,
) -> Result<KeyActionReason, KeyActionReason> {
    let consumers: Vec<_> = facts
        .versions
        .iter()
        .filter_map(|version| match &version.usage.state {
            UsageState::InUse { by } => Some(by),
            _ => None,
        })
        .collect();
    if !consumers.is_empty() {
        let by = consumers.into_iter().flatten().cloned().collect();
        return Err(KeyActionReason::InUse { by });
    }
    let mut since = SystemTime::UNIX_EPOCH;
    let mut presumed_gone = Vec::new();
    let mut all_abandoned = true;
    for version in &facts.versions {
        if let UsageState::Released {
            since: at,
            presumed_gone: gone,
        } = &version.usage.state
        {
            since = since.max(*at);
            presumed_gone.extend_from_slice(gone);
            all_abandoned = false;
            continue;
        }
        let wait = match policy.assume_released {
            _ if is_abandoned(facts, version) => policy.signature_lifetime,
            Some(wait) => {
                presumed_gone.push("consumers that do not report".to_owned());
                all_abandoned = false;
                wait
            }
            None => return Err(KeyActionReason::Unknown),
        };
        match facts.tag {
            Some(tag) if now >= tag.at + wait => since = since.max(tag.at + wait),
            _ => return Err(KeyActionReason::Unknown),
        }
    }
    if all_abandoned {
        return Ok(KeyActionReason::Abandoned);
    }
    if let Some(KeyUse { at, service }) = &facts.last_use
        && *at > since + policy.clock_skew
        && facts.key.status == KeyStatus::Active
        // Deactivation can be undone, so it may be tried when the key was not used for long.
        && (goal == Goal::MakeRoom || now < *at + policy.watch)
    {
        let (at, service) = (*at, service.clone());
        return Err(KeyActionReason::UsedSince { at, service });
    }
    Ok(KeyActionReason::Released {
        since,
        presumed_gone,
    })
}

fn is_abandoned(facts: &Facts, version: &KeyVersion) -> bool {
    let was_only_tested = facts
        .last_use
        .as_ref()
        .is_none_or(|last| last.service == "sts");
    // Both times are Secrets Manager's.
    version.labels.is_empty() && version.created > facts.current_created && was_only_tested
}
