//! A bb8 pool of PostgreSQL connections that follows its secret, with a manager of its own.
//!
//! `cargo run --example bb8_pool` runs with a database in this process.

use std::io::Error;

use credswap::test_util::TestSource;
use credswap::typed::DatabaseSecret;
use credswap::{Refreshable, hot::Lease};
use credswap_testkit::Postgres;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

struct Manager(Refreshable<DatabaseSecret>, Config);

/// A connection, and the generation that it logged in with.
struct Session(Client, u64);

impl bb8::ManageConnection for Manager {
    type Connection = Session;
    type Error = Error;

    async fn connect(&self) -> Result<Session, Error> {
        let secret = self.0.lease();
        let (generation, in_use) = (Lease::generation(&secret), Lease::token(&secret));
        let mut config = self.1.clone();
        config.user(&secret.username);
        config.password(secret.password.expose());
        let connected = config.connect(NoTls).await.inspect_err(|error| {
            if error.code() == Some(&SqlState::INVALID_PASSWORD) {
                // Fetches the newer secret. bb8 tries again by itself, until its connection timeout.
                self.0.report_rejected(generation);
            }
        });
        let (client, connection) = connected.map_err(Error::other)?;
        tokio::spawn(async move {
            let _ = connection.await;
            drop(in_use); // a version is in use until its last connection is closed
        });
        Ok(Session(client, generation))
    }

    /// Called when an idle connection is taken. One of a replaced version is closed then.
    async fn is_valid(&self, session: &mut Session) -> Result<(), Error> {
        if self.has_broken(session) {
            return Err(Error::other("its version was replaced"));
        }
        session.0.check_connection().await.map_err(Error::other)
    }

    /// Called when a connection is returned. One of a replaced version is closed then.
    fn has_broken(&self, session: &mut Session) -> bool {
        session.0.is_closed() || session.1 < self.0.generation()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Postgres::start("orders_1", "first").await;
    let secret = |user, password| format!(r#"{{"username": "{user}", "password": "{password}"}}"#);
    let source = TestSource::new(secret("orders_1", "first"), "v1");
    let database = Refreshable::typed(source.clone()).start().await?;
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.port);
    let pool = bb8::Pool::builder();
    let pool = pool.build(Manager(database.clone(), config)).await?;

    let busy = pool.get().await?;
    // Nobody announces the rotation: the next login is rejected, which leads to a refresh.
    server.set_password("orders_1", "changed");
    server.set_password("orders_2", "second");
    source.rotate(secret("orders_2", "second"), "v2");
    let next = pool.get().await?;
    println!("orders_2 has {} session", server.sessions("orders_2"));
    busy.0.simple_query("select 1").await?; // the rotation does not disturb it
    drop((busy, next));
    database.drained(&"v1".into()).await?;
    println!("orders_1 has no session left, and may be dropped");
    Ok(())
}
