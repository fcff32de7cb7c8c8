//! A version that cannot be read or decrypted: it stops only what depends on it.

use credswap::rotation::KeyAction;
use credswap::rotation::seam::PENDING;
use credswap::{Error, ErrorKind};

use crate::rotation::convergence::TOKEN;
use crate::rotation::in_memory::{HOUR, Process, SECRET};
use crate::rotation::retire::{NEXT_TOKEN, is_active, retire, rotated};

fn assert_named(error: &Error, kind: ErrorKind, version: &str, key: &str) {
    assert_eq!(error.kind(), kind, "{}", error.report());
    for name in [version, &key[key.len() - 4..]] {
        assert!(error.to_string().contains(name), "no {name} in {error}");
    }
    assert!(error.report().contains("kms:Decrypt"), "{}", error.report());
}

/// An old version without a label that cannot be read, after a rotation.
async fn with_an_unreadable_old_version(kind: ErrorKind) -> (Process, String) {
    let (process, old) = rotated().await;
    let mut account = process.account();
    account.add_version("ancient", Some("AKIAGONE"), &[]);
    account.unreadable.insert("ancient".to_owned(), kind);
    drop(account);
    (process, old)
}

#[tokio::test(start_paused = true)]
async fn an_old_version_that_nobody_uses_stops_nothing() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unavailable] {
        let (process, old) = with_an_unreadable_old_version(kind).await;
        process.account().consumer_refreshes("first");
        assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
        process.account().now += 24 * HOUR;
        assert_eq!(retire(&process, &old).await.0, KeyAction::Deleted);

        let (process, old) = with_an_unreadable_old_version(kind).await;
        process.account().consumer_refreshes("first");
        process.rotate(NEXT_TOKEN).await.expect("it makes room");
        assert_eq!(is_active(&process, &old), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_version_in_use_keeps_the_key_that_it_may_hold() {
    let (process, old) = with_an_unreadable_old_version(ErrorKind::PermissionDenied).await;
    process.account().consumer_refreshes("first");
    let in_use = std::collections::BTreeSet::from(["ancient".to_owned()]);
    process.account().consumers.insert("second", in_use);
    for _ in 0..3 {
        assert_eq!(retire(&process, &old).await.0, KeyAction::Kept);
        process.account().now += HOUR;
    }
}

#[tokio::test(start_paused = true)]
async fn the_version_that_a_decision_needs_is_named_with_the_key() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unavailable] {
        let (process, old) = rotated().await;
        process.account().consumer_refreshes("first");
        process
            .account()
            .unreadable
            .insert("version-0".to_owned(), kind);
        let rotation = process.rotation();
        let error = rotation.retire(SECRET).await.expect_err("it is needed");
        assert_named(&error, kind, "version-0", &old);
        let error = process.rotate(NEXT_TOKEN).await.expect_err("it is needed");
        assert_named(&error, kind, "version-0", &old);
        assert_eq!(is_active(&process, &old), Some(true));
        process.account().unreadable.clear();
        assert_eq!(retire(&process, &old).await.0, KeyAction::Deactivated);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pending_version_that_cannot_be_read_keeps_all_other_keys() {
    let (process, old) = rotated().await;
    process.account().consumer_refreshes("first");
    process
        .account()
        .add_version(NEXT_TOKEN, Some(&old), &[PENDING]);
    let denied = ErrorKind::PermissionDenied;
    process
        .account()
        .unreadable
        .insert(NEXT_TOKEN.to_owned(), denied);
    let error = process.rotation().retire(SECRET).await.expect_err("needed");
    assert_named(&error, denied, NEXT_TOKEN, &old);
    assert_eq!(is_active(&process, &old), Some(true));
}

#[tokio::test(start_paused = true)]
async fn with_room_for_a_key_no_old_version_is_needed() {
    let process = Process::new();
    process
        .account()
        .add_version("ancient", Some("AKIAGONE"), &[]);
    process
        .account()
        .unreadable
        .insert("ancient".to_owned(), ErrorKind::PermissionDenied);
    process.rotate(TOKEN).await.expect("it rotates");
}
