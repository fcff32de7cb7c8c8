//! An old key that must not go yet, must go all the same, or must come back.

use std::time::Duration;

use credswap::Error;
use credswap::rotation::*;

use crate::rotation::world::{CRASHES, Fate, HOUR, Hands, MINUTE, SECRET};

const TOKEN: &str = "version-1-of-this-secret-is-being-made";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The old key, after a rotation that the consumer has missed.
async fn rotated() -> (Hands, String) {
    let hands = Hands::new();
    let old = hands.world().keys[0].id.clone();
    hands.rotate(TOKEN).await.expect("it rotates");
    (hands, old)
}

async fn retire(hands: &Hands, old: &str) -> (KeyAction, KeyActionReason) {
    let retired = hands.rotation().retire(SECRET).await.expect("it requester");
    report(retired, old)
}

fn report(retired: RetireReport, old: &str) -> (KeyAction, KeyActionReason) {
    let key = retired.keys.into_iter().find(|key| key.id == old);
    let key = key.expect("the key is reported on");
    (key.did, key.why)
}

/// The consumer says that it was refused just now.
fn refused(hands: &Hands) {
    let mut world = hands.world();
    let refused = Rejection {
        instance: "first".to_owned(),
        at: world.now,
    };
    world.refused.insert("version-0".to_owned(), vec![refused]);
}

fn is_active(hands: &Hands, id: &str) -> Option<bool> {
    hands.world().key(id).map(|key| key.active)
}

