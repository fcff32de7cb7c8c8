//! Facts for tests of the decision, and tables: facts on the left, the action on the right.

use std::time::{Duration, SystemTime};

use super::decide::{Action, Goal, decide};
use super::facts::{Facts, KeyVersion};
use super::iam::{KeyInfo, KeyStatus, KeyUse};
use super::tags::{CreateIntent, KeyState, KeyTag};
use crate::rotation::policy::Policy;
use crate::rotation::store::PREVIOUS;
use crate::rotation::usage::{Consumer, Rejection, Usage, UsageState};

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const ID: &str = "AKIAOLDKEY";

/// When the old key was created.
pub(super) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + 1000 * DAY
}

/// When the current version was created.
pub(super) fn rotated() -> SystemTime {
    start() + 30 * DAY
}

pub(super) fn at(after_rotation: Duration) -> SystemTime {
    rotated() + after_rotation
}

/// An active key in the previous version, on which no consumer has reported.
pub(super) fn superseded() -> Facts {
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
        current_since: rotated(),
        tag: None,
        intent: None,
    }
}

impl Facts {
    pub(super) fn usage(mut self, state: UsageState) -> Self {
        self.versions[0].usage.state = state;
        self
    }

    pub(super) fn released(self) -> Self {
        let presumed_gone = Vec::new();
        self.usage(UsageState::Released {
            since: at(HOUR),
            presumed_gone,
        })
    }

    pub(super) fn presumed_released(self) -> Self {
        self.usage(UsageState::Released {
            since: at(HOUR),
            presumed_gone: vec!["pod-1".to_owned()],
        })
    }

    pub(super) fn in_use(self) -> Self {
        let by = vec![Consumer::new("pod-1")];
        self.usage(UsageState::InUse { by })
    }

    pub(super) fn rejected(mut self, when: Duration) -> Self {
        self.versions[0].usage.rejections = vec![Rejection::new("pod-1", at(when))];
        self
    }

    pub(super) fn labels(mut self, labels: &[&str]) -> Self {
        self.versions[0].labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self
    }

    pub(super) fn inactive(mut self) -> Self {
        self.key.status = KeyStatus::Inactive;
        self
    }

    pub(super) fn tag(mut self, state: KeyState, when: Duration) -> Self {
        let at = at(when);
        self.tag = Some(KeyTag { state, at });
        self
    }

    pub(super) fn used(mut self, when: Duration, service: &str) -> Self {
        self.last_use = Some(KeyUse {
            at: at(when),
            service: service.to_owned(),
        });
        self
    }

    /// In a version without a label that is younger than the current one.
    pub(super) fn abandoned(mut self) -> Self {
        self.versions[0].created = at(MINUTE);
        self.labels(&[])
    }

    /// In no version.
    pub(super) fn unstored(mut self) -> Self {
        self.versions.clear();
        self.key.created = rotated();
        self
    }

    pub(super) fn intent(mut self, when: SystemTime, existing: &[&str]) -> Self {
        self.intent = Some(CreateIntent {
            at: when,
            token: "token".into(),
            existing: existing.iter().map(|id| (*id).to_owned()).collect(),
        });
        self
    }
}

/// The action as a row of a table writes it: `deactivate: released by all consumers since …`.
pub(super) fn shown(action: &Action) -> String {
    match action {
        Action::Keep(reason) => format!("keep: {reason}"),
        Action::Tag(state) => format!("tag: {state:?}"),
        Action::Untag(reason) => format!("untag: {reason}"),
        Action::Deactivate(reason) => format!("deactivate: {reason}"),
        Action::Reactivate(reason) => format!("reactivate: {reason}"),
        Action::Delete(reason) => format!("delete: {reason}"),
    }
}

/// Rows of: name, facts, time since the rotation, and the action to retire and to make room, as they begin.
pub(super) type Row = (&'static str, Facts, Duration, [&'static str; 2]);

/// The policy of a deployment all of whose consumers report.
pub(super) fn all_report() -> Policy {
    Policy::default().all_consumers_report()
}

pub(super) fn assert_rows(policy: &Policy, rows: Vec<Row>) {
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
