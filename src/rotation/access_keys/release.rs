//! Whether a key is released: the rules, without a call.
//!
//! A key is released if all this is true:
//!
//! 1. No consumer reports that it uses a version that has the key, and for each of these versions a consumer has reported
//!    that it is released; or it counts as released without (`assume_released`), or is abandoned.
//! 2. Consumers that do not report had their time (`min_overlap`, `assume_released`), or the policy declares that there are
//!    none; and the consumers that the policy expects have reported the new version.
//! 3. IAM has recorded no use since. A use up to `clock_skew` after the release may be the last use of a consumer that
//!    reports, by another clock, and a call of STS up to `signature_lifetime` after it may be a rotation's own test: it
//!    counts until it was the last one for as long as a key is watched. So does any use of a key that is only assumed to be
//!    released.
//!
//! # Abandoned versions
//!
//! A rotation that was cancelled leaves a version without a label, and its key. No consumer reports on it, since none has
//! ever read it. A version counts as abandoned if it is younger than the current one (so it did not come before it), has no
//! label (so it did not come directly after it), and its key was used by nobody but the step that tested it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::facts::{Facts, KeyVersion};
use super::iam::KeyUse;
use crate::rotation::policy::{Policy, ReportingConsumers};
use crate::rotation::report::KeyActionReason;
use crate::rotation::usage::UsageState;

/// Why a key counts as released, and how sure that is.
pub(super) struct Release {
    pub(super) reason: KeyActionReason,
    /// From when on nobody uses it.
    since: SystemTime,
    /// Whether that is an assumption about consumers that do not report.
    is_assumed: bool,
    certainty: Certainty,
}

/// Whether somebody may use the key all the same.
#[derive(Clone, Copy)]
enum Certainty {
    /// Nobody.
    AllReported,
    /// Consumers that do not report, if there are any.
    Overlapped,
    /// Consumers that were cut off while they used it.
    PresumedGone,
}

