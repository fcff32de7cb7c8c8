//! What happens to a pool's connections at a swap.

use credswap::sql::sqlx::Builder;
use credswap::sql::sqlx::sqlx::postgres::PgPoolOptions;
use credswap::sql::sqlx::sqlx::{Acquire, Error, raw_sql};
use credswap::typed::DatabaseSecret;

use super::{LONG, Service};
use crate::sql::{Database, ended, secret};

#[tokio::test]
async fn new_connections_use_the_new_user_and_password() {
    let service = Service::start().await;
    let first = service.pool.acquire().await.expect("a connection");
    service.rotate("app_clone", "v2").await;
    let second = service.pool.acquire().await.expect("a connection");
    assert_eq!(service.server.sessions("app"), 1);
    assert_eq!(service.server.sessions("app_clone"), 1);
    drop((first, second));
}

#[tokio::test]
async fn idle_connections_are_closed_at_the_swap_while_others_are_in_use() {
    let service = Service::start().await;
    let busy = service.pool.acquire().await.expect("a connection");
    service.open(3).await;
    assert_eq!(service.server.sessions("app"), 4);
    service.rotate("app_clone", "v2").await;
    // Nobody asks the pool for a connection.
    service
        .server
        .until(|state| state.sessions("app") == 1)
        .await;
    assert_eq!(service.server.get(|state| state.terminated), 3, "in order");
    assert!(service.is_draining("v1"));
    drop(busy);
    service.drained("v1").await;
    service.server.until(|state| state.open.is_empty()).await;
}

#[tokio::test]
async fn a_transaction_goes_on_over_the_swap_and_its_connection_is_closed_after_it() {
    let service = Service::start().await;
    let mut transaction = service.pool.begin().await.expect("it begins");
    service.server.change(|state| state.hold_queries = true);
    let query = raw_sql("held").execute(&mut *transaction);
    let release = async {
        service.rotate("app_clone", "v2").await;
        service.open(2).await; // the pool goes on with the new user
        service.server.change(|state| state.hold_queries = false);
    };
    let (answer, ()) = tokio::join!(query, release);
    answer.expect("the query is undisturbed");
    assert!(service.is_draining("v1"));
    assert_eq!(service.server.sessions("app"), 1);
    transaction.commit().await.expect("so is the transaction");
    service.drained("v1").await;
    service
        .server
        .until(|state| state.sessions("app") == 0)
        .await;
    assert_eq!(service.server.sessions("app_clone"), 2, "these stay");
}

#[tokio::test]
async fn each_version_drains_with_its_own_last_connection() {
    let service = Service::start().await;
    let first = service.pool.acquire().await.expect("a connection");
    let also_first = service.pool.acquire().await.expect("a connection");
    service.rotate("app_2", "v2").await;
    let second = service.pool.acquire().await.expect("a connection");
    service.rotate("app_3", "v3").await;
    drop(second);
    service.drained("v2").await;
    drop(first);
    service
        .server
        .until(|state| state.sessions("app") == 1)
        .await;
    assert!(service.is_draining("v1"), "one connection is in use");
    drop(also_first);
    service.drained("v1").await;
}

#[tokio::test]
async fn a_login_under_way_at_the_swap_delays_the_drain() {
    let service = Service::start().await;
    service.server.change(|state| state.hold_logins = true);
    let acquire = {
        let pool = service.pool.clone();
        tokio::spawn(async move { pool.acquire().await.map(drop) })
    };
    service.server.until(|state| state.logins.len() == 1).await;
    service.rotate("app_clone", "v2").await;
    assert!(service.is_draining("v1"), "a login with it is under way");
    service.server.change(|state| state.hold_logins = false);
    let acquired = acquire.await.expect("no panic");
    acquired.expect("the old user can log in");
    service.drained("v1").await;
    service.server.until(|state| state.open.is_empty()).await;
}

#[tokio::test]
async fn whoever_waits_for_a_connection_at_the_swap_gets_a_new_one() {
    let service = Service::start().await;
    let all = futures::future::join_all((0..40).map(|_| service.pool.acquire())).await;
    let waiting = futures::future::join_all((0..40).map(|_| service.pool.acquire()));
    let rotate = service.rotate("app_clone", "v2");
    let (acquired, ()) = tokio::join!(waiting, rotate); // none of the old ones is returned
    for connection in &acquired {
        connection.as_ref().expect("a connection");
    }
    assert_eq!(service.server.sessions("app_clone"), 40);
    drop((all, acquired));
    service.drained("v1").await;
}

