//! Consumers that do not report, and how long the old key is kept for them.

use credswap::rotation::seam::KeyUse;
use credswap::rotation::{KeyAction, KeyActionReason, Policy, Step};

use crate::rotation::convergence::TOKEN;
use crate::rotation::in_memory::{HOUR, Process, SECRET, request};
use crate::rotation::retire::{DAY, NEXT_TOKEN, report, rotated};
use crate::support::log::Log;

async fn retire_by(policy: &Policy, process: &Process, old: &str) -> (KeyAction, KeyActionReason) {
    let rotation = process.rotation_with(policy.clone());
    report(rotation.retire(SECRET).await.expect("it is read"), old)
}

#[tokio::test(start_paused = true)]
async fn reports_of_some_consumers_do_not_speak_for_the_others() {
    let (process, old) = rotated().await;
    // One consumer reports at once. Whether there are others that do not, nobody knows.
    process.account().consumer_refreshes("first");
    for _ in 0..24 {
        let (action, reason) = retire_by(&Policy::default(), &process, &old).await;
        assert!(
            action == KeyAction::Kept && matches!(reason, KeyActionReason::Overlap { .. }),
            "{reason}"
        );
        process.account().now += HOUR;
    }
    let (action, _) = retire_by(&Policy::default(), &process, &old).await;
    assert_eq!(action, KeyAction::Deactivated);
}

#[tokio::test(start_paused = true)]
async fn the_assumed_time_is_counted_once() {
    let process = Process::new();
    let old = process.account().keys[0].id.clone();
    process.account().consumers.clear();
    process.rotate(TOKEN).await.expect("it rotates");
    let policy = Policy::default().assume_released(14 * DAY);
    let mut actions = Vec::new();
    for day in 0..=15 {
        let (action, _) = retire_by(&policy, &process, &old).await;
        if action != KeyAction::Kept {
            actions.push((day, action));
        }
        process.account().now += DAY;
    }
    let expected = [(14, KeyAction::Deactivated), (15, KeyAction::Deleted)];
    assert_eq!(actions, expected);
}

#[tokio::test(start_paused = true)]
async fn rotations_without_consumers_and_retirements_go_on_for_ever() {
    let process = Process::new();
    process.account().consumers.clear();
    let policy = Policy::default().assume_released(14 * DAY);
    for n in 0..5 {
        let token = format!("version-{n}-of-this-secret-is-being-made");
        let rotated = process.rotate_with(policy.clone(), &token).await;
        rotated.unwrap_or_else(|error| panic!("rotation {n}: {error}"));
        process.account().now += 20 * DAY;
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_release_only_by_policy() {
    let process = Process::new();
    let old = process.account().keys[0].id.clone();
    process.account().consumers.clear();
    process.rotate(TOKEN).await.expect("it rotates");
    let assuming = Policy::default().assume_released(HOUR);
    for _ in 0..3 {
        let (action, reason) = retire_by(&Policy::default(), &process, &old).await;
        assert_eq!(
            (action, reason),
            (KeyAction::Kept, KeyActionReason::Unknown)
        );
        process.account().now += DAY;
    }
    let (action, reason) = retire_by(&assuming, &process, &old).await;
    assert_eq!(action, KeyAction::Deactivated);
    assert!(
        matches!(reason, KeyActionReason::Assumed { .. }),
        "{reason}"
    );
    process.account().now += DAY;
    let (action, _) = retire_by(&assuming, &process, &old).await;
    assert_eq!(action, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn an_old_key_waits_for_the_expected_consumers() {
    let (process, old) = rotated().await;
    let three = Policy::default().expected_consumers(3);
    let named = Policy::default().expected_instances(["first", "second", "third"]);
    for (name, reported) in [("first", "1 of 3"), ("second", "2 of 3")] {
        process.account().consumer_refreshes(name);
        for policy in [&three, &named] {
            let (action, reason) = retire_by(policy, &process, &old).await;
            assert_eq!(action, KeyAction::Kept);
            assert!(reason.to_string().starts_with(reported), "{reason}");
        }
    }
    let (_, reason) = retire_by(&named, &process, &old).await;
    assert!(reason.to_string().ends_with("third not"), "{reason}");
    // No room is made by their absence, either.
    let error = process.rotate_with(three.clone(), NEXT_TOKEN).await;
    let error = error.expect_err("no room").to_string();
    assert!(error.contains("2 of 3 expected consumers"), "{error}");
    process.account().consumer_refreshes("third");
    let (action, _) = retire_by(&three, &process, &old).await;
    assert_eq!(action, KeyAction::Deactivated);
}

#[tokio::test(start_paused = true)]
async fn the_overlap_begins_with_the_event_and_not_with_the_version() {
    let process = Process::new();
    let old = process.account().keys[0].id.clone();
    let policy = Policy::default();
    let rotation = process.rotation_with(policy.clone());
    for step in [Step::Create, Step::Set, Step::Test, Step::Finish] {
        let done = rotation.step(&request(step, TOKEN)).await;
        done.expect("the step succeeds");
        if step == Step::Create {
            // The new key is not accepted for long, say.
            process.account().now += 30 * HOUR;
        }
    }
    process.account().consumer_refreshes("first");
    let (action, reason) = retire_by(&policy, &process, &old).await;
    assert!(
        action == KeyAction::Kept && matches!(reason, KeyActionReason::Overlap { .. }),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_somebody_uses_after_its_release_is_a_warning() {
    let (log, _collecting) = Log::collect();
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    let use_at = |service: &str| {
        let mut account = process.account();
        account.now += HOUR;
        let (at, service) = (account.now, service.to_owned());
        account.key_mut(&old).used = Some(KeyUse { at, service });
    };
    use_at("sqs");
    let (action, _) = retire_by(&all_report(), &process, &old).await;
    assert_eq!(action, KeyAction::Kept);
    assert!(
        !log.lines("WARN", "used at sqs").is_empty(),
        "{}",
        log.text()
    );

    // At the deadline it is deactivated all the same, and given back to whoever uses it after that.
    process.account().now += 7 * DAY;
    let (action, _) = retire_by(&all_report(), &process, &old).await;
    assert_eq!(action, KeyAction::Deactivated);
    use_at("ses");
    let (action, _) = retire_by(&all_report(), &process, &old).await;
    assert_eq!(action, KeyAction::Reactivated);
    assert!(
        !log.lines("ERROR", "used at ses").is_empty(),
        "{}",
        log.text()
    );
}

fn all_report() -> Policy {
    Policy::default().all_consumers_report()
}
