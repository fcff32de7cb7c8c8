//! What a release is, by the decision that it leads to.

use super::super::tags::KeyState;
use super::super::test_facts::*;
use super::*;

#[rustfmt::skip] // one row, one line
#[test]
fn a_key_that_was_used_after_its_release_is_not_released() {
    let seen = || superseded().tag(KeyState::Superseded, HOUR).released();
    assert_rows(
        &all_report(),
        vec![
            ("used before", seen().used(HOUR, "s3"), 2 * HOUR, ["deactivate", "delete"]),
            ("used since", seen().used(HOUR + 6 * MINUTE, "sqs"), 2 * HOUR, ["keep: used at sqs"; 2]),
            ("long ago", seen().used(HOUR + 6 * MINUTE, "sqs"), 6 * DAY, ["keep: used at sqs"; 2]),
            ("at the deadline", seen().used(HOUR + 6 * MINUTE, "sqs"), HOUR + 7 * DAY, ["deactivate: its deadline has passed", "keep: used at sqs"]),
            // By another clock, it may have been the last use before the release.
            ("within the clock skew", seen().used(HOUR + 5 * MINUTE, "s3"), 2 * HOUR, ["keep: used at s3"; 2]),
            ("within it, and not for a day", seen().used(HOUR + 5 * MINUTE, "s3"), 26 * HOUR, ["deactivate", "delete"]),
            // A rotation's own test, which another run of it has overtaken.
            ("a late test", seen().used(HOUR + 15 * MINUTE, "sts"), 2 * HOUR, ["keep: used at sts"; 2]),
            ("a late test, a day ago", seen().used(HOUR + 15 * MINUTE, "sts"), 26 * HOUR, ["deactivate", "delete"]),
            ("later than any test", seen().used(HOUR + 16 * MINUTE, "sts"), 26 * HOUR, ["keep: used at sts"; 2]),
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
        &all_report(),
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
    use KeyState::{Deactivated, Superseded};
    let seen = || superseded().tag(Superseded, HOUR);
    let gone = || superseded().inactive().tag(Deactivated, 14 * DAY);
    let early = "keep: consumers that do not report may use it until";
    assert_rows(
        &Policy::default().assume_released(14 * DAY).deadline(60 * DAY),
        vec![
            ("too early", seen(), 14 * DAY - MINUTE, [early; 2]),
            // Without a retirement in between, too: nothing is recorded about the key.
            ("never seen, too early", superseded(), 14 * DAY - MINUTE, ["tag: Superseded"; 2]),
            ("assumed", seen(), 14 * DAY, ["deactivate: no consumer has reported on its version, so", early]),
            ("watched", gone(), 15 * DAY - MINUTE, ["keep: deactivated, and watched"; 2]),
            ("assumed for a day", superseded(), 15 * DAY, ["deactivate: no consumer", "delete: no consumer"]),
            ("watched for a day", gone(), 15 * DAY, ["delete: no consumer", "delete: no consumer"]),
            ("used since", seen().used(14 * DAY + MINUTE, "s3"), 15 * DAY, ["keep: used at"; 2]),
            ("used until then", seen().used(13 * DAY + HOUR, "s3"), 14 * DAY, ["keep: used at"; 2]),
            ("used the day before", seen().used(13 * DAY, "s3"), 14 * DAY, ["deactivate: no consumer", early]),
            ("a report takes precedence", seen().in_use(), 14 * DAY, ["keep: in use"; 2]),
            ("others do not report", seen().released(), 14 * DAY - MINUTE, [early; 2]),
            ("others had their time", seen().released().used(DAY, "s3"), 14 * DAY, ["deactivate: released", early]),
        ],
    );
}

#[rustfmt::skip] // one row, one line
#[test]
fn reports_do_not_speak_for_consumers_that_do_not_report() {
    use KeyState::Superseded;
    let seen = || superseded().tag(Superseded, HOUR);
    let early = "keep: consumers that do not report may use it until";
    assert_rows(
        &Policy::default(),
        vec![
            ("released", seen().released(), 2 * HOUR, [early; 2]),
            ("a day later", seen().released(), DAY, ["deactivate: released", early]),
            ("two days later", seen().released(), 2 * DAY, ["deactivate: released", "delete: released"]),
            ("used meanwhile", seen().released().used(2 * HOUR, "s3"), DAY, ["keep: used at"; 2]),
            ("no reports", seen(), DAY, ["keep: no consumer has reported"; 2]),
        ],
    );
    let long = Policy::default().min_overlap(30 * DAY);
    assert_rows(
        &long,
        vec![
            ("no deadline before it", seen().in_use(), 30 * DAY - MINUTE, ["keep: in use"; 2]),
            ("deadline", seen().in_use(), 30 * DAY, ["deactivate: its deadline", "keep: in use"]),
        ],
    );
}

#[test]
fn expected_consumers_are_awaited_until_the_deadline() {
    let seen = |adopted: &[&str]| {
        let mut facts = superseded().tag(KeyState::Superseded, HOUR).released();
        facts.versions[0].usage = facts.versions[0].usage.clone().adopted_by(adopted.to_vec());
        facts
    };
    let missing = "keep: 1 of 2 expected consumers have reported";
    let overdue = "deactivate: its deadline has passed: 1 of 2";
    for policy in [
        Policy::default().expected_consumers(2),
        Policy::default().expected_instances(["a", "b"]),
    ] {
        assert_rows(
            &policy,
            vec![
                ("one", seen(&["a"]), 2 * HOUR, [missing; 2]),
                ("overdue", seen(&["a"]), HOUR + 7 * DAY, [overdue, missing]),
                (
                    "both",
                    seen(&["a", "b"]),
                    2 * HOUR,
                    ["deactivate: released", "delete: released"],
                ),
            ],
        );
    }
}
