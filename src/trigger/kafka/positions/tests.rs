//! Positions after surveys, messages and skips.

use super::*;
use crate::kafka::Fault;

/// Partitions 0, 1, … with these low and high watermarks.
fn survey(ranges: &[(i64, i64)]) -> Survey {
    let readable = (0..)
        .zip(ranges)
        .map(|(partition, &(low, high))| Watermarks {
            partition,
            low,
            high,
        });
    Survey {
        readable: readable.collect(),
        unreadable: BTreeMap::new(),
    }
}

fn without(mut survey: Survey, partition: i32) -> Survey {
    survey.readable.retain(|now| now.partition != partition);
    survey.unreadable.insert(partition, Fault::NoLeader);
    survey
}

fn adopted(ranges: &[(i64, i64)]) -> Positions {
    let mut positions = Positions::default();
    positions.adopt(&survey(ranges));
    positions
}

fn next(positions: &Positions) -> Vec<i64> {
    positions.iter().map(|(_, next)| next).collect()
}

#[test]
fn each_adoption_continues_at_the_right_offset() {
    // Before, as watermarks; now, as watermarks; where reading continues.
    type Ranges = &'static [(i64, i64)];
    let cases: [(&str, Ranges, Ranges, &[i64]); 6] = [
        (
            "the first time, at the end",
            &[],
            &[(0, 0), (3, 9)],
            &[0, 9],
        ),
        (
            "at the position",
            &[(0, 5), (0, 5)],
            &[(0, 8), (0, 9)],
            &[5, 5],
        ),
        (
            "removed by retention, at the end",
            &[(0, 5)],
            &[(7, 9)],
            &[9],
        ),
        ("a recreated topic, at the end", &[(0, 5)], &[(0, 2)], &[2]),
        (
            "an added partition, at its beginning",
            &[(0, 5)],
            &[(0, 5), (1, 3)],
            &[5, 1],
        ),
        (
            "a removed partition, forgotten",
            &[(0, 5), (0, 3)],
            &[(0, 6)],
            &[5],
        ),
    ];
    for (case, before, now, expected) in cases {
        let mut positions = adopted(before);
        positions.adopt(&survey(now));
        assert_eq!(next(&positions), expected, "{case}");
    }
}

#[test]
fn a_partition_that_cannot_be_read_at_first_is_read_from_its_end_later() {
    let mut positions = Positions::default();
    positions.adopt(&without(survey(&[(0, 5), (0, 5)]), 1));
    assert_eq!(next(&positions), [5]);
    assert!(!positions.are_outdated(&without(survey(&[(0, 6), (0, 5)]), 1)));
    let readable = survey(&[(0, 6), (0, 5)]);
    assert!(positions.are_outdated(&readable));
    positions.adopt(&readable);
    assert_eq!(next(&positions), [5, 5]);
    assert!(!positions.are_outdated(&readable));

    positions.adopt(&without(survey(&[(0, 6), (0, 9)]), 1));
    assert_eq!(next(&positions), [5, 5], "a known position is kept");
    positions.adopt(&without(survey(&[(0, 6), (0, 9), (0, 3)]), 2));
    positions.adopt(&survey(&[(0, 6), (0, 9), (0, 3)]));
    assert_eq!(
        next(&positions),
        [5, 5, 0],
        "an added one, at its beginning"
    );
}

#[test]
fn other_partitions_and_lost_positions_are_outdated() {
    let positions = adopted(&[(0, 5), (0, 5)]);
    for (ranges, outdated) in [
        (&[(0, 5), (0, 9)][..], false),
        (&[(0, 5)], true),
        (&[(0, 5), (0, 5), (0, 0)], true),
        (&[(0, 5), (0, 4)], true),
        (&[(6, 8), (0, 5)], true),
    ] {
        assert_eq!(
            positions.are_outdated(&survey(ranges)),
            outdated,
            "{ranges:?}"
        );
    }
}

#[test]
fn a_received_message_moves_its_partition_alone_and_only_forward() {
    let mut positions = adopted(&[(0, 5), (0, 5)]);
    positions.advance(0, 6);
    positions.advance(7, 71);
    positions.advance(1, 3);
    assert_eq!(next(&positions), [6, 5]);
    positions.adopt(&survey(&[(0, 8), (0, 9)]));
    assert_eq!(next(&positions), [6, 5], "what came meanwhile is read");
}

#[test]
fn what_is_received_during_a_survey_is_not_read_again() {
    let mut positions = adopted(&[(0, 5)]);
    positions.mark();
    positions.advance(0, 7);
    let found = survey(&[(0, 6)]);
    assert!(!positions.are_outdated(&found));
    positions.adopt(&found);
    assert_eq!(next(&positions), [7]);
}

#[test]
fn only_the_partitions_that_may_contain_a_bad_batch_are_skipped() {
    let mut positions = adopted(&[(0, 5), (0, 9), (0, 20)]);
    let now = survey(&[(0, 5), (0, 12), (0, 30)]);
    assert_eq!(positions.skip_batch(10, &now), [1]);
    assert_eq!(next(&positions), [5, 12, 20]);
    assert_eq!(positions.skip_batch(10, &now), [0; 0], "once");
    assert_eq!(positions.skip_all(&BTreeSet::from([0, 2]), &now), [2]);
}

#[test]
fn a_partition_that_stays_behind_is_skipped_and_one_that_moves_is_not() {
    let mut positions = adopted(&[(0, 5), (0, 5), (0, 5)]);
    let now = survey(&[(0, 5), (0, 9), (0, 9)]);
    assert_eq!(positions.skip_stalled(&now), [0; 0]);
    assert!(positions.are_behind());
    positions.advance(1, 6);
    let now = survey(&[(0, 7), (0, 12), (0, 12)]);
    assert_eq!(positions.skip_stalled(&now), [2]);
    assert_eq!(next(&positions), [5, 6, 12]);
    positions.advance(0, 7);
    positions.advance(1, 12);
    assert_eq!(positions.skip_stalled(&now), [0; 0]);
    assert!(!positions.are_behind());
}
