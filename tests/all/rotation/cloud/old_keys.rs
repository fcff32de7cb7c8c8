//! Old keys: kept, in the way, and retired.

use std::time::Duration;

use credswap::ErrorKind;
use credswap::rotation::seam::{CURRENT, PENDING};
use credswap::rotation::{Consumer, KeyAction, UsageState};
use credswap_testkit::KeyStatus;

use super::{SECRET, Setup, USER, assert_names};

#[tokio::test]
async fn two_keys_in_use_are_kept_and_their_consumers_named() {
    let setup = Setup::new().await;
    let rotation = setup.rotation();
    let first = setup.version();
    setup
        .rotate(&rotation, &setup.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    let straggler = Consumer::new("straggler-7").reason("3 leases");
    for (state, expected) in [
        (
            UsageState::InUse {
                by: vec![straggler],
            },
            "straggler-7 (3 leases)",
        ),
        (UsageState::Unknown, "no consumer has reported"),
    ] {
        setup.set_usage(&first, state);
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup.rotate(&rotation, &token).await.expect_err("no room");
        assert_names(&error, ErrorKind::InUse, &["no room", expected, CURRENT]);
        assert_eq!(setup.cloud.keys(USER).len(), 2);
        assert_eq!(setup.cloud.count("iam:DeleteAccessKey"), 0);
        setup.cloud.remove_stage(SECRET, PENDING);
    }
    // When the last one releases it, there is room.
    setup.released(&first);
    setup
        .rotate(&rotation, &setup.cloud.begin_rotation(SECRET))
        .await
        .expect("there is room");
    assert_eq!(setup.cloud.keys(USER).len(), 2);
}

#[tokio::test]
async fn a_key_that_a_person_made_is_never_touched() {
    let setup = Setup::new().await;
    let person = setup.cloud.create_access_key(USER);
    for wait in [0, 3600, 30 * 24 * 3600] {
        setup.pass(Duration::from_secs(wait));
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup
            .rotate(&setup.rotation(), &token)
            .await
            .expect_err("no room");
        assert_names(
            &error,
            ErrorKind::Config,
            &[&person.id()[16..], "may belong to somebody else"],
        );
        setup.rotation().retire(SECRET).await.expect("it is read");
        setup.cloud.remove_stage(SECRET, PENDING);
    }
    let keys = setup.cloud.keys(USER);
    assert!(keys.iter().any(|key| key.id == person.id()));
    assert_eq!(setup.cloud.count("iam:UpdateAccessKey"), 0);
}

#[tokio::test]
async fn an_old_key_is_deactivated_watched_and_deleted() {
    let setup = Setup::new().await;
    let (old, first) = (setup.current_key(), setup.cloud.staged(SECRET, CURRENT));
    let rotation = setup.rotation();
    setup
        .rotate(&rotation, &setup.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    setup.released(&first.expect("current"));

    let status = |id: &str| {
        let keys = setup.cloud.keys(USER);
        keys.into_iter()
            .find(|key| key.id == id)
            .map(|key| key.status)
    };
    rotation.retire(SECRET).await.expect("it retires");
    assert_eq!(status(&old), Some(KeyStatus::Inactive));
    rotation.retire(SECRET).await.expect("it watches");
    assert_eq!(status(&old), Some(KeyStatus::Inactive));
    setup.pass(Duration::from_secs(24 * 3600));
    let retired = rotation.retire(SECRET).await.expect("it deletes");
    assert_eq!(status(&old), None);
    assert!(
        retired
            .keys
            .iter()
            .any(|key| key.id == old && key.action == KeyAction::Deleted),
        "{retired:?}"
    );
    assert!(
        !setup
            .cloud
            .tags(SECRET)
            .keys()
            .any(|tag| tag.starts_with("credswap:key:"))
    );
}
