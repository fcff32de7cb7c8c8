//! Logins that the database rejects.

use std::time::Duration;

use credswap::sql::deadpool::deadpool_postgres::PoolError;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::error::SqlState;

use super::{LONG, Service};
use crate::sql::secret;

/// A service that waits for a newer secret for next to no time.
async fn impatient() -> Service {
    Service::waiting(Duration::from_millis(100)).await
}

/// Asks for a connection, and returns why there is none.
async fn failure(service: &Service) -> PoolError {
    let get = tokio::time::timeout(LONG, service.pool.get()).await;
    get.expect("not for ever")
        .expect_err("the login is rejected")
}

fn code(error: &PoolError) -> SqlState {
    match error {
        PoolError::Backend(error) => error.code().expect("the database answered").clone(),
        other => panic!("{other}"),
    }
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
        let (client, ()) = tokio::join!(service.pool.get(), rotate);
        client
            .expect("logged in")
            .simple_query("select 1")
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
    let rejected = &service.database.database.status().rejected;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
}

#[tokio::test]
async fn a_password_that_stays_wrong_is_tried_once_more_and_then_fails_at_once() {
    let service = impatient().await;
    service.server.set_password("app", "changed by hand");
    let error = failure(&service).await;
    assert_eq!(code(&error), SqlState::INVALID_PASSWORD);
    assert_eq!(service.server.logins(), 2);
    // Its time is over: whoever comes now does not wait.
    for tried in 3..6 {
        let error = failure(&service).await;
        assert_eq!(code(&error), SqlState::INVALID_PASSWORD);
        assert_eq!(service.server.logins(), tried);
    }
    service.server.set_password("app", "first");
    service.open(1).await;
    // And once it was right, a rejection is waited for again.
    service.server.set_password("app", "changed again");
    service.pool.retain(|_, _| false);
    failure(&service).await;
    assert_eq!(service.server.logins(), 8);
}

#[tokio::test]
async fn a_database_that_learns_the_password_late_gets_one_more_login() {
    let service = impatient().await;
    service.server.change(|state| state.failure = Some("28P01"));
    let late = async {
        service.server.until(|state| state.logins.len() == 1).await;
        service.server.change(|state| state.failure = None);
    };
    let (client, ()) = tokio::join!(service.pool.get(), late);
    drop(client.expect("the second login is accepted"));
    assert_eq!(service.server.logins(), 2);
}

#[tokio::test]
async fn newer_secrets_that_are_rejected_as_well_do_not_extend_the_wait() {
    let service = impatient().await;
    service.server.change(|state| state.failure = Some("28P01"));
    let rotations = async {
        for version in 2.. {
            service
                .server
                .until(|state| state.logins.len() >= version - 1)
                .await;
            let name = format!("v{version}");
            service.source.rotate(secret("app", &name), name);
            // The refresh may have been made by the rejection already.
            let _ = service.database.database.refresh().await;
        }
    };
    let error = tokio::select! {
        get = service.pool.get() => get.expect_err("none is accepted"),
        () = rotations => unreachable!(),
        () = tokio::time::sleep(LONG) => panic!("it goes on for ever"),
    };
    assert_eq!(code(&error), SqlState::INVALID_PASSWORD);
}

#[tokio::test]
async fn other_failures_are_not_retried() {
    let service = Service::start().await;
    service.server.change(|state| state.failure = Some("53300"));
    let error = failure(&service).await;
    assert_eq!(code(&error), SqlState::TOO_MANY_CONNECTIONS);
    assert_eq!(service.server.logins(), 1);
    assert!(service.database.database.status().rejected.is_empty());
}

#[tokio::test]
async fn nobody_waits_for_a_newer_secret_when_refreshing_has_ended() {
    let service = Service::start().await;
    service
        .database
        .database
        .shutdown(LONG)
        .await
        .expect("nothing drains");
    service.open(1).await;
    service.server.set_password("app", "second");
    service.pool.retain(|_, _| false);
    let get = tokio::time::timeout(LONG / 2, service.pool.get());
    let error = get.await.expect("at once").expect_err("it is wrong");
    assert_eq!(code(&error), SqlState::INVALID_PASSWORD);
}

#[tokio::test]
async fn a_rejection_closes_no_connection() {
    let service = Service::start().await;
    service.open(1).await;
    service.server.set_password("app", "second");
    let client = service.pool.get().await.expect("it is open already");
    let second = service.pool.get(); // needs a login, and waits
    let rotate = async {
        service.server.until(|state| state.logins.len() == 2).await;
        client.simple_query("select 1").await.expect("undisturbed");
        service.source.rotate(secret("app", "second"), "v2");
    };
    let (second, ()) = tokio::join!(second, rotate);
    drop(second.expect("logged in"));
    client.simple_query("select 1").await.expect("undisturbed");
}