#[tokio::test(start_paused = true)]
async fn a_straggler_keeps_its_key_until_it_lets_go() {
    let (hands, old) = rotated().await;
    for _ in 0..6 {
        let (did, why) = retire(&hands, &old).await;
        assert_eq!(did, KeyAction::Nothing);
        assert!(
            matches!(&why, KeyActionReason::InUse { by } if by[0].instance == "first"),
            "{why}"
        );
        hands.world().now += DAY;
    }
    hands.world().consumer_reloads("first");
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
    assert_eq!(is_active(&hands, &old), Some(false));
    hands.world().now += 23 * HOUR;
    let (did, why) = retire(&hands, &old).await;
    assert!(
        did == KeyAction::Nothing && matches!(why, KeyActionReason::Watched { .. }),
        "{why}"
    );
    hands.world().now += HOUR;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deleted);
    assert_eq!(is_active(&hands, &old), None);
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_a_key_is_deactivated_and_never_deleted() {
    let (hands, old) = rotated().await;
    retire(&hands, &old).await;
    hands.world().now += 7 * DAY;
    let (did, why) = retire(&hands, &old).await;
    assert_eq!(did, KeyAction::Deactivated);
    assert!(
        matches!(&why, KeyActionReason::Deadline(why) if matches!(**why, KeyActionReason::InUse { .. })),
        "{why}"
    );
    for _ in 0..100 {
        hands.world().now += DAY;
        assert_eq!(retire(&hands, &old).await.0, KeyAction::Nothing);
    }
    assert_eq!(is_active(&hands, &old), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_straggler_past_the_deadline_gets_its_key_back_on_its_first_failure() {
    let (hands, old) = rotated().await;
    retire(&hands, &old).await;
    hands.world().now += 7 * DAY;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
    hands.world().now += MINUTE;
    refused(&hands);
    hands.world().now += HOUR;
    let (did, why) = retire(&hands, &old).await;
    assert_eq!(
        (did, is_active(&hands, &old)),
        (KeyAction::Reactivated, Some(true)),
        "{why}"
    );
    // It has another deadline's time.
    for _ in 0..6 {
        hands.world().now += DAY;
        assert_eq!(retire(&hands, &old).await.0, KeyAction::Nothing);
    }
    hands.world().now += DAY;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
    // What it said of the last time does not count again.
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Nothing);
    hands.world().consumer_reloads("first");
    hands.world().now += DAY;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_by_somebody_who_does_not_report_is_not_released() {
    let (hands, old) = rotated().await;
    hands.world().consumer_reloads("first");
    hands.world().now += HOUR;
    let used = (hands.world().now, "sqs".to_owned());
    hands.world().key_mut(&old).used = Some(used);
    let (did, why) = retire(&hands, &old).await;
    assert_eq!(did, KeyAction::Nothing);
    assert!(
        matches!(&why, KeyActionReason::UsedSince { service, .. } if service == "sqs"),
        "{why}"
    );
    // Nor is room made by it.
    let error = hands
        .rotate("version-2-of-this-secret")
        .await
        .expect_err("no room");
    assert!(error.to_string().contains("sqs"), "{error}");
    // When it has been quiet for long, it is tried: that can be taken back.
    hands.world().now += DAY;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_deactivated_is_not_given_back() {
    let (hands, old) = rotated().await;
    hands.world().key_mut(&old).active = false;
    for _ in 0..3 {
        refused(&hands);
        let (did, why) = retire(&hands, &old).await;
        assert!(
            did == KeyAction::Nothing && matches!(why, KeyActionReason::Rejected { .. }),
            "{why}"
        );
        hands.world().now += 2 * DAY;
    }
    assert_eq!(is_active(&hands, &old), Some(false));
    // It is deleted by the same word as any other.
    hands.world().refused.clear();
    hands.world().consumer_reloads("first");
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_activates_again_is_left_alone_for_a_while() {
    let (hands, old) = rotated().await;
    hands.world().consumer_reloads("first");
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
    hands.world().key_mut(&old).active = true;
    let (did, why) = retire(&hands, &old).await;
    assert!(
        did == KeyAction::Nothing && matches!(why, KeyActionReason::GivenBack { .. }),
        "{why}"
    );
    hands.world().now += 2 * DAY;
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_given_back_whatever_call_somebody_died_at() {
    for dies_when_it_is in [KeyAction::Deactivated, KeyAction::Reactivated] {
        for (at, fate) in (0..14).flat_map(|at| CRASHES.map(|fate| (at, fate))) {
            let (hands, old) = rotated().await;
            let retire = async |dies: bool| {
                let next = hands.world().calls + at;
                hands.world().plan.extend(dies.then_some((next, fate)));
                for _ in 0..3 {
                    let rotation = hands.rotation();
                    let _ = hands.live(rotation.retire(SECRET)).await;
                    hands.world().now += MINUTE;
                }
            };
            retire(false).await;
            hands.world().now += 7 * DAY;
            retire(dies_when_it_is == KeyAction::Deactivated).await;
            assert_eq!(is_active(&hands, &old), Some(false), "{at} {fate:?}");
            refused(&hands);
            hands.world().now += HOUR;
            retire(dies_when_it_is == KeyAction::Reactivated).await;
            assert_eq!(is_active(&hands, &old), Some(true), "{at} {fate:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_consent_unless_somebody_vouches() {
    let hands = Hands::new();
    let old = hands.world().keys[0].id.clone();
    hands.world().consumers.clear();
    hands.rotate(TOKEN).await.expect("it rotates");
    let mut vouched = Policy::default();
    vouched.assume_released = Some(HOUR);
    let by = |policy: &Policy| {
        let rotation = hands.rotation_within(policy.clone());
        let old = old.clone();
        async move { Ok::<_, Error>(report(rotation.retire(SECRET).await?, &old)) }
    };
    for _ in 0..3 {
        let (did, why) = by(&Policy::default()).await.expect("it requester");
        assert_eq!((did, why), (KeyAction::Nothing, KeyActionReason::Unknown));
        hands.world().now += DAY;
    }
    let (did, why) = by(&vouched).await.expect("it requester");
    assert_eq!(did, KeyAction::Deactivated);
    assert!(
        matches!(&why, KeyActionReason::Released { presumed_gone, .. } if !presumed_gone.is_empty()),
        "{why}"
    );
    hands.world().now += DAY;
    assert_eq!(
        by(&vouched).await.expect("it requester").0,
        KeyAction::Deleted
    );
}

#[tokio::test(start_paused = true)]
async fn room_is_made_on_a_word_and_never_on_silence_alone() {
    const NEXT: &str = "version-2-of-this-secret-is-being-made";
    let (hands, old) = rotated().await;
    hands.world().consumer_reloads("first");
    hands.world().cut_off.insert("cut-off");
    let no_room = async |why: &str| {
        let error = hands.rotate(NEXT).await.expect_err("no room");
        assert_eq!(error.kind(), credswap::ErrorKind::InUse);
        assert!(error.to_string().contains(why), "{error}");
    };
    no_room("presumed_gone of cut-off").await;
    assert_eq!(is_active(&hands, &old), Some(true));

    // Whoever was only cut off can still get it back.
    assert_eq!(retire(&hands, &old).await.0, KeyAction::Deactivated);
    hands.world().now += 23 * HOUR;
    no_room("watched until").await;
    assert_eq!(is_active(&hands, &old), Some(false));

    hands.world().now += HOUR;
    hands
        .rotate(NEXT)
        .await
        .expect("it was watched, so it may go");
    assert_eq!(is_active(&hands, &old), None);
}

#[tokio::test(start_paused = true)]
async fn room_is_made_at_once_when_all_have_given_their_word() {
    let (hands, old) = rotated().await;
    hands.world().consumer_reloads("first");
    let next = "version-2-of-this-secret-is-being-made";
    hands.rotate(next).await.expect("it rotates");
    assert_eq!(is_active(&hands, &old), None);
}

#[tokio::test(start_paused = true)]
async fn any_label_of_a_persons_own_keeps_a_key() {
    let (hands, old) = rotated().await;
    hands.world().consumer_reloads("first");
    hands.world().versions[0].labels.insert("CANARY".to_owned());
    hands.world().now += 30 * DAY;
    assert_eq!(
        retire(&hands, &old).await,
        (
            KeyAction::Nothing,
            KeyActionReason::Labelled("CANARY".to_owned())
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_current_key_that_is_also_in_the_previous_version_is_kept() {
    let hands = Hands::new();
    let key = hands.world().keys[0].id.clone();
    // Somebody stored the same key again, with another field.
    hands
        .world()
        .add_version("version-0b", Some(&key), &[CURRENT]);
    hands.world().consumer_reloads("first");
    for _ in 0..10 {
        assert_eq!(
            retire(&hands, &key).await.1,
            KeyActionReason::Labelled(CURRENT.to_owned())
        );
        hands.world().now += DAY;
    }
    assert_eq!(is_active(&hands, &key), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_persons_unused_key_from_before_a_crash_is_not_taken_for_a_leftover() {
    let hands = Hands::new();
    let person = hands.world().new_key();
    hands.world().now += HOUR;
    // A createSecret wrote its intent an hour later, and died: it cannot have made that key.
    let tag = format!("{} {TOKEN} AKIATESTKEY000000001", 1_700_000_000 + 26 * 3600);
    hands
        .world()
        .tags
        .insert("credswap:creating".to_owned(), tag);
    hands.world().now += 30 * DAY;
    assert_eq!(
        retire(&hands, &person).await,
        (KeyAction::Nothing, KeyActionReason::Foreign)
    );
    let error = hands.rotate(TOKEN).await.expect_err("no room");
    assert!(error.to_string().contains("may be somebody's"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_was_there_when_it_wrote_its_intent() {
    let hands = Hands::new();
    let person = hands.world().new_key();
    let tag = format!(
        "{} {TOKEN} AKIATESTKEY000000001 {person}",
        1_700_000_000 + 24 * 3600 + 60
    );
    hands
        .world()
        .tags
        .insert("credswap:creating".to_owned(), tag);
    hands.world().now += 30 * DAY;
    assert_eq!(
        retire(&hands, &person).await,
        (KeyAction::Nothing, KeyActionReason::Foreign)
    );
}

#[tokio::test(start_paused = true)]
async fn a_leftover_is_removed_when_nobody_can_store_it_any_more() {
    let hands = Hands::new();
    // After describe twice, two reads, the keys, the intent and the new key.
    hands.world().plan = [(7, Fate::DieBefore)].into();
    assert!(hands.live(hands.rotate(TOKEN)).await.is_none(), "it dies");
    let hands = hands.actor(1);
    let leftover = hands.world().keys[1].id.clone();
    hands.world().now += 14 * MINUTE;
    let (did, why) = retire(&hands, &leftover).await;
    assert!(
        did == KeyAction::Nothing && matches!(why, KeyActionReason::Leftover { .. }),
        "{why}"
    );
    let error = hands.rotate(TOKEN).await.expect_err("not yet");
    assert!(
        error.is_retryable() && error.to_string().contains("createSecret"),
        "{error}"
    );
    hands.world().now += 2 * MINUTE;
    hands.rotate(TOKEN).await.expect("now it can");
    assert!(hands.world().key(&leftover).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_old_version_without_a_label_is_not_taken_for_one_that_was_never_current() {
    let (hands, old) = rotated().await;
    {
        let mut world = hands.world();
        world.consumers.clear();
        world.key_mut(&old).used = None;
        world.versions[0].labels.clear();
    }
    for _ in 0..6 {
        assert_eq!(
            retire(&hands, &old).await,
            (KeyAction::Nothing, KeyActionReason::Unknown)
        );
        hands.world().now += DAY;
    }
}
