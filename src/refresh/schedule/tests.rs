//! The schedule, as a table.

use super::*;

/// What happened, and between which seconds after it the next refresh is due; `None`: never.
type Row = (&'static str, fn(&mut Schedule, Instant), Option<(f64, f64)>);

#[tokio::test(start_paused = true)]
async fn each_reason_has_its_own_time() {
    let rows: [Row; 14] = [
        ("nothing", |_, _| {}, None),
        ("an event", |s, now| s.expect_change(now), Some((0.1, 0.2))),
        (
            "an event, and the version changed",
            |s, now| {
                s.expect_change(now);
                s.swapped();
            },
            None,
        ),
        (
            "an event, and nothing new yet",
            |s, now| {
                s.expect_change(now);
                s.unchanged(now);
            },
            Some((0.2, 0.4)),
        ),
        (
            "an event, and nothing new until the end",
            |s, now| {
                s.expect_change(now);
                s.unchanged(now + Duration::from_secs(30));
            },
            None,
        ),
        ("a failure", |s, now| s.failed(now), Some((1.0, 2.0))),
        (
            "two failures",
            |s, now| {
                s.failed(now);
                s.failed(now);
            },
            Some((2.0, 4.0)),
        ),
        (
            "a failure, then an answer",
            |s, now| {
                s.failed(now);
                s.unchanged(now);
            },
            None,
        ),
        (
            "an event, a failure, then an answer",
            |s, now| {
                s.expect_change(now);
                s.failed(now);
                s.unchanged(now);
            },
            Some((0.1, 0.2)),
        ),
        (
            "not propagated",
            |s, now| assert!(s.not_yet(&"v2".into(), now)),
            Some((0.1, 0.2)),
        ),
        (
            "not propagated for too long",
            |s, now| {
                assert!(s.not_yet(&"v2".into(), now));
                assert!(!s.not_yet(&"v2".into(), now + Duration::from_secs(120)));
            },
            None,
        ),
        (
            "a catch-up",
            |s, now| s.once_settled(now),
            Some((30.0, 30.0)),
        ),
        (
            "material that expires in a minute",
            |s, now| s.renew_within(now, Duration::from_secs(60)),
            Some((45.0, 45.0)),
        ),
        (
            "a deferred request and a catch-up",
            |s, now| {
                s.once_settled(now);
                s.not_before(now + Duration::from_secs(5));
            },
            Some((5.0, 5.0)),
        ),
    ];
    let now = Instant::now();
    for (what, happens, expected) in rows {
        for seed in 0..20 {
            let mut schedule = Schedule::new(Timeouts::default(), Rng::with_seed(seed));
            happens(&mut schedule, now);
            let due = schedule.next().map(|at| (at - now).as_secs_f64());
            match (due, expected) {
                (None, None) => {}
                (Some(due), Some((from, to))) if (from..=to).contains(&due) => {}
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_done_by_the_refresh_that_begins() {
    let now = Instant::now();
    let mut schedule = Schedule::new(Timeouts::default(), Rng::with_seed(1));
    schedule.once_settled(now);
    schedule.not_before(now + Duration::from_secs(5));
    assert!(
        !schedule.begin(now + Duration::from_secs(5)),
        "nothing expires"
    );
    assert_eq!(schedule.next(), Some(now + Duration::from_secs(30)));
    schedule.renew_within(now, Duration::from_secs(20));
    assert!(schedule.begin(now + Duration::from_secs(30)), "it expires");
    assert_eq!(schedule.next(), None);
}

#[tokio::test(start_paused = true)]
async fn more_events_prolong_the_polling_and_do_not_hasten_it() {
    let now = Instant::now();
    let mut schedule = Schedule::new(Timeouts::default(), Rng::with_seed(1));
    let mut at = now;
    for _ in 0..200 {
        schedule.expect_change(at);
        schedule.unchanged(at);
        at = schedule.next().expect("the change is still expected");
    }
    let each = (at - now).as_secs_f64() / 200.0;
    assert!(each > 2.0, "{each} s on average");
}
