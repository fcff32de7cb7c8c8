//! A key that stands in another field of a version as well: it does not hold a retirement up.

use credswap::rotation::seam::CURRENT;
use credswap::rotation::{KeyAction, KeyActionReason};

use crate::rotation::convergence::TOKEN;
use crate::rotation::in_memory::{HOUR, Process};
use crate::rotation::retire::{is_active, retire, rotated};

#[tokio::test(start_paused = true)]
async fn a_stale_field_of_the_current_version_does_not_keep_an_old_key() {
    for field in ["uri", "smtp_username", "note"] {
        let (process, old) = rotated().await;
        process
            .account()
            .add_field(TOKEN, field, &format!("s3://{old}@host"));
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
        process.account().consumer_refreshes("first");
        assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
        process.account().now += 24 * HOUR;
        assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);
        assert_eq!(is_active(&process, &old), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_holds_no_readable_key_keeps_what_it_mentions() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    {
        let mut account = process.account();
        account.add_version("canary", None, &["CANARY"]);
        let version = account.versions.last_mut().expect("a version");
        version.content = Some(format!("[{old}"));
    }
    assert_eq!(
        retire(&process, &old).await,
        (
            KeyAction::Kept,
            KeyActionReason::Labelled("CANARY".to_owned())
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_only_mentioned_is_not_a_leftover() {
    let process = Process::new();
    let start = process.account().now;
    let tag = format!("{} {TOKEN} AKIATESTKEY000000001", 1_700_000_000 + 24 * 3600);
    process
        .account()
        .tags
        .insert("credswap:creating".to_owned(), tag);
    let mentioned = process.account().new_key();
    process
        .account()
        .add_field("version-0", "note", &format!("next: {mentioned}"));
    process.account().now = start + 30 * 24 * HOUR;
    assert_eq!(
        retire(&process, &mentioned).await,
        (KeyAction::Kept, KeyActionReason::Foreign)
    );
}

#[tokio::test(start_paused = true)]
async fn the_current_key_is_kept_whatever_mentions_it() {
    let process = Process::new();
    let key = process.account().keys[0].id.clone();
    process.account().add_field("version-0", "note", &key);
    process.account().now += 30 * 24 * HOUR;
    assert_eq!(
        retire(&process, &key).await.1,
        KeyActionReason::Labelled(CURRENT.to_owned())
    );
}
