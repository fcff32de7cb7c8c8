//! The server, and the rotations.

use std::time::Duration;

use credswap::Refreshable;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::config::Host;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Client, Config, NoTls};
use credswap::sql::deadpool::deadpool_postgres::{Manager, Pool};
use credswap::sql::sqlx::sqlx::postgres::PgConnectOptions;
use credswap::test_util::{TestSource, TestTrigger};
use credswap::typed::DatabaseSecret;
use tokio::time::{Instant, sleep};

use super::CONNECTIONS;
use super::load::{Load, Tally, Works};
use crate::sql::secret;

/// How long the database has the new password before the secret has it.
const BEFORE_CURRENT: Duration = Duration::from_millis(150);

/// A user of the database, and its password.
pub(super) struct Login {
    user: String,
    password: String,
}

/// A server, and a schema, roles and users of this test's own.
pub(super) struct Server {
    pub(super) admin: Client,
    pub(super) config: Config,
    schema: &'static str,
}

impl Server {
    pub(super) async fn connect(schema: &'static str) -> Self {
        let address = std::env::var("CREDSWAP_POSTGRES").expect("run tests/real/postgres.sh");
        let mut config: Config = address.parse().expect("a connection string");
        config.options(format!("-c search_path={schema}"));
        let (admin, connection) = config.connect(NoTls).await.expect("the server runs");
        tokio::spawn(connection);
        let server = Self {
            admin,
            config,
            schema,
        };
        server
            .run(&format!(
                "create schema {schema};
                create role {schema}_app;
                create table orders (client bigint);
                grant usage on schema {schema} to {schema}_app;
                grant select, insert on orders to {schema}_app"
            ))
            .await;
        server
    }

    /// Where the server is, for sqlx.
    pub(super) fn options(&self) -> PgConnectOptions {
        let [Host::Tcp(host)] = self.config.get_hosts() else {
            panic!("one host with TCP")
        };
        PgConnectOptions::new_without_pgpass()
            .host(host)
            .port(self.config.get_ports()[0])
            .database(self.config.get_dbname().expect("a database"))
            .options([("search_path", self.schema)])
    }

    /// Changes users and passwords while clients work with what `build` makes of the secret.
    pub(super) async fn rotate_under<P: Works>(
        &self,
        build: impl FnOnce(&Refreshable<DatabaseSecret>) -> P,
    ) -> Tally {
        let login = self.create("app_0").await;
        let source = TestSource::new(secret(&login.user, &login.password), "0");
        let trigger = TestTrigger::new();
        let database: Refreshable<DatabaseSecret> = Refreshable::typed(source.clone())
            .trigger(trigger.clone())
            .without_polling()
            .start()
            .await
            .expect("the secret is valid");
        let load = Load::start(build(&database));
        let publish = |login: &Login, version: usize| {
            source.rotate(secret(&login.user, &login.password), version.to_string());
            trigger.event();
        };
        let drained = async |versions: Vec<usize>| {
            for version in versions {
                let version = version.to_string().into();
                database.drained(&version).await.expect("it drains");
            }
        };
        let (rotations, login) = self
            .rotate_for(Duration::from_secs(15), login, publish, drained)
            .await;
        let follows = load.end(self).await;
        self.drop(&login).await;
        println!(
            "{} follows the secret: {rotations} rotations, {follows:?}",
            self.schema
        );
        follows
    }

    pub(super) async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.expect(sql);
    }

    pub(super) async fn create(&self, name: &str) -> Login {
        let schema = self.schema;
        let user = format!("{schema}_{name}");
        self.run(&format!(
            "create role {user} login password '0' in role {schema}_app"
        ))
        .await;
        Login {
            user,
            password: "0".to_owned(),
        }
    }

    pub(super) async fn drop(&self, login: &Login) {
        self.run(&format!("drop role {}", login.user)).await;
    }

    pub(super) fn pool(&self, login: &Login) -> Pool {
        let mut config = self.config.clone();
        config.user(&login.user).password(&login.password);
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS as usize);
        pool.build().expect("the settings are valid")
    }

    /// Changes the password or, in turns, the user every second; drops the old user when its versions have drained. Returns
    /// how often, and the user at the end.
    pub(super) async fn rotate_for(
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
                let other = if login.user.ends_with("app_0") {
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
