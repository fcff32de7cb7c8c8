//! An S3 client that a service has already: built once, kept for life, and always signing with the live key.
//!
//! `cargo run --example existing_client`
//!
//! The cloud is in the process; with AWS, `sdk` comes from `aws_config::load_from_env().await`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::{Refreshable, aws, source::SecretsManager};
use credswap_testkit::Cloud;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    let sdk = deploy(&cloud);

    // What a service adds: a refreshable, its edge, and `configure!` around the builder of the client.
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let keys = Refreshable::builder(
        SecretsManager::from_client(secrets, "prod/uploader"),
        aws::credentials(&sdk),
    )
    .start()
    .await?;
    let edge = aws::Edge::new(&keys);
    let builder = aws_sdk_s3::config::Builder::from(&sdk)
        .endpoint_url(cloud.s3_endpoint_url())
        .force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(edge, builder).build());

    // What it does all day.
    for round in 1..=3 {
        s3.put_object()
            .bucket("uploads")
            .key(format!("round {round}"))
            .send()
            .await?;
        println!(
            "round {round}: signed with the key …{}",
            keys.with(|key| key.id_suffix().to_owned())
        );

        // Behind its back the key is rotated, and the old one deleted, without a word to anybody: the next request is
        // refused, the secret is read, and the request is replayed with the new key.
        let old = cloud.keys("uploader")[0].id.clone();
        let new = cloud.create_access_key("uploader");
        cloud.put_secret("prod/uploader", new.to_json());
        cloud.delete_key(&old);
    }
    Ok(())
}

/// What is there before the service starts: a bucket, a user, and its key in a secret.
fn deploy(cloud: &Cloud) -> SdkConfig {
    cloud.create_bucket("uploads");
    cloud.create_user("uploader");
    let key = cloud.create_access_key("uploader");
    cloud.create_secret("prod/uploader", key.to_json());
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}
