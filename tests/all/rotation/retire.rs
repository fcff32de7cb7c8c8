//! An old key that must be kept, must be removed all the same, or must be given back.

use std::time::Duration;

use credswap::rotation::seam::{CURRENT, KeyUse};
use credswap::rotation::{KeyAction, KeyActionReason, Rejection, RetireReport};

use crate::rotation::convergence::TOKEN;
use crate::rotation::faults::{CRASHES, Fault};
use crate::rotation::in_memory::{HOUR, MINUTE, Process, SECRET};

pub(crate) const NEXT_TOKEN: &str = "version-2-of-this-secret-is-being-made";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The old key, after a rotation that the consumer has missed.
pub(crate) async fn rotated() -> (Process, String) {
    let process = Process::new();
    let old = process.account().keys[0].id.clone();
    process.rotate(TOKEN).await.expect("it rotates");
    (process, old)
}

pub(crate) async fn retire(process: &Process, old: &str) -> (KeyAction, KeyActionReason) {
    let retired = process.rotation().retire(SECRET).await.expect("it is read");
    report(retired, old)
}

pub(crate) fn report(retired: RetireReport, old: &str) -> (KeyAction, KeyActionReason) {
    let key = retired.keys.into_iter().find(|key| key.id == old);
    let key = key.expect("the key is reported on");
    (key.action, key.reason)
}

/// The consumer reports that AWS rejected its key just now.
fn reject(process: &Process) {
    let mut account = process.account();
    let rejection = Rejection::new("first", account.now);
    account
        .rejections
        .insert("version-0".to_owned(), vec![rejection]);
}

pub(crate) fn is_active(process: &Process, id: &str) -> Option<bool> {
    process.account().key(id).map(|key| key.active)
}

