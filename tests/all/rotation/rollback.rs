//! A version that a person made current again: its key works, and the rotation that it undid stays undone.

use std::time::Duration;

use credswap::rotation::seam::{CURRENT, PENDING, PREVIOUS};
use credswap::rotation::{KeyAction, KeyActionReason, Step};
use credswap::{ErrorKind, VersionId};

use crate::rotation::convergence::TOKEN;
use crate::rotation::faults::CRASHES;
use crate::rotation::in_memory::{HOUR, MINUTE, Process, SECRET, request};
use crate::rotation::retire::{NEXT_TOKEN, is_active, retire, rotated};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The old key was retired as far as deactivated; then a person rolled back to its version.
async fn rolled_back() -> (Process, String) {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    process.account().now += HOUR;
    process.account().label_by_hand(CURRENT, "version-0");
    (process, old)
}

#[tokio::test(start_paused = true)]
async fn retire_gives_the_key_of_the_current_version_back() {
    let (process, old) = rolled_back().await;
    assert_eq!(
        retire(&process, &old).await,
        (
            KeyAction::Reactivated,
            KeyActionReason::Labelled(CURRENT.to_owned())
        )
    );
    assert_eq!(is_active(&process, &old), Some(true));
    for _ in 0..3 {
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
        process.account().now += DAY;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_step_gives_it_back_too() {
    // createSecret of another rotation: there is no room for a third key, but the current one works.
    let (process, old) = rolled_back().await;
    let error = process.rotate(NEXT_TOKEN).await.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::InUse, "{}", error.report());
    assert_eq!(is_active(&process, &old), Some(true));

    // testSecret of a rotation that has created nothing tests the current key.
    let (process, old) = rolled_back().await;
    process.account().add_version(NEXT_TOKEN, None, &[PENDING]);
    let test = request(Step::Test, NEXT_TOKEN);
    process.rotation().step(&test).await.expect("it works");
    assert_eq!(is_active(&process, &old), Some(true));
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_version_that_is_pending_again_is_given_back() {
    let process = Process::new();
    for step in [Step::Create, Step::Test] {
        let done = process.rotation().step(&request(step, TOKEN)).await;
        done.expect("the step succeeds");
    }
    // The rotation was cancelled, its key deactivated as abandoned; then somebody wants it after all.
    process.account().unlabel(PENDING);
    let created = process.account().keys[1].id.clone();
    for _ in 0..2 {
        retire(&process, &created).await;
        process.account().now += 20 * MINUTE;
    }
    assert_eq!(is_active(&process, &created), Some(false));
    process.account().label_by_hand(PENDING, TOKEN);
    let token = process.rotate(NEXT_TOKEN).await.expect("it rotates");
    assert_eq!(token.as_str(), TOKEN);
    assert_eq!(is_active(&process, &created), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_current_key_that_a_person_deactivated_stays_inactive() {
    // Before or after the rollback: the key may be in the wrong hands.
    let (process, old) = rotated().await;
    process.account().key_mut(&old).active = false;
    process.account().label_by_hand(CURRENT, "version-0");
    for _ in 0..3 {
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
        process.account().now += DAY;
    }
    assert_eq!(is_active(&process, &old), Some(false));

    for by_hand in [false, true] {
        let (process, old) = rolled_back().await;
        if by_hand {
            process.account().key_mut(&old).active = true;
        }
        retire(&process, &old).await;
        process.account().key_mut(&old).active = false;
        process.account().label_by_hand(CURRENT, "version-0");
        for _ in 0..3 {
            assert_eq!(retire(&process, &old).await.0, KeyAction::Kept, "{by_hand}");
            process.account().now += DAY;
        }
        assert_eq!(is_active(&process, &old), Some(false), "{by_hand}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_given_back_after_a_crash_at_any_call() {
    for (at, fault) in (0..12).flat_map(|at| CRASHES.map(|fault| (at, fault))) {
        let (process, old) = rolled_back().await;
        let next = process.account().calls + at;
        process.account().faults.insert(next, fault);
        for _ in 0..2 {
            let rotation = process.rotation();
            let _ = process.run(rotation.retire(SECRET)).await;
            process.account().now += MINUTE;
        }
        assert_eq!(is_active(&process, &old), Some(true), "{at} {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_rotation_leaves_nothing_pending() {
    let (process, _) = rotated().await;
    assert!(process.account().labelled(PENDING).is_none());
    process.account().consumer_refreshes("first");
    process.rotate(NEXT_TOKEN).await.expect("it rotates");
    // Back twice: what was undone first has no label at all then.
    process.account().label_by_hand(CURRENT, TOKEN);
    process.account().label_by_hand(PREVIOUS, "version-0");
    assert_eq!(
        process.rotation().in_progress(SECRET).await.expect("read"),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_rolled_back_is_not_continued() {
    let (process, old) = rotated().await;
    // Other functions leave AWSPENDING behind, and this one if it dies.
    process.account().label_by_hand(PENDING, TOKEN);
    process.account().consumer_refreshes("first");
    let rolled_back = process.account().keys[1].id.clone();
    process.account().label_by_hand(CURRENT, "version-0");
    process.account().consumer_refreshes("first");
    // By Secrets Manager, which calls again with the token that is pending.
    for step in Step::ALL {
        let error = process.rotation().step(&request(step, TOKEN)).await;
        let error = error.expect_err("it was rolled back");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        for name in [TOKEN, "rolled back", "--remove-from-version-id"] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    assert_eq!(is_active(&process, &old), Some(true));

    // By a runner: the next rotation has a version of its own.
    let token = process.rotate(NEXT_TOKEN).await.expect("it rotates");
    assert_eq!(token.as_str(), NEXT_TOKEN);
    process.account().consumer_refreshes("first");
    {
        let account = process.account();
        let current = account.labelled(CURRENT).map(|v| v.id.clone());
        assert_eq!(current.as_deref(), Some(NEXT_TOKEN));
        let previous = account.labelled(PREVIOUS).map(|v| v.id.clone());
        assert_eq!(previous.as_deref(), Some("version-0"));
    }
    // All have released the key of the rolled back version: it was what made room.
    assert_eq!(is_active(&process, &rolled_back), None);
    crate::rotation::convergence::retire(&process, &VersionId::from(NEXT_TOKEN)).await;
}

#[tokio::test(start_paused = true)]
async fn the_key_that_was_rolled_back_is_retired() {
    let (process, old) = rotated().await;
    process.account().label_by_hand(PENDING, TOKEN);
    process.account().consumer_refreshes("first");
    process.account().label_by_hand(CURRENT, "version-0");
    process.account().consumer_refreshes("first");
    let rolled_back = process.account().keys[1].id.clone();
    assert_eq!(
        retire(&process, &rolled_back).await.0,
        KeyAction::Deactivated
    );
    assert!(process.account().labelled(PENDING).is_none());
    process.account().now += DAY;
    assert_eq!(retire(&process, &rolled_back).await.0, KeyAction::Deleted);
    assert_eq!(is_active(&process, &old), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_manual_version_after_a_rotation_is_not_rotated_away() {
    // AWSPENDING stays where another function's rotation left it, and is no rotation in progress.
    let (process, _) = rotated().await;
    process.account().label_by_hand(PENDING, TOKEN);
    process.account().consumer_refreshes("first");
    let key = process.account().keys[1].id.clone();
    process
        .account()
        .add_version("by-hand", Some(&key), &[CURRENT]);
    process.account().consumer_refreshes("first");
    let token = process.rotate(NEXT_TOKEN).await.expect("it rotates");
    assert_eq!(token.as_str(), NEXT_TOKEN);
    let account = process.account();
    let previous = account.labelled(PREVIOUS).map(|v| v.id.clone());
    assert_eq!(previous.as_deref(), Some("by-hand"));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_retirement_does_not_count_for_the_next() {
    for was_deactivated in [false, true] {
        let (process, old) = rotated().await;
        process.account().consumer_refreshes("second");
        if was_deactivated {
            process.account().consumer_refreshes("first");
        }
        retire(&process, &old).await;
        assert_eq!(is_active(&process, &old), Some(!was_deactivated));
        process.account().label_by_hand(CURRENT, "version-0");
        for consumer in ["first", "second"] {
            process.account().consumer_refreshes(consumer);
        }
        for _ in 0..30 {
            retire(&process, &old).await;
            process.account().now += DAY;
        }
        assert_eq!(process.account().keys.len(), 1);
        // Now it is replaced again, and both consumers still use it.
        process.rotate(NEXT_TOKEN).await.expect("it rotates");
        for _ in 0..6 {
            let (action, reason) = retire(&process, &old).await;
            assert!(
                action == KeyAction::Kept && matches!(reason, KeyActionReason::InUse { .. }),
                "{was_deactivated}: {action} {reason}"
            );
            process.account().now += DAY;
        }
    }
}
