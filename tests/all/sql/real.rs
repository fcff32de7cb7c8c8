//! On a real PostgreSQL, under load: passwords and users that change every second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use credswap::Refreshable;
use credswap::sql::deadpool::Builder;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Client, Config, NoTls};
use credswap::sql::deadpool::deadpool_postgres::{Manager, Pool};
use credswap::test_util::{TestSource, TestTrigger};
use credswap::typed::DatabaseSecret;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::secret;

const CLIENTS: u64 = 32;
const CONNECTIONS: usize = 16;
/// How long the database has the new password before the secret has it.
const BEFORE_CURRENT: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/real/postgres.sh"]
async fn no_query_fails_while_users_and_passwords_change() {
    let server = Server::connect().await;

    let login = server.create("app_0").await;
    let source = TestSource::new(secret(&login.user, &login.password), "0");
    let trigger = TestTrigger::new();
    let database: Refreshable<DatabaseSecret> = Refreshable::typed(source.clone())
        .trigger(trigger.clone())
        .without_polling()
        .start()
        .await
        .expect("the secret is valid");
    let pool = Builder::new(&database, server.config.clone(), NoTls)
        .pool(|pool| pool.max_size(CONNECTIONS))
        .build()
        .expect("the settings are valid");
    let load = Load::start(move || pool.clone());
    let publish = |login: &Login, version: usize| {
        source.rotate(secret(&login.user, &login.password), version.to_string());
        trigger.event();
    };
    let drained = async |versions: Vec<usize>| {
        for version in versions {
            database
                .drained(&version.to_string().into())
                .await
                .expect("it drains");
        }
    };
    let (rotations, login) = server
        .rotate_for(Duration::from_secs(15), login, publish, drained)
        .await;
    let follows = load.end(&server).await;
    server.drop(&login).await;
    println!("follows the secret: {rotations} rotations, {follows:?}");

    let login = server.create("app_0").await;
    let plain = Arc::new(std::sync::Mutex::new(server.pool(&login)));
    let load = {
        let plain = Arc::clone(&plain);
        Load::start(move || plain.lock().expect("no panic").clone())
    };
    let rebuild = |login: &Login, _| *plain.lock().expect("no panic") = server.pool(login);
    let (rotations, login) = server
        .rotate_for(Duration::from_secs(8), login, rebuild, async |_| {})
        .await;
    let rebuilt = load.end(&server).await;
    server.drop(&login).await;
    println!("rebuilt at each event: {rotations} rotations, {rebuilt:?}");

    assert_eq!((follows.failed, follows.aborted, follows.lost), (0, 0, 0));
    assert!(follows.queries > 0, "{follows:?}");
}

/// A user of the database, and its password.
struct Login {
    user: String,
    password: String,
}

struct Server {
    admin: Client,
    config: Config,
}

impl Server {
    async fn connect() -> Self {
        let address = std::env::var("CREDSWAP_POSTGRES").expect("run tests/real/postgres.sh");
        let config: Config = address.parse().expect("a connection string");
        let (admin, connection) = config.connect(NoTls).await.expect("the server runs");
        tokio::spawn(connection);
        let server = Self { admin, config };
        server.run("create role app").await;
        server.run("create table orders (client bigint)").await;
        server.run("grant select, insert on orders to app").await;
        server
    }

