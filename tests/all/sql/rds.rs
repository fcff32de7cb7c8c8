//! Pools that log in with the tokens of RDS, signed with a key that is rotated underneath.
//!
//! The server has no TLS, and asks for the token in clear text. That of RDS does so over TLS only.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_types::SdkConfig;
use aws_types::region::Region;
use credswap::aws::check::NoCheck;
use credswap::aws::{AccessKeyConnector, LiveKey, RdsToken};
use credswap::refresh::Timeouts;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Config, NoTls};
use credswap::sql::sqlx::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use credswap::sql::{deadpool, sqlx};
use credswap::test_util::TestSource;
use credswap::{Refreshable, RefreshableCredentials};
use credswap_testkit::Postgres;

use super::LONG;

const HOST: &str = "orders.abc123.eu-west-1.rds.amazonaws.com";

/// 2024-08-27T00:00:00Z, in seconds.
const START: u64 = 1_724_716_800;

/// A database that accepts tokens, and the hot key that signs them.
struct Rds {
    server: Postgres,
    source: TestSource,
    key: RefreshableCredentials,
    token: RdsToken,
    clock: Clock,
    /// The access keys that IAM accepts.
    valid: Arc<Mutex<HashSet<String>>>,
}

#[derive(Debug, Clone)]
struct Clock(Arc<AtomicU64>);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl Clock {
    /// Sets the minutes since the start: less than an hour, which is how the server reads them in a token.
    fn set(&self, minutes: u64) {
        self.0.store(START + 60 * minutes, Ordering::Relaxed);
    }

    fn minutes(&self) -> u64 {
        (self.0.load(Ordering::Relaxed) - START) / 60
    }
}

impl Rds {
    async fn start() -> Self {
        Self::waiting(Timeouts::default().newer_key).await
    }

    /// Starts one whose rejected logins wait for a newer key for `newer_key`.
    async fn waiting(newer_key: Duration) -> Self {
        let clock = Clock(Arc::new(START.into()));
        let sdk = SdkConfig::builder()
            .region(Region::from_static("eu-west-1"))
            .time_source(SharedTimeSource::new(clock.clone()))
            .build();
        let source = TestSource::new(access_key("AKID1"), "v1");
        let connector = AccessKeyConnector::checked_by(NoCheck);
        let rds = Self {
            server: Postgres::start("app", "").await,
            source: source.clone(),
            key: Refreshable::builder(source, connector)
                .without_polling()
                .timeouts(Timeouts::default().newer_key(newer_key))
                .start()
                .await
                .expect("the key is well-formed"),
            token: RdsToken::new(&sdk, (HOST, 5432), "app").expect("it can be signed"),
            clock,
            valid: Arc::new(Mutex::new(HashSet::from(["AKID1".to_owned()]))),
        };
        let (valid, clock) = (Arc::clone(&rds.valid), rds.clock.clone());
        rds.server.check_logins(move |user, token| {
            let part = |from: &str, to| {
                let rest = token.split_once(from).expect("a token").1;
                rest.split_once(to).expect("a token").0
            };
            let signed: u64 = part("X-Amz-Date=20240827T00", "00Z")
                .parse()
                .expect("minutes");
            valid
                .lock()
                .expect("no panic")
                .contains(part("X-Amz-Credential=", "%2F"))
                && part("DBUser=", "&") == user
                && clock.minutes() - signed < 15
        });
        rds
    }

    fn deadpool(&self) -> deadpool::deadpool_postgres::Pool {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.server.port).user("app");
        let token = self.token.clone();
        let login = move |key: &LiveKey| {
            let mut config = config.clone();
            config.password(token.sign(key).expose());
            config
        };
        let pool = deadpool::Builder::with_login(&self.key, login, NoTls);
        pool.keep_connections().build().expect("it is valid")
    }

    fn sqlx(&self) -> sqlx::Pool {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.server.port)
            .username("app");
        let token = self.token.clone();
        let login = move |key: &LiveKey| options.clone().password(token.sign(key).expose());
        sqlx::Builder::with_login(&self.key, login)
            .pool_options(
                PgPoolOptions::new()
                    .acquire_timeout(2 * LONG)
                    .idle_timeout(None)
                    .max_lifetime(None),
            )
            .keep_connections()
            .build()
    }

    /// Replaces the key at its source.
    fn rotate(&self) {
        self.valid.lock().expect("no panic").insert("AKID2".into());
        self.source.rotate(access_key("AKID2"), "v2");
    }

    fn delete_old_key(&self) {
        self.valid.lock().expect("no panic").remove("AKID1");
    }

    /// Waits until the first key has drained, and checks that this is when its last token has expired.
    async fn old_key_drains_with_its_last_token(&self) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(14 * 60)).await;
        assert!(self.key.status().uses(&"v1".into()), "a token is valid");
        tokio::time::advance(Duration::from_secs(60)).await;
        tokio::time::resume();
        let drained = tokio::time::timeout(LONG, self.source.drained("v1"));
        drained.await.expect("it drains");
    }
}