/// Returns why the key is released, or why it is not. Uses that IAM has recorded are left to [`Release::used_since`].
pub(super) fn is_released(
    facts: &Facts,
    now: SystemTime,
    policy: &Policy,
) -> Result<Release, KeyActionReason> {
    let states = || facts.versions.iter().map(|version| &version.usage.state);
    let consumers: Vec<_> = states()
        .filter_map(|state| match state {
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
    let (mut is_abandoned, mut is_assumed) = (true, false);
    for version in &facts.versions {
        if let UsageState::Released {
            since: at,
            presumed_gone: gone,
        } = &version.usage.state
        {
            since = since.max(*at);
            presumed_gone.extend_from_slice(gone);
            is_abandoned = false;
        } else if was_never_current(facts, version) {
            match facts.tag {
                Some(tag) if now >= tag.at + policy.signature_lifetime => {
                    since = since.max(tag.at + policy.signature_lifetime);
                }
                _ => return Err(KeyActionReason::Unknown),
            }
        } else if policy.assume_released.is_some() {
            (is_assumed, is_abandoned) = (true, false);
        } else {
            return Err(KeyActionReason::Unknown);
        }
    }
    if is_abandoned {
        return Ok(Release {
            reason: KeyActionReason::Abandoned,
            since,
            is_assumed: false,
            certainty: Certainty::AllReported,
        });
    }
    let may_not_report = is_assumed || policy.reporting == ReportingConsumers::Undeclared;
    let until = overlap_until(facts, policy);
    if may_not_report && now < until {
        return Err(KeyActionReason::Overlap { until });
    }
    let since_is_assumed = may_not_report && policy.assume_released.is_some();
    if since_is_assumed {
        since = since.max(until);
    }
    expected_have_adopted(facts, policy)?;
    let certainty = match () {
        () if !presumed_gone.is_empty() => Certainty::PresumedGone,
        () if may_not_report => Certainty::Overlapped,
        () => Certainty::AllReported,
    };
    let reason = match is_assumed {
        true => KeyActionReason::Assumed { since },
        false => KeyActionReason::Released {
            since,
            presumed_gone,
        },
    };
    Ok(Release {
        reason,
        since,
        is_assumed: since_is_assumed,
        certainty,
    })
}

/// Returns until when consumers that do not report may use what the current version replaced.
pub(super) fn overlap_until(facts: &Facts, policy: &Policy) -> SystemTime {
    let minimum = match policy.reporting {
        ReportingConsumers::Undeclared => policy.min_overlap,
        _ => Duration::ZERO,
    };
    facts.current_since + minimum.max(policy.assume_released.unwrap_or_default())
}

impl Release {
    /// Returns the use that contradicts the release, if IAM has recorded one.
    pub(super) fn used_since(
        &self,
        facts: &Facts,
        now: SystemTime,
        policy: &Policy,
    ) -> Option<KeyActionReason> {
        let recently = facts.last_use.as_ref();
        let recently = recently.filter(|last| self.is_assumed && now < last.at + policy.watch);
        let recently = recently.map(used);
        recently.or_else(|| used_since(facts, self.since, now, policy))
    }

    /// Returns from when on the key may be deleted without having been watched while it was deactivated; `None` if never. A
    /// deactivated key can be given back to somebody who uses it all the same, a deleted one cannot.
    pub(super) fn certain_from(&self, facts: &Facts, policy: &Policy) -> Option<SystemTime> {
        match self.certainty {
            Certainty::AllReported => Some(SystemTime::UNIX_EPOCH),
            // Then it was not used for as long as it would have been watched.
            Certainty::Overlapped => Some(overlap_until(facts, policy) + policy.watch),
            Certainty::PresumedGone => None,
        }
    }
}

/// Returns the use of the key after this time, if IAM has recorded one that neither another clock nor a test explains.
pub(super) fn used_since(
    facts: &Facts,
    since: SystemTime,
    now: SystemTime,
    policy: &Policy,
) -> Option<KeyActionReason> {
    let last = facts.last_use.as_ref().filter(|last| last.at > since)?;
    let explained_until = match last.service.as_str() {
        "sts" => since + policy.clock_skew.max(policy.signature_lifetime),
        _ => since + policy.clock_skew,
    };
    let is_explained = last.at <= explained_until && now >= last.at + policy.watch;
    (!is_explained).then(|| used(last))
}

fn used(last: &KeyUse) -> KeyActionReason {
    KeyActionReason::UsedSince {
        at: last.at,
        service: last.service.clone(),
    }
}

fn expected_have_adopted(facts: &Facts, policy: &Policy) -> Result<(), KeyActionReason> {
    // Each version's usage was read on its own: a consumer that any of them shows has reported.
    let usages = facts.versions.iter().map(|version| &version.usage);
    let adopted: BTreeSet<&String> = usages.flat_map(|usage| &usage.adopted_by).collect();
    let (reported, expected, missing) = match &policy.reporting {
        ReportingConsumers::Undeclared | ReportingConsumers::All => return Ok(()),
        ReportingConsumers::AtLeast(expected) => (adopted.len(), *expected, Vec::new()),
        ReportingConsumers::Named(names) => {
            let missing = names.iter().filter(|name| !adopted.contains(name));
            let missing: Vec<_> = missing.cloned().collect();
            (names.len() - missing.len(), names.len(), missing)
        }
    };
    match reported < expected {
        false => Ok(()),
        true => Err(KeyActionReason::Awaited {
            reported,
            expected,
            missing,
        }),
    }
}

fn was_never_current(facts: &Facts, version: &KeyVersion) -> bool {
    let was_only_tested = facts
        .last_use
        .as_ref()
        .is_none_or(|last| last.service == "sts");
    // Both times are Secrets Manager's.
    version.labels.is_empty() && version.created > facts.current_created && was_only_tested
}
