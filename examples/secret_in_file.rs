//! A database's secret in a file, as Kubernetes or an agent writes it: each query uses the user and password that are
//! current, and the old ones are known to be unused before they are removed. No AWS.
//!
//! `cargo run --example secret_in_file`

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use credswap::Refreshable;
use credswap::source::File;
use credswap::typed::{DatabaseSecret, TypedConnector};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("database.json");
    write(&path, r#"{"username": "app", "password": "first"}"#)?;

    // What the secret leaves out is filled in, and what the service cannot use never goes live.
    let connector = TypedConnector::<DatabaseSecret>::new()
        .complete(|db| {
            db.host.get_or_insert_with(|| "db.internal".to_owned());
            db.port.get_or_insert(5432);
        })
        .validate(|db| match db.username.as_str() {
            "postgres" => Err("`username` is the superuser".to_owned()),
            _ => Ok(()),
        });
    // The feature `file-notify` has `file.changes().with_events()`: the operating system tells of a change.
    let file = File::new(&path);
    let database = Refreshable::builder(file.clone(), connector)
        .trigger(file.changes().every(Duration::from_millis(200)))
        .start()
        .await?;
    let first = database.status().version;
    let query = tokio::spawn(query(database.clone(), Duration::from_secs(2)));

    tokio::time::sleep(Duration::from_millis(500)).await;
    write(&path, r#"{"username": "postgres", "password": "no"}"#)?; // refused: an error in the log, "app" stays
    tokio::time::sleep(Duration::from_millis(500)).await;
    write(&path, r#"{"username": "app_clone", "password": "second"}"#)?;

    database.updates().newer_than(1).await;
    query_now(&database);
    database.drained(&first).await?;
    println!("nothing uses {first} any more: its user may be dropped");
    query.await.context("the query panicked")?;
    Ok(())
}

/// A query that takes long keeps the user that it began with.
async fn query(database: Refreshable<DatabaseSecret>, takes: Duration) {
    let login = database.lease();
    tokio::time::sleep(takes).await;
    println!("long query:  done as {}", login.username);
}

fn query_now(database: &Refreshable<DatabaseSecret>) {
    let login = database.lease();
    let (host, port) = (
        login.host.as_deref().unwrap_or_default(),
        login.port.unwrap_or_default(),
    );
    println!("short query: done as {} at {host}:{port}", login.username);
}

/// Replaces the file as a whole.
fn write(path: &Path, content: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, content)?;
    std::fs::rename(new, path)
}
