//! What to do with a key that may have to go: the rules, without a call.
//!
//! In this order:
//!
//! 1. A key in a version with a label is kept, unless that is `AWSPREVIOUS` alone: somebody may read by any label.
//! 2. A key in no version is somebody else's, and never touched; unless it is the leftover of a `createSecret` (below).
//! 3. A deactivated key that a consumer is refused with is given back, if it was deactivated here. A key that was given
//!    back, by whomever, is left alone for a while.
//! 4. A key goes if all versions that hold it are released and IAM does not contradict: first it is deactivated, then
//!    watched, then deleted. To make room for a new key it is deleted at once, unless silence was taken for a word: a
//!    deactivated key can be given back to whoever was only cut off, a deleted one can not.
//! 5. A key that does not go is deactivated when the deadline has passed, and never deleted without a positive word.
//!
//! # Leftovers
//!
//! IAM shows the secret part of a key once. A `createSecret` that dies between making a key and storing it leaves
//! one that nobody can use and that no version names; a person may have made such a key as well. It is taken for a
//! leftover if all of this is true:
//!
//! - An intent was written before it: `createSecret` says in a tag, *before* it makes a key, when that is and which keys
//!   there are. The key is not among those, and was made in the time that the intent leaves.
//! - It was never used. Whoever made a key by hand uses it; nobody can use a leftover.
//! - It is older than [`Policy::settled`]. Its maker may still live and be about to store it, and must not find it gone. A
//!   maker writes only within [`Policy::lap`], by the later of two clocks, and never again; AWS refuses a signature that is
//!   5 minutes old. So nothing can store the key any more.
//!
//! What remains is a key that a person makes within minutes after the death of a `createSecret` that had not yet made its
//! own, and then does not use for a quarter of an hour. IAM has no means to tell those two apart. Everything else that is
//! in doubt is kept, and blocks the rotation with an error that names it.
//!
//! # Abandoned versions
//!
//! A rotation that was cancelled leaves a version without a label, and its key. No consumer reports on it, since none has
//! ever read it. A version is taken for abandoned if it is younger than the current one (so it did not come before it),
//! has no label (so it did not come directly after it), and its key was used by nobody but the step that tested it.

use std::time::SystemTime;

use super::iam::{KeyInfo, KeyStatus};
use super::policy::Policy;
use super::report::KeyActionReason;
use super::store::PREVIOUS;
use super::tags::{CreateIntent, KeyState, KeyTag};
use super::usage::{Usage, UsageState};

/// What is known about a key.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) key: KeyInfo,
    pub(super) used: Option<(SystemTime, String)>,
    /// The versions that hold it.
    pub(super) versions: Vec<Holding>,
    /// Whether all versions there are were looked at.
    pub(super) complete: bool,
    pub(super) current_created: SystemTime,
    pub(super) note: Option<KeyTag>,
    pub(super) intent: Option<CreateIntent>,
}

/// A version that holds the key.
#[derive(Debug, Clone)]
pub(super) struct Holding {
    pub(super) labels: Vec<String>,
    pub(super) created: SystemTime,
    pub(super) word: Usage,
}

/// What the key stands in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Nothing: it is time to retire it.
    Retire,
    /// A new key.
    MakeRoom,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Keep(KeyActionReason),
    Note(KeyState),
    Deactivate(KeyActionReason),
    Reactivate(KeyActionReason),
    Delete(KeyActionReason),
}

/// The label for which a version's key is kept whatever else is true.
pub(super) fn blocking(labels: &[String]) -> Option<&String> {
    labels.iter().find(|label| *label != PREVIOUS)
}

pub(super) fn decide(facts: &Facts, need: Goal, now: SystemTime, policy: &Policy) -> Action {
    if let Some(label) = facts.versions.iter().find_map(|v| blocking(&v.labels)) {
        return Action::Keep(KeyActionReason::Labelled(label.clone()));
    }
    if facts.versions.is_empty() {
        return in_no_version(facts, now, policy);
    }
    match facts.key.status {
        KeyStatus::Active => active(facts, need, now, policy),
        KeyStatus::Inactive => inactive(facts, need, now, policy),
    }
}

fn in_no_version(facts: &Facts, now: SystemTime, policy: &Policy) -> Action {
    let key = &facts.key;
    let ours = facts.complete
        && facts.used.is_none()
        && facts.intent.as_ref().is_some_and(|intent| {
            !intent.before.contains(&key.id)
                && key.created + policy.skew >= intent.at
                && key.created <= intent.at + policy.lap + 2 * policy.skew
        });
    let until = key.created + policy.settled;
    match ours {
        false => Action::Keep(KeyActionReason::Foreign),
        true if now < until => Action::Keep(KeyActionReason::Leftover { until }),
        true => Action::Delete(KeyActionReason::Leftover { until }),
    }
}