#[tokio::test]
async fn a_version_that_is_in_use_when_the_pool_is_dropped_drains_when_it_is_not() {
    let service = Service::start().await;
    let connection = service.pool.acquire().await.expect("a connection");
    let Service { database, pool } = service;
    drop(pool);
    database.rotate("app_clone", "v2").await;
    assert!(database.is_draining("v1"), "its connection is open");
    drop(connection);
    database.drained("v1").await;
    database.server.until(|state| state.open.is_empty()).await;
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
async fn a_closed_pool_waits_for_its_connections_and_opens_none() {
    let service = Service::start().await;
    let connection = service.pool.acquire().await.expect("a connection");
    let close = service.pool.close();
    let closed = async {
        let error = loop {
            match service.pool.acquire().await {
                Err(error) => break error,
                Ok(_) => tokio::task::yield_now().await,
            }
        };
        assert!(matches!(error, Error::PoolClosed), "{error}");
        assert!(service.pool.live().is_closed());
        drop(connection);
    };
    tokio::join!(close, closed);
    service.server.until(|state| state.open.is_empty()).await;
    service.rotate("app_clone", "v2").await;
    service.drained("v1").await;
    let error = service.pool.acquire().await.expect_err("it stays closed");
    assert!(matches!(error, Error::PoolClosed), "{error}");
}

#[tokio::test]
async fn what_takes_an_acquire_takes_the_pool() {
    async fn work<'a>(pool: impl Acquire<'a>) {
        drop(pool.begin().await.expect("it begins"));
    }
    let service = Service::start().await;
    work(&service.pool).await;
    let live = service.pool.live();
    raw_sql("select 1").execute(&live).await.expect("it works");
    service.rotate("app_clone", "v2").await;
    service.drained("v1").await;
    let closed = raw_sql("select 1").execute(&live).await;
    assert!(matches!(closed, Err(Error::PoolClosed)));
    let live = service.pool.live();
    raw_sql("select 1").execute(&live).await.expect("it works");
}

#[tokio::test]
async fn connections_that_are_kept_are_used_again_and_keep_no_version_in_use() {
    let service = Service::keeping_connections().await;
    let mut busy = service.pool.acquire().await.expect("a connection");
    service.open(2).await;
    let live = service.pool.live();
    service.rotate("app", "v2").await;
    service.drained("v1").await;
    busy.return_to_pool().await;
    service.open(3).await;
    assert_eq!(service.server.logins(), 3, "none was closed");
    let all = futures::future::join_all((0..4).map(|_| live.acquire())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}"); // one more, with the new password
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
    let (connection, ()) = tokio::join!(service.pool.acquire(), release);
    service.drained("v1").await;
    let mut connection = connection.expect("the old password was accepted");
    connection.return_to_pool().await;
    service.open(1).await;
    assert_eq!(service.server.logins(), 1, "it is used again");
}

#[tokio::test]
async fn a_version_that_went_live_while_somebody_waited_for_a_connection_is_in_use_as_well() {
    let one = |pool: Builder<DatabaseSecret>| {
        let options = PgPoolOptions::new().max_connections(1);
        pool.keep_connections()
            .pool_options(options.acquire_timeout(2 * LONG))
    };
    let service = Service::build(LONG, one).await;
    let only = service.pool.acquire().await.expect("a connection");
    let rotate_twice = async {
        service.rotate("app", "v2").await;
        assert!(service.is_draining("v1"), "somebody waits since then");
        service.server.change(|state| state.hold_logins = true);
        only.close().await.expect("closed");
        service.server.until(|state| state.logins.len() == 2).await;
        service.rotate("app", "v3").await;
        assert!(service.is_draining("v2"), "a login with it is under way");
        service.server.change(|state| state.hold_logins = false);
    };
    let (connection, ()) = tokio::join!(service.pool.acquire(), rotate_twice);
    connection.expect("the second password was accepted");
    service.drained("v1").await;
    service.drained("v2").await;
}

#[tokio::test]
async fn no_password_is_shown() {
    let service = Service::start().await;
    service.open(1).await;
    let shown = format!("{:?} {:?}", service.pool, service.pool.live());
    assert!(!shown.contains("first"), "{shown}");
    service.pool.close().await;
    assert!(format!("{:?}", service.pool).contains("closed"));
}
