//! What happens to a pool's connections at a swap.

use credswap::sql::deadpool::deadpool_postgres::Object;

use super::Service;
use crate::sql::{Database, ended, secret};

#[tokio::test]
async fn new_connections_use_the_new_user_and_password() {
    let service = Service::start().await;
    let first = service.pool.get().await.expect("a connection");
    service.rotate("app_clone", "v2").await;
    let second = service.pool.get().await.expect("a connection");
    assert_eq!(service.server.sessions("app"), 1);
    assert_eq!(service.server.sessions("app_clone"), 1);
    drop((first, second));
}

#[tokio::test]
async fn idle_connections_are_closed_at_the_swap() {
    let service = Service::start().await;
    service.open(3).await;
    assert_eq!(service.server.sessions("app"), 3);
    service.rotate("app_clone", "v2").await;
    service.drained("v1").await; // nobody asks the pool for a connection
    service
        .server
        .until(|state| state.sessions("app") == 0)
        .await;
    assert_eq!(service.server.get(|state| state.terminated), 3, "in order");
    assert_eq!(service.pool.status().size, 0);
}

#[tokio::test]
async fn connections_of_the_same_user_are_closed_as_well() {
    let service = Service::start().await;
    service.open(2).await;
    service.rotate("app", "v2").await;
    service.drained("v1").await;
    service
        .server
        .until(|state| state.sessions("app") == 0)
        .await;
    service.open(2).await;
    assert_eq!(service.server.sessions("app"), 2);
}

#[tokio::test]
async fn a_busy_connection_finishes_and_is_closed_when_it_is_returned() {
    let service = Service::start().await;
    let mut client = service.pool.get().await.expect("a connection");
    service.server.change(|state| state.hold_queries = true);
    let transaction = client.transaction().await.expect("it begins");
    let query = transaction.simple_query("held");
    let release = async {
        service.rotate("app_clone", "v2").await;
        service.open(2).await; // the pool goes on with the new user
        service.server.change(|state| state.hold_queries = false);
    };
    let (answer, ()) = tokio::join!(query, release);
    answer.expect("the query is undisturbed");
    transaction.commit().await.expect("so is the transaction");
    assert_eq!(service.server.sessions("app"), 1);
    assert!(service.is_draining("v1"));
    drop(client);
    service.drained("v1").await;
    service
        .server
        .until(|state| state.sessions("app") == 0)
        .await;
    assert_eq!(service.server.sessions("app_clone"), 2, "these stay");
}

#[tokio::test]
async fn a_returned_connection_of_an_older_version_is_not_used_again() {
    let service = Service::start().await;
    let client = service.pool.get().await.expect("a connection");
    service.rotate("app_clone", "v2").await;
    drop(client);
    // At once, before it can have been closed while idle.
    let client = service.pool.get().await.expect("a connection");
    client.simple_query("select 1").await.expect("it works");
    assert_eq!(service.server.sessions("app_clone"), 1);
    service.drained("v1").await;
}

#[tokio::test]
async fn each_version_drains_with_its_own_last_connection() {
    let service = Service::start().await;
    let (first, also_first) = (
        service.pool.get().await.expect("a connection"),
        service.pool.get().await.expect("a connection"),
    );
    service.rotate("app_2", "v2").await;
    let second = service.pool.get().await.expect("a connection");
    service.rotate("app_3", "v3").await;
    let third = service.pool.get().await.expect("a connection");

    drop(second);
    service.drained("v2").await;
    assert!(service.is_draining("v1"), "two connections are in use");
    drop(first);
    service
        .server
        .until(|state| state.sessions("app") == 1)
        .await;
    assert!(service.is_draining("v1"), "one connection is in use");
    // A connection that is taken out of the pool counts as well.
    let taken = Object::take(also_first);
    assert_eq!(service.pool.status().size, 1);
    assert!(service.is_draining("v1"));
    taken.simple_query("select 1").await.expect("it works");
    drop(taken);
    service.drained("v1").await;
    assert!(!third.is_closed());
}

