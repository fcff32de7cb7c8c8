//! Logins that the database rejects.

use std::time::Duration;

use credswap::sql::sqlx::sqlx::postgres::PgPoolOptions;
use credswap::sql::sqlx::sqlx::{Error, raw_sql};

use super::{LONG, Service};
use crate::sql::secret;

/// A service that waits for a newer secret for next to no time.
async fn impatient() -> Service {
    Service::waiting(Duration::from_millis(100)).await
}

/// Asks for a connection, and returns the SQLSTATE that says why there is none.
async fn failure(service: &Service) -> String {
    let acquired = tokio::time::timeout(LONG, service.pool.acquire()).await;
    code(&acquired.expect("not for ever").expect_err("rejected"))
}

fn code(error: &Error) -> String {
    let answer = error.as_database_error().expect("the database answered");
    answer.code().expect("a code").into_owned()
}

#[tokio::test]
async fn a_rejected_login_is_tried_again_when_the_new_secret_is_current() {
    for rejection in ["28P01", "28000"] {
        let service = Service::start().await;
        // The rotation has changed the password, and `AWSCURRENT` is still the old one.
        service
            .server
            .change(|state| state.failure = Some(rejection));
        let rotate = async {
            service.server.until(|state| state.logins.len() == 1).await;
            assert!(service.is_draining("v1"), "it is live");
            service.server.change(|state| state.failure = None);
            service.server.set_password("app", "second");
            // Nobody requests a refresh: the rejection does.
            service.source.rotate(secret("app", "second"), "v2");
        };
        let (connection, ()) = tokio::join!(service.pool.acquire(), rotate);
        let mut connection = connection.expect("logged in");
        raw_sql("select 1")
            .execute(&mut *connection)
            .await
            .expect("it works");
        assert_eq!(service.server.logins(), 2, "{rejection}");
        service.drained("v1").await;
    }
}

#[tokio::test]
async fn many_logins_wait_for_the_same_new_secret() {
    let service = Service::start().await;
    service.server.set_password("app", "second");
    let rotate = async {
        service.server.until(|state| state.logins.len() == 20).await;
        service.source.rotate(secret("app", "second"), "v2");
    };
    tokio::join!(service.open(20), rotate);
    assert_eq!(service.server.logins(), 40, "one more each");
    service.drained("v1").await;
}

#[tokio::test]
async fn a_password_that_stays_wrong_is_tried_once_more_and_then_fails_at_once() {
    let service = impatient().await;
    service.server.set_password("app", "changed by hand");
    assert_eq!(failure(&service).await, "28P01");
    assert_eq!(service.server.logins(), 2);
    // Its time is over: whoever comes now does not wait.
    for tried in 3..6 {
        assert_eq!(failure(&service).await, "28P01");
        assert_eq!(service.server.logins(), tried);
    }
    service.server.set_password("app", "first");
    service.open(1).await;
}

#[tokio::test]
async fn the_acquire_timeout_ends_the_wait_for_a_newer_secret() {
    let soon = PgPoolOptions::new().acquire_timeout(Duration::from_millis(300));
    let service = Service::build(LONG, |pool| pool.pool_options(soon)).await;
    service.server.set_password("app", "second");
    let acquired = tokio::time::timeout(LONG / 2, service.pool.acquire()).await;
    let error = acquired.expect("in time").expect_err("none is newer");
    assert!(matches!(error, Error::PoolTimedOut), "{error}");
    assert_eq!(service.server.logins(), 1);
}

#[tokio::test]
async fn other_failures_are_not_taken_for_rejections() {
    let service = Service::start().await;
    service.server.change(|state| state.failure = Some("3D000")); // the database does not exist
    assert_eq!(failure(&service).await, "3D000");
    assert_eq!(service.server.logins(), 1);
    assert!(service.database.database.status().rejected.is_empty());
}

#[tokio::test]
async fn nobody_waits_for_a_newer_secret_when_refreshing_has_ended() {
    let service = Service::start().await;
    let ended = service.database.database.shutdown(LONG).await;
    ended.expect("nothing drains");
    service.server.set_password("app", "second");
    assert_eq!(failure(&service).await, "28P01");
    assert_eq!(service.server.logins(), 1);
}
