//! The decision, as a table: facts on the left, the action on the right.

use std::time::Duration;

use super::*;
use crate::rotation::usage::{Consumer, Rejection};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const ID: &str = "AKIAOLDKEY";

/// When the old key was created.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + 1000 * DAY
}

/// When the current version was created.
fn rotated() -> SystemTime {
    start() + 30 * DAY
}

fn at(after_rotation: Duration) -> SystemTime {
    rotated() + after_rotation
}

/// An active key in the previous version, on which no consumer has reported.
fn superseded() -> Facts {
    Facts {
        key: KeyInfo {
            id: ID.to_owned(),
            status: KeyStatus::Active,
            created: start(),
        },
        last_use: None,
        versions: vec![KeyVersion {
            labels: vec![PREVIOUS.to_owned()],
            created: start(),
            usage: Usage::new(UsageState::Unknown),
        }],
        is_complete: true,
        current_created: rotated(),
        tag: None,
        intent: None,
    }
}

impl Facts {
    fn usage(mut self, state: UsageState) -> Self {
        self.versions[0].usage.state = state;
        self
    }

    fn released(self) -> Self {
        let presumed_gone = Vec::new();
        self.usage(UsageState::Released {
            since: at(HOUR),
            presumed_gone,
        })
    }

    fn presumed_released(self) -> Self {
        self.usage(UsageState::Released {
            since: at(HOUR),
            presumed_gone: vec!["pod-1".to_owned()],
        })
    }

    fn in_use(self) -> Self {
        let by = vec![Consumer::new("pod-1")];
        self.usage(UsageState::InUse { by })
    }

    fn rejected(mut self, when: Duration) -> Self {
        self.versions[0].usage.rejections = vec![Rejection::new("pod-1", at(when))];
        self
    }

    fn labels(mut self, labels: &[&str]) -> Self {
        self.versions[0].labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self
    }

    fn inactive(mut self) -> Self {
        self.key.status = KeyStatus::Inactive;
        self
    }

    fn tag(mut self, state: KeyState, when: Duration) -> Self {
        let at = at(when);
        self.tag = Some(KeyTag { state, at });
        self
    }

    fn used(mut self, when: Duration, service: &str) -> Self {
        self.last_use = Some(KeyUse {
            at: at(when),
            service: service.to_owned(),
        });
        self
    }

    /// In a version without a label that is younger than the current one.
    fn abandoned(mut self) -> Self {
        self.versions[0].created = at(MINUTE);
        self.labels(&[])
    }

    /// In no version.
    fn unstored(mut self) -> Self {
        self.versions.clear();
        self.key.created = rotated();
        self
    }

    fn intent(mut self, when: SystemTime, existing: &[&str]) -> Self {
        self.intent = Some(CreateIntent {
            at: when,
            token: "token".into(),
            existing: existing.iter().map(|id| (*id).to_owned()).collect(),
        });
        self
    }
}

/// The action as a row of a table writes it: `deactivate: released by all consumers since …`.
fn shown(action: &Action) -> String {
    match action {
        Action::Keep(reason) => format!("keep: {reason}"),
        Action::Tag(state) => format!("tag: {state:?}"),
        Action::Deactivate(reason) => format!("deactivate: {reason}"),
        Action::Reactivate(reason) => format!("reactivate: {reason}"),
        Action::Delete(reason) => format!("delete: {reason}"),
    }
}

/// Rows of: name, facts, time since the rotation, and the action to retire and to make room, as they begin.
type Row = (&'static str, Facts, Duration, [&'static str; 2]);

