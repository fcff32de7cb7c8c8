//! Tags that a tool removes: what the rotation remembers is lost, and no key is.

use std::time::Duration;

use credswap::rotation::{KeyAction, KeyActionReason, Rejection};

use crate::rotation::in_memory::{HOUR, MINUTE};
use crate::rotation::retire::{is_active, retire, rotated};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn a_retirement_whose_tags_are_removed_is_delayed() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    for _ in 0..5 {
        process.account().tags.clear();
        process.account().now += 2 * DAY;
        let (action, reason) = retire(&process, &old).await;
        assert!(
            action == KeyAction::Kept && matches!(reason, KeyActionReason::Watched { .. }),
            "{reason}"
        );
    }
    process.account().now += DAY;
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);
}

#[tokio::test(start_paused = true)]
async fn without_its_tag_a_key_counts_as_deactivated_by_a_person() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    process.account().tags.clear();
    let rejection = Rejection::new("first", process.account().now + MINUTE);
    process
        .account()
        .rejections
        .insert("version-0".to_owned(), vec![rejection]);
    process.account().now += HOUR;
    for _ in 0..3 {
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
    }
    assert_eq!(is_active(&process, &old), Some(false));
}
