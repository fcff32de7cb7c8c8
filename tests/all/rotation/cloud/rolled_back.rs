//! A rollback over the SDK's clients.

use credswap::ErrorKind;
use credswap::rotation::seam::{CURRENT, PENDING, PREVIOUS};
use credswap::rotation::{Runner, Step};
use credswap_testkit::KeyStatus;

use super::{SECRET, Setup, USER, assert_names, request};

#[tokio::test]
async fn its_key_works_again_and_the_rotation_stays_undone() {
    let setup = Setup::new().await;
    let (old, first) = (setup.current_key(), setup.version());
    let rotation = setup.rotation();
    let undone = setup.cloud.begin_rotation(SECRET);
    setup.rotate(&rotation, &undone).await.expect("it rotates");
    assert_eq!(setup.cloud.staged(SECRET, PENDING), None);
    setup.released(&first);
    rotation.retire(SECRET).await.expect("it retires");
    let status = |id: &str| {
        let mut keys = setup.cloud.keys(USER).into_iter();
        keys.find(|key| key.id == id).map(|key| key.status)
    };
    assert_eq!(status(&old), Some(KeyStatus::Inactive));

    // As other rotation functions leave it.
    setup.cloud.move_stage(SECRET, PENDING, &undone);
    setup.cloud.move_stage(SECRET, CURRENT, &first);
    assert_eq!(setup.cloud.staged(SECRET, PREVIOUS).as_ref(), Some(&undone));
    for step in Step::ALL {
        let error = rotation.step(&request(step, &undone)).await;
        assert_names(
            &error.expect_err("undone"),
            ErrorKind::InvalidRequest,
            &[&undone, "rolled back"],
        );
    }
    rotation.retire(SECRET).await.expect("it gives it back");
    assert_eq!(status(&old), Some(KeyStatus::Active));
    assert_eq!(setup.cloud.staged(SECRET, PENDING), None);

    // And a runner goes forward, not back to it.
    setup.cloud.move_stage(SECRET, PENDING, &undone);
    setup.released(&undone);
    let runner = Runner::new(setup.rotation()).attempts(1);
    let token = runner.rotate(SECRET).await.expect("it rotates");
    assert_ne!(token.as_str(), undone);
    assert_eq!(setup.version(), token.as_str());
    assert_eq!(setup.cloud.staged(SECRET, PREVIOUS), Some(first));
}