    async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.expect(sql);
    }

    async fn create(&self, user: &str) -> Login {
        let login = Login {
            user: user.to_owned(),
            password: "0".to_owned(),
        };
        self.run(&format!(
            "create role {user} login password '0' in role app"
        ))
        .await;
        login
    }

    async fn drop(&self, login: &Login) {
        self.run(&format!("drop role {}", login.user)).await;
    }

    fn pool(&self, login: &Login) -> Pool {
        let mut config = self.config.clone();
        config.user(&login.user).password(&login.password);
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS);
        pool.build().expect("the settings are valid")
    }

    /// Changes the password or, in turns, the user every second; drops the old user when its versions have drained. Returns
    /// how often, and the user at the end.
    async fn rotate_for(
        &self,
        time: Duration,
        mut login: Login,
        publish: impl Fn(&Login, usize),
        drained: impl AsyncFn(Vec<usize>),
    ) -> (usize, Login) {
        let end = Instant::now() + time;
        let (mut version, mut of_user) = (0, vec![0]);
        while Instant::now() < end {
            let next = Instant::now() + Duration::from_secs(1);
            version += 1;
            if version % 2 == 1 {
                login.password = version.to_string();
                let Login { user, password } = &login;
                self.run(&format!("alter role {user} password '{password}'"))
                    .await;
                sleep(BEFORE_CURRENT).await;
                publish(&login, version);
                of_user.push(version);
            } else {
                let other = if login.user == "app_0" {
                    "app_1"
                } else {
                    "app_0"
                };
                let old = std::mem::replace(&mut login, self.create(other).await);
                publish(&login, version);
                drained(std::mem::replace(&mut of_user, vec![version])).await;
                self.drop(&old).await;
            }
            tokio::time::sleep_until(next).await;
        }
        (version, login)
    }
}

#[derive(Debug, Default)]
struct Tally {
    queries: u64,
    failed: u64,
    transactions: u64,
    aborted: u64,
    lost: u64,
    slowest: Duration,
    errors: BTreeMap<String, u64>,
}

impl Tally {
    fn note(&mut self, error: &str) {
        *self.errors.entry(error.to_owned()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.queries += other.queries;
        self.failed += other.failed;
        self.transactions += other.transactions;
        self.aborted += other.aborted;
        self.slowest = self.slowest.max(other.slowest);
        for (error, times) in other.errors {
            *self.errors.entry(error).or_default() += times;
        }
    }
}

/// What many clients do at once.
struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Tally>,
}

impl Load {
    fn start(pool: impl Fn() -> Pool + Clone + Send + Sync + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(work(client, pool.clone(), Arc::clone(&stop)));
        }
        Self { stop, clients }
    }

    /// Stops the clients, and looks for what they committed.
    async fn end(self, server: &Server) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for tally in self.clients.join_all().await {
            sum.add(tally);
        }
        let count = "select count(*) from orders";
        let stored: i64 = server
            .admin
            .query_one(count, &[])
            .await
            .expect(count)
            .get(0);
        server.run("truncate orders").await;
        sum.lost = (2 * sum.transactions).saturating_sub(stored.cast_unsigned());
        sum
    }
}

/// Queries and transactions, one after the other; every eighth client holds its connection over a rotation.
async fn work(client: u64, pool: impl Fn() -> Pool, stop: Arc<AtomicBool>) -> Tally {
    let pause = if client.is_multiple_of(8) { 1.3 } else { 0.01 };
    let insert = format!("insert into orders values ({client})");
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let connection = pool().get().await;
        tally.slowest = tally.slowest.max(begun.elapsed());
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                tally.failed += 1;
                tally.note(&text(&error));
                sleep(Duration::from_millis(10)).await; // as a service would
                continue;
            }
        };
        match connection
            .query_one("select count(*) from orders", &[])
            .await
        {
            Ok(_) => tally.queries += 1,
            Err(error) => {
                tally.failed += 1;
                tally.note(&text(&error));
                continue;
            }
        }
        let transaction = async {
            let transaction = connection.transaction().await?;
            transaction.batch_execute(&insert).await?;
            transaction
                .batch_execute(&format!("select pg_sleep({pause})"))
                .await?;
            transaction.batch_execute(&insert).await?;
            transaction.commit().await
        };
        match transaction.await {
            Ok(()) => tally.transactions += 1,
            Err(error) => {
                tally.aborted += 1;
                tally.note(&text(&error));
            }
        }
    }
    tally
}

/// Returns the innermost cause: what the server said.
fn text(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