fn active(facts: &Facts, need: Goal, now: SystemTime, policy: &Policy) -> Action {
    use KeyState::{Deactivated, FoundInactive, Reactivated, Reactivating};
    let next = |why| match why {
        Ok(why) => go(facts, need, why),
        Err(why) => Action::Keep(why),
    };
    let why = free(facts, need, now, policy);
    let Some(note) = facts.note else {
        return match next(why) {
            // What is seen in a hurry is noted as well: the time until an abandoned key may go begins here.
            Action::Keep(_) => Action::Note(KeyState::Superseded),
            next => next,
        };
    };
    let until = note.at + policy.watch;
    match note.state {
        // Whoever began it died after it had been done.
        Reactivating => Action::Note(Reactivated),
        Reactivated | Deactivated | FoundInactive if now < until => {
            Action::Keep(KeyActionReason::GivenBack { until })
        }
        _ => match why {
            Err(why) if need == Goal::Retire && now >= note.at + policy.deadline => {
                Action::Deactivate(KeyActionReason::Deadline(Box::new(why)))
            }
            why => next(why),
        },
    }
}

/// The next thing to do with an active key that is free.
fn go(facts: &Facts, need: Goal, why: KeyActionReason) -> Action {
    match need {
        Goal::MakeRoom if is_assumed(facts) => Action::Keep(why),
        Goal::MakeRoom => Action::Delete(why),
        Goal::Retire => Action::Deactivate(why),
    }
}

/// Whether a consumer's silence was taken for its word.
fn is_assumed(facts: &Facts) -> bool {
    facts.versions.iter().any(|version| {
        matches!(&version.word.standing, UsageState::Released { presumed_gone, .. } if !presumed_gone.is_empty())
    })
}

fn inactive(facts: &Facts, need: Goal, now: SystemTime, policy: &Policy) -> Action {
    use KeyState::{
        Deactivated, Deactivating, FoundInactive, Reactivated, Reactivating, Superseded,
    };
    let refused = |since: SystemTime| {
        let all = facts.versions.iter().flat_map(|v| &v.word.refused);
        let by = all.filter(|refused| refused.at + policy.skew >= since);
        let by: Vec<_> = by.map(|refused| refused.instance.clone()).collect();
        (!by.is_empty()).then_some(KeyActionReason::Rejected { by })
    };
    let note = facts.note.map(|note| (note.state, note.at));
    let since = match note {
        // Whoever began it died before or after it was done.
        Some((Deactivating, _)) => return Action::Note(Deactivated),
        Some((Reactivating, at)) => {
            let by = Vec::new();
            return Action::Reactivate(refused(at).unwrap_or(KeyActionReason::Rejected { by }));
        }
        // Somebody else did it, and has a reason: it is not for us to take it back.
        None | Some((Superseded | Reactivated, _)) => return Action::Note(FoundInactive),
        Some((Deactivated, since)) => match refused(since) {
            Some(why) if need == Goal::Retire => return Action::Reactivate(why),
            Some(why) => return Action::Keep(why),
            None => since,
        },
        Some((FoundInactive, since)) => match refused(since) {
            Some(why) => return Action::Keep(why),
            None => since,
        },
    };
    let until = since + policy.watch;
    match free(facts, need, now, policy) {
        Err(why) => Action::Keep(why),
        Ok(why) if now >= until || (need == Goal::MakeRoom && !is_assumed(facts)) => {
            Action::Delete(why)
        }
        Ok(_) => Action::Keep(KeyActionReason::Watched { until }),
    }
}

/// Why the key is free, or why it is not.
fn free(
    facts: &Facts,
    need: Goal,
    now: SystemTime,
    policy: &Policy,
) -> Result<KeyActionReason, KeyActionReason> {
    let mut held = facts
        .versions
        .iter()
        .filter_map(|v| match &v.word.standing {
            UsageState::InUse { by } => Some(by),
            _ => None,
        });
    if let Some(first) = held.next() {
        let by = held.fold(first.clone(), |mut all, by| {
            all.extend_from_slice(by);
            all
        });
        return Err(KeyActionReason::InUse { by });
    }
    let mut since = SystemTime::UNIX_EPOCH;
    let mut presumed_gone = Vec::new();
    let mut abandoned = true;
    for version in &facts.versions {
        if let UsageState::Released {
            since: at,
            presumed_gone: silent,
        } = &version.word.standing
        {
            since = since.max(*at);
            presumed_gone.extend_from_slice(silent);
            abandoned = false;
            continue;
        }
        let wait = match policy.assume_released {
            _ if is_abandoned(facts, version) => policy.settled,
            Some(wait) => {
                presumed_gone.push("consumers that do not report".to_owned());
                abandoned = false;
                wait
            }
            None => return Err(KeyActionReason::Unknown),
        };
        match facts.note {
            Some(note) if now >= note.at + wait => since = since.max(note.at + wait),
            _ => return Err(KeyActionReason::Unknown),
        }
    }
    if abandoned {
        return Ok(KeyActionReason::Abandoned);
    }
    if let Some((at, service)) = &facts.used
        && *at > since + policy.skew
        && facts.key.status == KeyStatus::Active
        // Deactivating can be taken back, so it may be tried when the key has been quiet for long.
        && (need == Goal::MakeRoom || now < *at + policy.watch)
    {
        let (at, service) = (*at, service.clone());
        return Err(KeyActionReason::UsedSince { at, service });
    }
    Ok(KeyActionReason::Released {
        since,
        presumed_gone,
    })
}

fn is_abandoned(facts: &Facts, version: &Holding) -> bool {
    let tested_only = facts
        .used
        .as_ref()
        .is_none_or(|(_, service)| service == "sts");
    // Both times are Secrets Manager's.
    version.labels.is_empty() && version.created > facts.current_created && tested_only
}
