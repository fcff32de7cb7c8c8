//! On a real PostgreSQL, under load: passwords and users that change every second.

mod load;
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::NoTls;
use credswap::sql::sqlx::sqlx::postgres::PgPoolOptions;
use credswap::sql::{deadpool, sqlx};

use load::Load;
use server::{Login, Server};

const CONNECTIONS: u32 = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/real/postgres.sh"]
async fn no_query_of_deadpool_fails_while_users_and_passwords_change() {
    let server = Server::connect("deadpool").await;
    let follows = server
        .rotate_under(|database| {
            deadpool::Builder::new(database, server.config.clone(), NoTls)
                .pool(|pool| pool.max_size(CONNECTIONS as usize))
                .build()
                .expect("the settings are valid")
        })
        .await;

    let login = server.create("app_0").await;
    let plain = Arc::new(Mutex::new(server.pool(&login)));
    let load = Load::start(Arc::clone(&plain));
    let rebuild = |login: &Login, _| *plain.lock().expect("no panic") = server.pool(login);
    let (rotations, login) = server
        .rotate_for(Duration::from_secs(8), login, rebuild, async |_| {})
        .await;
    let rebuilt = load.end(&server).await;
    server.drop(&login).await;
    println!("rebuilt at each event: {rotations} rotations, {rebuilt:?}");

    follows.assert_undisturbed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/real/postgres.sh"]
async fn no_query_of_sqlx_fails_while_users_and_passwords_change() {
    let server = Server::connect("sqlx").await;
    let follows = server
        .rotate_under(|database| {
            sqlx::Builder::new(database, server.options())
                .pool_options(PgPoolOptions::new().max_connections(CONNECTIONS))
                .build()
        })
        .await;
    follows.assert_undisturbed();
}
