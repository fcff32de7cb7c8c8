//! A secret that is replicated to another region: its rotation is found there while the primary region is down.
//!
//! `cargo run --example replicas`
//!
//! Both regions are in this process; on AWS, each `SdkConfig` comes from `aws_config::from_env().region(…).load().await`.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::Refreshable;
use credswap::source::{Replicas, SecretsManager};
use credswap::typed::DatabaseSecret;
use credswap_testkit::Cloud;

const SECRET: &str = "prod/database";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let (ireland, frankfurt) = (Cloud::start().await, Cloud::start().await);
    for region in [&ireland, &frankfurt] {
        region.create_secret(SECRET, "{}");
    }
    rotate([&ireland, &frankfurt], "first");

    let primary = SecretsManager::new(&sdk(&ireland), SECRET).attempts(1);
    let replica = SecretsManager::new(&sdk(&frankfurt), SECRET).attempts(1);
    let source = Replicas::new("eu-west-1", primary)
        .replica("eu-central-1", replica)
        .each(Duration::from_secs(2));
    let database = Refreshable::<DatabaseSecret>::typed(source.clone())
        .poll_every(Duration::from_millis(200)) // five minutes by default
        .start()
        .await?;
    show(&database, &source);

    // The primary does not answer any more. Nothing has changed in the replica: no swap, and no error.
    ireland.break_down("secretsmanager:GetSecretValue", usize::MAX);
    database.refresh().await?;
    show(&database, &source);

    // The rotation is replicated, and the service does not wait for the primary.
    rotate([&ireland, &frankfurt], "second");
    database.updates().newer_than(1).await;
    show(&database, &source);

    // The primary is back, with the same version: no swap. After a while it is preferred again.
    ireland.clear_faults();
    database.refresh().await?;
    anyhow::ensure!(database.generation() == 2, "one rotation, one swap");
    show(&database, &source);
    Ok(())
}

fn show(database: &Refreshable<DatabaseSecret>, source: &Replicas) {
    let region = source.last_answered().unwrap_or("nowhere");
    println!("user `{}` from {region}", database.lease().username);
}

/// Puts a new user into the secret, and replicates it: a replica has the primary's versions.
fn rotate(regions: [&Cloud; 2], user: &str) {
    let version = format!("version-of-the-same-name-{user:-<8}");
    for region in regions {
        let content = format!(r#"{{"username": "{user}", "password": "none"}}"#);
        region.put_secret_version(SECRET, &version, content, &["AWSCURRENT"]);
    }
}

fn sdk(cloud: &Cloud) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}
