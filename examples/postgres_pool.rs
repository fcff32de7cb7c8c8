//! A PostgreSQL pool that follows its secret: the user and the password change under running queries, and the old user is
//! dropped when nothing uses it any more.
//!
//! Needs a PostgreSQL server and a user who may create roles, as a connection string:
//!
//! `DATABASE='host=127.0.0.1 user=postgres password=…' cargo run --example postgres_pool`

use std::time::Duration;

use anyhow::Context;
use credswap::Refreshable;
use credswap::source::File;
use credswap::sql::deadpool::Builder;
use credswap::sql::deadpool::deadpool_postgres::GenericClient;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Client, Config, NoTls};
use credswap::typed::DatabaseSecret;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let config: Config = std::env::var("DATABASE").context("set DATABASE")?.parse()?;
    let (admin, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let directory = tempfile::tempdir()?;
    let secret = directory.path().join("secret.json");
    rotate(&admin, "orders_1", &secret).await?;

    // In production the source is Secrets Manager, and the event of the rotation triggers the refresh.
    let file = File::new(&secret);
    let database: Refreshable<DatabaseSecret> = Refreshable::typed(file.clone())
        .trigger(file.changes().every(Duration::from_millis(100)))
        .start()
        .await?;
    // User and password are the secret's; the secret names no host, so it is that of `config`.
    let pool = Builder::new(&database, config, NoTls)
        .pool(|pool| pool.max_size(4))
        .build()?;

    println!("connected as {}", user(&pool.get().await?).await?);
    let mut busy = pool.get().await?;
    let transaction = busy.transaction().await?; // the rotation does not disturb it
    let first = database.status().version;

    rotate(&admin, "orders_2", &secret).await?;
    database.updates().newer_than(1).await;
    println!("connected as {}", user(&pool.get().await?).await?);

    println!("a transaction goes on as {}", user(&transaction).await?);
    transaction.commit().await?;
    drop(busy); // closed when it is returned: its user was replaced
    database.drained(&first).await?;
    admin.batch_execute("drop role orders_1").await?;
    println!("orders_1 has no connection left, and was dropped");

    pool.close();
    database.shutdown(Duration::from_secs(5)).await?;
    admin.batch_execute("drop role orders_2").await?;
    Ok(())
}

async fn user(client: &impl GenericClient) -> anyhow::Result<String> {
    Ok(client.query_one("select user::text", &[]).await?.get(0))
}

/// Creates a user and writes the secret, as a rotation does that alternates users.
async fn rotate(admin: &Client, user: &str, secret: &std::path::Path) -> anyhow::Result<()> {
    let password = format!("{:016x}", std::process::id()); // a real one is random
    let create = format!("create role {user} login password '{password}'");
    admin.batch_execute(&create).await?;
    let json = format!(r#"{{"username": "{user}", "password": "{password}"}}"#);
    let new = secret.with_extension("new");
    std::fs::write(&new, json)?;
    std::fs::rename(new, secret)?;
    Ok(())
}