#[tokio::test(start_paused = true)]
async fn a_straggler_keeps_its_key_until_it_releases_it() {
    let (process, old) = rotated().await;
    for _ in 0..6 {
        let (action, reason) = retire(&process, &old).await;
        assert_eq!(action, KeyAction::Kept);
        assert!(
            matches!(&reason, KeyActionReason::InUse { by } if by[0].instance == "first"),
            "{reason}"
        );
        process.account().now += DAY;
    }
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    assert_eq!(is_active(&process, &old), Some(false));
    process.account().now += 23 * HOUR;
    let (action, reason) = retire(&process, &old).await;
    assert!(
        action == KeyAction::Kept && matches!(reason, KeyActionReason::Watched { .. }),
        "{reason}"
    );
    process.account().now += HOUR;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);
    assert_eq!(is_active(&process, &old), None);
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_a_key_is_deactivated_not_deleted() {
    let (process, old) = rotated().await;
    retire(&process, &old).await;
    process.account().now += 7 * DAY;
    let (action, reason) = retire(&process, &old).await;
    assert_eq!(action, KeyAction::Deactivated);
    assert!(
        matches!(&reason, KeyActionReason::Deadline(reason) if matches!(**reason, KeyActionReason::InUse { .. })),
        "{reason}"
    );
    for _ in 0..100 {
        process.account().now += DAY;
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    }
    assert_eq!(is_active(&process, &old), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_straggler_gets_its_key_back() {
    let (process, old) = rotated().await;
    retire(&process, &old).await;
    process.account().now += 7 * DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    process.account().now += MINUTE;
    reject(&process);
    process.account().now += HOUR;
    let (action, reason) = retire(&process, &old).await;
    assert_eq!(
        (action, is_active(&process, &old)),
        (KeyAction::Reactivated, Some(true)),
        "{reason}"
    );
    // It is kept until another deadline.
    for _ in 0..6 {
        process.account().now += DAY;
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    }
    process.account().now += DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    // The earlier rejection does not count again.
    assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    process.account().consumer_refreshes("first");
    process.account().now += DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_key_used_by_somebody_who_does_not_report_is_kept() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    process.account().now += HOUR;
    let (at, service) = (process.account().now, "sqs".to_owned());
    process.account().key_mut(&old).used = Some(KeyUse { at, service });
    let (action, reason) = retire(&process, &old).await;
    assert_eq!(action, KeyAction::Kept);
    assert!(
        matches!(&reason, KeyActionReason::UsedSince { service, .. } if service == "sqs"),
        "{reason}"
    );
    // Nor is it deleted to make room.
    let error = process.rotate(NEXT_TOKEN).await.expect_err("no room");
    assert!(error.to_string().contains("sqs"), "{error}");
    // However long ago that was, until the deadline.
    process.account().now += 6 * DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    process.account().now += DAY;
    let (action, reason) = retire(&process, &old).await;
    assert!(
        action == KeyAction::Deactivated && matches!(reason, KeyActionReason::Deadline(_)),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_use_right_after_the_release_counts() {
    let (process, old) = rotated().await;
    let use_at_s3 = || {
        let mut account = process.account();
        account.now += Duration::from_secs(5);
        let (at, service) = (account.now, "s3".to_owned());
        account.key_mut(&old).used = Some(KeyUse { at, service });
    };
    process.account().consumer_refreshes("first");
    use_at_s3();
    assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    // If it stays the only one, it was the last use of the consumer that reports, by IAM's clock.
    process.account().now += DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    // Used since it was deactivated, in spite of that, or before: IAM shows a use late.
    use_at_s3();
    let (action, reason) = retire(&process, &old).await;
    assert!(
        action == KeyAction::Reactivated && matches!(reason, KeyActionReason::UsedSince { .. }),
        "{reason}"
    );
    assert_eq!(is_active(&process, &old), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_deactivated_stays_inactive() {
    let (process, old) = rotated().await;
    process.account().key_mut(&old).active = false;
    for _ in 0..3 {
        reject(&process);
        let (action, reason) = retire(&process, &old).await;
        assert!(
            action == KeyAction::Kept && matches!(reason, KeyActionReason::Rejected { .. }),
            "{reason}"
        );
        process.account().now += 2 * DAY;
    }
    assert_eq!(is_active(&process, &old), Some(false));
    // It is deleted after a release, as any other key.
    process.account().rejections.clear();
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_activates_is_left_alone_for_a_day() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    process.account().key_mut(&old).active = true;
    let (action, reason) = retire(&process, &old).await;
    assert!(
        action == KeyAction::Kept && matches!(reason, KeyActionReason::RecentlyActivated { .. }),
        "{reason}"
    );
    process.account().now += 2 * DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_given_back_after_a_crash_at_any_call() {
    for dies_when_it_is in [KeyAction::Deactivated, KeyAction::Reactivated] {
        for (at, fault) in (0..14).flat_map(|at| CRASHES.map(|fault| (at, fault))) {
            let (process, old) = rotated().await;
            let retire = async |dies: bool| {
                let next = process.account().calls + at;
                process
                    .account()
                    .faults
                    .extend(dies.then_some((next, fault)));
                for _ in 0..3 {
                    let rotation = process.rotation();
                    let _ = process.run(rotation.retire(SECRET)).await;
                    process.account().now += MINUTE;
                }
            };
            retire(false).await;
            process.account().now += 7 * DAY;
            retire(dies_when_it_is == KeyAction::Deactivated).await;
            assert_eq!(is_active(&process, &old), Some(false), "{at} {fault:?}");
            reject(&process);
            process.account().now += HOUR;
            retire(dies_when_it_is == KeyAction::Reactivated).await;
            assert_eq!(is_active(&process, &old), Some(true), "{at} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_room_is_made_by_presuming_a_consumer_gone() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    process.account().cut_off.insert("cut-off");
    let no_room = async |reason: &str| {
        let error = process.rotate(NEXT_TOKEN).await.expect_err("no room");
        assert_eq!(error.kind(), credswap::ErrorKind::InUse);
        assert!(error.to_string().contains(reason), "{error}");
    };
    no_room("presuming cut-off gone").await;
    assert_eq!(is_active(&process, &old), Some(true));

    // A consumer that was only cut off can still get it back.
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    process.account().now += 23 * HOUR;
    no_room("watched until").await;
    assert_eq!(is_active(&process, &old), Some(false));

    process.account().now += HOUR;
    process
        .rotate(NEXT_TOKEN)
        .await
        .expect("it was watched, so it is deleted");
    assert_eq!(is_active(&process, &old), None);
}

#[tokio::test(start_paused = true)]
async fn room_is_made_at_once_when_all_have_released_the_key() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    process.rotate(NEXT_TOKEN).await.expect("it rotates");
    assert_eq!(is_active(&process, &old), None);
}

#[tokio::test(start_paused = true)]
async fn any_other_label_keeps_a_key() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    process.account().versions[0]
        .labels
        .insert("CANARY".to_owned());
    process.account().now += 30 * DAY;
    assert_eq!(
        retire(&process, &old).await,
        (
            KeyAction::Kept,
            KeyActionReason::Labelled("CANARY".to_owned())
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_current_key_is_kept_in_the_previous_version_too() {
    let process = Process::new();
    let key = process.account().keys[0].id.clone();
    // Somebody stored the same key again, with another field.
    process
        .account()
        .add_version("version-0b", Some(&key), &[CURRENT]);
    process.account().consumer_refreshes("first");
    for _ in 0..10 {
        assert_eq!(
            retire(&process, &key).await.1,
            KeyActionReason::Labelled(CURRENT.to_owned())
        );
        process.account().now += DAY;
    }
    assert_eq!(is_active(&process, &key), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_key_from_before_the_intent_is_not_a_leftover() {
    let process = Process::new();
    let person = process.account().new_key();
    process.account().now += HOUR;
    // A createSecret wrote its intent an hour later, and died: it cannot have made that key.
    let tag = format!("{} {TOKEN} AKIATESTKEY000000001", 1_700_000_000 + 26 * 3600);
    process
        .account()
        .tags
        .insert("credswap:creating".to_owned(), tag);
    process.account().now += 30 * DAY;
    assert_eq!(
        retire(&process, &person).await,
        (KeyAction::Kept, KeyActionReason::Foreign)
    );
    let error = process.rotate(TOKEN).await.expect_err("no room");
    assert!(
        error.to_string().contains("may belong to somebody else"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_intent_lists_is_not_a_leftover() {
    let process = Process::new();
    let person = process.account().new_key();
    let tag = format!(
        "{} {TOKEN} AKIATESTKEY000000001 {person}",
        1_700_000_000 + 24 * 3600 + 60
    );
    process
        .account()
        .tags
        .insert("credswap:creating".to_owned(), tag);
    process.account().now += 30 * DAY;
    assert_eq!(
        retire(&process, &person).await,
        (KeyAction::Kept, KeyActionReason::Foreign)
    );
}

#[tokio::test(start_paused = true)]
async fn a_leftover_is_deleted_when_nobody_can_store_it() {
    let process = Process::new();
    // After two describes, two reads, the keys, the intent and the new key.
    process.account().faults = [(7, Fault::DieBefore)].into();
    assert!(
        process.run(process.rotate(TOKEN)).await.is_none(),
        "it dies"
    );
    let process = process.other(1);
    let leftover = process.account().keys[1].id.clone();
    process.account().now += 14 * MINUTE;
    let (action, reason) = retire(&process, &leftover).await;
    assert!(
        action == KeyAction::Kept && matches!(reason, KeyActionReason::Leftover { .. }),
        "{reason}"
    );
    let error = process.rotate(TOKEN).await.expect_err("not yet");
    assert!(
        error.is_retryable() && error.to_string().contains("createSecret"),
        "{error}"
    );
    process.account().now += 2 * MINUTE;
    process.rotate(TOKEN).await.expect("now it can");
    assert!(process.account().key(&leftover).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_old_version_without_a_label_is_not_abandoned() {
    let (process, old) = rotated().await;
    {
        let mut account = process.account();
        account.consumers.clear();
        account.key_mut(&old).used = None;
        account.versions[0].labels.clear();
    }
    for _ in 0..6 {
        assert_eq!(
            retire(&process, &old).await,
            (KeyAction::Kept, KeyActionReason::Unknown)
        );
        process.account().now += DAY;
    }
}
