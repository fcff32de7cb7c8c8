//! A PostgreSQL pool that logs in with tokens of RDS: the key that signs them is rotated, and no connection is closed.
//!
//! `cargo run --example rds_tokens`
//!
//! The cloud and the database are in this process; on AWS, `sdk` comes from `aws_config::load_from_env().await`, and the pool
//! needs TLS (`postgres-native-tls` or `tokio-postgres-rustls` instead of `NoTls`).

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::RefreshableCredentials;
use credswap::aws::{LiveKey, RdsToken};
use credswap::sql::deadpool::Builder;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Config, NoTls};
use credswap_testkit::{Cloud, Postgres};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Arc::new(Cloud::start().await);
    let database = Postgres::start("app", "").await;
    let sdk = deploy(&cloud, &database);

    let key = RefreshableCredentials::from_secrets_manager(&sdk, "prod/app")
        .start()
        .await?;
    let host = "orders.abc123.eu-west-1.rds.amazonaws.com";
    let token = RdsToken::new(&sdk, (host, 5432), "app")?;
    let mut config = Config::new();
    config.user("app").host("127.0.0.1").port(database.port); // on AWS `host` and 5432
    let login = move |key: &LiveKey| {
        let mut config = config.clone();
        config.password(token.sign(key).expose());
        config
    };
    let pool = Builder::with_login(&key, login, NoTls)
        .keep_connections()
        .build()?;

    let first = pool.get().await?;
    println!("logged in with a token of …{}", key.lease().id_suffix());

    // The worst rotation: the key is replaced, the old one deleted at once, and nobody announces it. The next login is rejected,
    // which leads to a refresh, and tried again with a token of the new key.
    let old = cloud.keys("app")[0].id.clone();
    let new = cloud.create_access_key("app");
    cloud.put_secret("prod/app", new.to_json());
    cloud.delete_key(&old);
    let second = pool.get().await?;
    println!("logged in with a token of …{}", key.lease().id_suffix());

    first.simple_query("select 1").await?; // connections outlive tokens and keys
    second.simple_query("select 1").await?;
    println!("{} sessions are open", database.sessions("app"));
    anyhow::ensure!(database.sessions("app") == 2 && key.generation() == 2);
    Ok(())
}

/// Creates what exists before the service starts: a user, its key in a secret, and a database that accepts tokens of its keys.
fn deploy(cloud: &Arc<Cloud>, database: &Postgres) -> SdkConfig {
    cloud.create_user("app");
    cloud.create_secret("prod/app", cloud.create_access_key("app").to_json());
    let iam = Arc::clone(cloud);
    database.check_logins(move |_, token| {
        let keys = iam.keys("app");
        keys.iter()
            .any(|key| token.contains(&format!("Credential={}%2F", key.id)))
    });
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}
