//! The decision, as a table.

use std::time::Duration;

use super::super::test_facts::*;
use super::*;
use crate::rotation::usage::{Consumer, Usage, UsageState};

#[test]
fn a_labelled_key_is_kept_whatever_else_is_true() {
    for label in ["AWSCURRENT", "AWSPENDING", "CANARY"] {
        let untagged = superseded().labels(&[PREVIOUS, label]).released();
        // A retirement that a rollback ended is forgotten.
        let tagged = superseded().labels(&[PREVIOUS, label]).released();
        let tagged = tagged.tag(KeyState::Superseded, HOUR);
        for goal in [Goal::Retire, Goal::MakeRoom] {
            for (facts, kept) in [(&untagged, "keep"), (&tagged, "untag")] {
                let action = shown(&decide(facts, goal, at(100 * DAY), &Policy::default()));
                let expected = format!("{kept}: it is in the version labelled {label}");
                assert_eq!(action, expected);
            }
        }
    }
}

#[rustfmt::skip] // one row, one line
#[test]
fn an_active_key_is_removed_only_when_it_is_released() {
    use KeyState::{Reactivated, Reactivating, Superseded};
    let seen = || superseded().tag(Superseded, HOUR);
    assert_rows(
        &all_report(),
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
fn an_inactive_key_is_watched_before_it_is_deleted() {
    use KeyState::{Deactivated, Deactivating, FoundInactive, Reactivating, Superseded};
    let key = || superseded().inactive();
    assert_rows(
        &all_report(),
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
            ("used since its release", key().released().tag(Deactivated, DAY).used(DAY + MINUTE, "s3"), 2 * DAY, ["reactivate: used at", "keep: used at"]),
            ("shown late", key().released().tag(Deactivated, DAY).used(2 * HOUR, "s3"), 2 * DAY, ["reactivate: used at", "keep: used at"]),
            ("used until the deadline", key().in_use().tag(Deactivated, 8 * DAY).used(8 * DAY + MINUTE, "s3"), 10 * DAY, ["keep: in use", "keep: in use"]),
            ("used after the deadline", key().in_use().tag(Deactivated, 8 * DAY).used(8 * DAY + HOUR, "s3"), 10 * DAY, ["reactivate: used at", "keep: used at"]),
            ("used since, deactivated by somebody else", key().released().tag(FoundInactive, DAY).used(2 * HOUR, "s3"), 2 * DAY, ["delete: released", "delete: released"]),
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
        &all_report(),
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

#[test]
fn one_version_in_use_keeps_a_key_that_two_versions_have() {
    let mut facts = superseded().tag(KeyState::Superseded, HOUR).released();
    facts.versions.push(facts.versions[0].clone());
    facts.versions[1].usage = Usage::new(UsageState::InUse {
        by: vec![Consumer::new("pod-2")],
    });
    assert_rows(
        &all_report(),
        vec![("one in use", facts, DAY, ["keep: in use by pod-2"; 2])],
    );
}