#[tokio::test]
async fn a_login_under_way_at_the_swap_delays_the_drain() {
    let service = Service::start().await;
    service.server.change(|state| state.hold_logins = true);
    let get = {
        let pool = service.pool.clone();
        tokio::spawn(async move {
            pool.get()
                .await
                .expect("the old user can log in")
                .simple_query("select 1")
                .await
        })
    };
    service.server.until(|state| state.logins.len() == 1).await;
    service.rotate("app_clone", "v2").await;
    assert!(service.is_draining("v1"), "a login with it is under way");
    service.server.change(|state| state.hold_logins = false);
    get.await.expect("no panic").expect("it works");
    service.drained("v1").await; // nobody asks the pool for a connection
    service.server.until(|state| state.open.is_empty()).await;
}

#[tokio::test]
async fn logins_at_once_are_told_apart_over_a_swap() {
    let service = Service::start().await;
    service.server.change(|state| state.hold_logins = true);
    let open = |count| {
        let pool = service.pool.clone();
        tokio::spawn(async move {
            let gets = (0..count).map(|_| pool.get());
            let clients: Result<Vec<_>, _> =
                futures::future::join_all(gets).await.into_iter().collect();
            clients.expect("connections")
        })
    };
    let old = open(12);
    service.server.until(|state| state.logins.len() == 12).await;
    service.rotate("app_clone", "v2").await;
    let new = open(12);
    service.server.until(|state| state.logins.len() == 24).await;
    service.server.change(|state| state.hold_logins = false);
    drop((old.await.expect("no panic"), new.await.expect("no panic")));
    service.drained("v1").await;
    service
        .server
        .until(|state| state.sessions("app") == 0)
        .await;
    assert_eq!(service.server.sessions("app_clone"), 12, "none of these");
    service.open(12).await;
    assert_eq!(service.server.logins(), 24, "they are used again");
}

#[tokio::test]
async fn the_pool_keeps_the_refreshable_alive_and_ends_with_its_last_handle() {
    let service = Service::start().await;
    service.open(1).await;
    let Service { database, pool } = service;
    let Database {
        source,
        database,
        server,
    } = database;
    drop(database);
    server.set_password("app", "v2");
    source.rotate(secret("app", "v2"), "v2");
    assert!(!source.is_shut_down());
    drop(pool);
    server.until(|state| state.open.is_empty()).await;
    ended(&source).await;
}

#[tokio::test]
async fn a_query_whose_client_was_dropped_is_finished_before_the_session_ends() {
    let service = Service::start().await;
    let client = service.pool.get().await.expect("a connection");
    service.server.change(|state| state.hold_queries = true);
    let answer = client.simple_query_raw("held").await.expect("it is sent");
    drop(client);
    service.rotate("app_clone", "v2").await;
    assert_eq!(service.server.sessions("app"), 1);
    assert!(service.is_draining("v1"));
    service.server.change(|state| state.hold_queries = false);
    let answer: Vec<_> = futures::StreamExt::collect(answer).await;
    assert!(answer.iter().all(Result::is_ok) && !answer.is_empty());
    service.drained("v1").await;
}

#[tokio::test]
async fn connections_that_are_kept_are_used_again_and_keep_no_version_in_use() {
    let service = Service::keeping_connections().await;
    let busy = service.pool.get().await.expect("a connection");
    service.open(2).await;
    service.rotate("app", "v2").await;
    service.drained("v1").await;
    drop(busy);
    service.open(3).await;
    assert_eq!(service.server.logins(), 3, "none was closed");
    service.open(4).await; // one more, with the new password
    assert_eq!(service.server.sessions("app"), 4);
}

#[tokio::test]
async fn a_login_under_way_delays_the_drain_where_connections_are_kept() {
    let service = Service::keeping_connections().await;
    service.server.change(|state| state.hold_logins = true);
    let release = async {
        service.server.until(|state| state.logins.len() == 1).await;
        service.rotate("app", "v2").await;
        assert!(service.is_draining("v1"), "a login with it is under way");
        service.server.change(|state| state.hold_logins = false);
    };
    let (client, ()) = tokio::join!(service.pool.get(), release);
    service.drained("v1").await;
    drop(client.expect("the old password was accepted"));
    service.open(1).await;
    assert_eq!(service.server.logins(), 1, "it is used again");
}

#[tokio::test]
async fn no_password_is_shown() {
    let service = Service::start().await;
    service.open(1).await;
    let shown = format!("{:?} {:?}", service.pool, service.database.database);
    assert!(!shown.contains("first"), "{shown}");
}