fn access_key(id: &str) -> String {
    format!(r#"{{"access_key_id": "{id}", "secret_access_key": "secret"}}"#)
}

#[tokio::test]
async fn each_login_of_deadpool_has_a_token_of_its_time() {
    let rds = Rds::start().await;
    let pool = rds.deadpool();
    let first = pool.get().await.expect("logged in");
    rds.clock.set(40);
    let second = pool.get().await.expect("logged in");
    assert_eq!(
        rds.server.sessions("app"),
        2,
        "the first outlives its token"
    );
    assert_eq!(rds.key.generation(), 1, "tokens are no versions");
    drop((first, second));
}

#[tokio::test]
async fn a_rotated_key_closes_no_connection_of_deadpool_and_drains_with_its_tokens() {
    let rds = Rds::start().await;
    let pool = rds.deadpool();
    let busy = pool.get().await.expect("logged in");
    drop(pool.get().await.expect("logged in")); // idle
    rds.rotate();
    rds.key.refresh().await.expect("it is valid");
    rds.old_key_drains_with_its_last_token().await;
    rds.delete_old_key();

    busy.simple_query("select 1").await.expect("it works");
    drop(busy);
    let both = [pool.get().await, pool.get().await];
    assert_eq!(rds.server.logins(), 2, "both are used again");
    let third = pool.get().await.expect("logged in with the new key");
    assert_eq!(rds.server.sessions("app"), 3);
    drop((both, third));
}

#[tokio::test]
async fn a_token_of_a_dead_key_leads_deadpool_to_the_newer_key() {
    let rds = Rds::start().await;
    let pool = rds.deadpool();
    rds.rotate();
    rds.delete_old_key(); // and nobody has refreshed
    drop(pool.get().await.expect("logged in with the new key"));
    assert_eq!(rds.server.logins(), 2);
    assert_eq!(rds.key.lease().access_key_id(), "AKID2");
}

#[tokio::test]
async fn a_rotated_key_closes_no_connection_of_sqlx_and_drains_with_its_tokens() {
    let rds = Rds::start().await;
    let pool = rds.sqlx();
    let live = pool.live();
    let mut busy = pool.acquire().await.expect("logged in");
    let mut idle = pool.acquire().await.expect("logged in");
    idle.return_to_pool().await;
    rds.rotate();
    rds.key.refresh().await.expect("it is valid");
    rds.old_key_drains_with_its_last_token().await;
    rds.delete_old_key();

    busy.return_to_pool().await;
    let both = [live.acquire().await, pool.acquire().await];
    assert_eq!(rds.server.logins(), 2, "both are used again");
    let third = live.acquire().await.expect("logged in with the new key");
    assert_eq!(rds.server.sessions("app"), 3);
    drop((both, third));
}

#[tokio::test]
async fn a_token_of_a_dead_key_leads_sqlx_to_the_newer_key() {
    let rds = Rds::start().await;
    let pool = rds.sqlx();
    rds.rotate();
    rds.delete_old_key(); // and nobody has refreshed
    drop(pool.acquire().await.expect("logged in with the new key"));
    assert_eq!(rds.server.logins(), 2);
    assert_eq!(rds.key.lease().access_key_id(), "AKID2");
}

#[tokio::test]
async fn sqlx_gets_a_new_token_every_five_minutes_also_for_what_it_opens_itself() {
    let rds = Rds::start().await;
    let pool = rds.sqlx();
    let live = pool.live(); // what takes a `PgPool` has this
    for minutes in [5, 10, 15, 20] {
        rds.clock.set(minutes);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5 * 60)).await;
        tokio::time::resume();
    }
    drop(live.acquire().await.expect("its token is valid"));
    assert_eq!(rds.server.logins(), 1);
}

#[tokio::test]
async fn a_token_of_sqlx_that_expired_while_the_machine_was_suspended_is_signed_again() {
    let rds = Rds::waiting(Duration::from_millis(200)).await;
    let pool = rds.sqlx();
    // Only the clock of the wall has gone on.
    rds.clock.set(20);
    drop(pool.acquire().await.expect("its next token is valid"));
    assert_eq!(rds.server.logins(), 2);
}