fn assert_rows(policy: &Policy, rows: Vec<Row>) {
    for (name, facts, now, expected) in rows {
        for (goal, expected) in [Goal::Retire, Goal::MakeRoom].into_iter().zip(expected) {
            let action = shown(&decide(&facts, goal, at(now), policy));
            assert!(
                action.starts_with(expected),
                "{name}, {goal:?}: {action}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_labelled_key_is_kept_whatever_else_is_true() {
    let kept = |label| ["keep: it is in the version labelled", label];
    for label in ["AWSCURRENT", "AWSPENDING", "CANARY"] {
        let facts = superseded().labels(&[PREVIOUS, label]).released();
        let facts = facts.tag(KeyState::Superseded, HOUR);
        for goal in [Goal::Retire, Goal::MakeRoom] {
            let action = shown(&decide(&facts, goal, at(100 * DAY), &Policy::default()));
            assert!(
                kept(label).iter().all(|part| action.contains(part)),
                "{action}"
            );
        }
    }
}

#[rustfmt::skip] // one row, one line
#[test]
fn an_active_key_is_removed_only_when_it_is_released() {
    use KeyState::{Reactivated, Reactivating, Superseded};
    let seen = || superseded().tag(Superseded, HOUR);
    assert_rows(
        &Policy::default(),
        vec![
            ("first seen", superseded(), HOUR, ["tag: Superseded", "tag: Superseded"]),
            ("first seen in use", superseded().in_use(), HOUR, ["tag: Superseded", "tag: Superseded"]),
            ("released", superseded().released(), 2 * HOUR, ["deactivate: released", "delete: released"]),
            ("presumed released", seen().presumed_released(), 2 * HOUR, ["deactivate: released", "keep: released"]),
            ("in use", seen().in_use(), DAY, ["keep: in use by pod-1", "keep: in use by pod-1"]),
            ("no reports", seen(), DAY, ["keep: no consumer has reported", "keep: no consumer has reported"]),
            ("in use at the deadline", seen().in_use(), HOUR + 7 * DAY, ["deactivate: its deadline has passed: in use", "keep: in use"]),
            ("no reports at the deadline", seen(), HOUR + 7 * DAY, ["deactivate: its deadline has passed: no", "keep: no"]),
            ("reactivation was begun", seen().tag(Reactivating, DAY), DAY, ["tag: Reactivated", "tag: Reactivated"]),
            ("just reactivated", seen().released().tag(Reactivated, DAY), 2 * DAY - MINUTE, ["keep: activated again", "keep: activated again"]),
            ("reactivated a day ago", seen().released().tag(Reactivated, DAY), 2 * DAY, ["deactivate: released", "delete: released"]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn a_key_that_was_used_after_its_release_is_not_released() {
    let seen = || superseded().tag(KeyState::Superseded, HOUR).released();
    assert_rows(
        &Policy::default(),
        vec![
            ("used before", seen().used(MINUTE, "s3"), 2 * HOUR, ["deactivate", "delete"]),
            ("within the clock skew", seen().used(HOUR + 5 * MINUTE, "s3"), 2 * HOUR, ["deactivate", "delete"]),
            ("used since", seen().used(HOUR + 6 * MINUTE, "sqs"), 2 * HOUR, ["keep: released by all consumers that report, but used at sqs", "keep: released by all"]),
            // Deactivation can be undone, so it is tried after a day; deletion cannot.
            ("not used for a day", seen().used(HOUR + 6 * MINUTE, "sqs"), 26 * HOUR, ["deactivate", "keep: released by all"]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn an_inactive_key_is_watched_before_it_is_deleted() {
    use KeyState::{Deactivated, Deactivating, FoundInactive, Reactivating, Superseded};
    let key = || superseded().inactive();
    assert_rows(
        &Policy::default(),
        vec![
            ("deactivation was begun", key().tag(Deactivating, DAY), DAY, ["tag: Deactivated", "tag: Deactivated"]),
            ("by somebody else", key(), DAY, ["tag: FoundInactive", "tag: FoundInactive"]),
            ("by somebody else, later", key().tag(Superseded, HOUR), DAY, ["tag: FoundInactive", "tag: FoundInactive"]),
            ("watched", key().released().tag(Deactivated, DAY), 2 * DAY - MINUTE, ["keep: deactivated, and watched", "delete: released"]),
            ("watched for a day", key().released().tag(Deactivated, DAY), 2 * DAY, ["delete: released", "delete: released"]),
            ("presumed", key().presumed_released().tag(Deactivated, DAY), 2 * DAY - MINUTE, ["keep: deactivated, and watched", "keep: deactivated, and watched"]),
            ("presumed, watched", key().presumed_released().tag(Deactivated, DAY), 2 * DAY, ["delete: released", "delete: released"]),
            ("never released", key().in_use().tag(Deactivated, DAY), 900 * DAY, ["keep: in use", "keep: in use"]),
            ("rejected", key().in_use().tag(Deactivated, DAY).rejected(DAY), 2 * DAY, ["reactivate: AWS rejects it for pod-1", "keep: AWS rejects"]),
            ("rejected before", key().in_use().tag(Deactivated, DAY).rejected(HOUR), 2 * DAY, ["keep: in use", "keep: in use"]),
            ("rejected, by somebody else", key().tag(FoundInactive, DAY).rejected(DAY), 2 * DAY, ["keep: AWS rejects it", "keep: AWS rejects it"]),
            ("reactivation was begun", key().tag(Reactivating, DAY), 2 * DAY, ["reactivate", "reactivate"]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn a_key_in_no_version_is_foreign_unless_an_intent_explains_it() {
    let leftover = || superseded().unstored().intent(rotated(), &["AKIAOTHER"]);
    let used = || leftover().used(MINUTE, "s3");
    let mut incomplete = leftover();
    incomplete.is_complete = false;
    let foreign = ["keep: no version of the secret has it"; 2];
    assert_rows(
        &Policy::default(),
        vec![
            ("no intent", superseded().unstored(), DAY, foreign),
            ("it existed before", superseded().unstored().intent(rotated(), &[ID]), DAY, foreign),
            ("intent long before", superseded().unstored().intent(rotated() - HOUR, &[]), DAY, foreign),
            ("intent after", superseded().unstored().intent(at(6 * MINUTE), &[]), DAY, foreign),
            ("it was used", used(), DAY, foreign),
            ("not all versions were read", incomplete, DAY, foreign),
            ("its creator may run", leftover(), 15 * MINUTE - Duration::from_secs(1), ["keep: left by a createSecret"; 2]),
            ("its creator is dead", leftover(), 15 * MINUTE, ["delete: left by a createSecret"; 2]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn a_key_whose_version_never_became_current_is_abandoned() {
    let key = || superseded().abandoned().tag(KeyState::Superseded, HOUR);
    let mut older = key();
    older.versions[0].created = start();
    assert_rows(
        &Policy::default(),
        vec![
            ("just seen", key(), HOUR + 14 * MINUTE, ["keep: no consumer has reported"; 2]),
            ("seen 15 minutes ago", key(), HOUR + 15 * MINUTE, ["deactivate: its version was pending", "delete: its version was pending"]),
            ("tested", key().used(MINUTE, "sts"), 2 * HOUR, ["deactivate: its version", "delete: its version"]),
            ("used elsewhere", key().used(MINUTE, "s3"), 2 * HOUR, ["keep: no consumer has reported"; 2]),
            ("older than the current one", older, 2 * HOUR, ["keep: no consumer has reported"; 2]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn an_unreported_version_is_released_only_by_assumption() {
    let seen = || superseded().tag(KeyState::Superseded, HOUR);
    let policy = Policy::default().assume_released(DAY);
    assert_rows(
        &policy,
        vec![
            ("too early", seen(), HOUR + DAY - MINUTE, ["keep: no consumer has reported"; 2]),
            ("assumed", seen(), HOUR + DAY, ["deactivate: released by all consumers since", "delete: released"]),
            ("a report takes precedence", seen().in_use(), HOUR + DAY, ["keep: in use"; 2]),
        ],
    );
}

#[test]
fn one_version_in_use_keeps_a_key_that_two_versions_have() {
    let mut facts = superseded().tag(KeyState::Superseded, HOUR).released();
    facts.versions.push(facts.versions[0].clone());
    facts.versions[1].usage = Usage::new(UsageState::InUse {
        by: vec![Consumer::new("pod-2")],
    });
    assert_rows(
        &Policy::default(),
        vec![("one in use", facts, DAY, ["keep: in use by pod-2"; 2])],
    );
}
