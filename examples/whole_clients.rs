//! Whole clients swapped: the secret carries the endpoint and the bucket beside the key, and all three change together.
//!
//! `cargo run --example whole_clients`

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::{Refreshable, aws, source::SecretsManager};
use credswap_testkit::Cloud;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    cloud.create_user("uploader");
    for bucket in ["uploads-1", "uploads-2"] {
        cloud.create_bucket(bucket);
    }
    cloud.create_secret("prod/uploader", secret(&cloud, "uploads-1"));
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http()) // shared by all generations
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build();

    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let clients = aws::s3_clients(&sdk)?.configure(|builder| builder.force_path_style(true));
    let s3 = Refreshable::builder(
        SecretsManager::from_client(secrets, "prod/uploader"),
        clients,
    )
    .start()
    .await?;

    upload(&s3).await?;
    let old = s3.lease(); // somebody is still busy with the first client …
    cloud.put_secret("prod/uploader", secret(&cloud, "uploads-2"));
    s3.refresh().await?;
    upload(&s3).await?;

    println!(
        "the first client still works: {} buckets",
        old.list_buckets().send().await?.buckets().len()
    );
    drop(old); // … and now nobody is
    s3.subscribe_status()
        .wait_for(|status| status.draining.is_empty())
        .await?;
    println!(
        "drained; connections to S3: {}",
        cloud.s3_connections_opened()
    );
    Ok(())
}

/// A request may outlive its lease: the client's key is held until the request ends.
async fn upload(s3: &Refreshable<aws::S3>) -> anyhow::Result<()> {
    let client = s3.lease();
    let bucket = client.bucket().unwrap_or("uploads");
    client
        .put_object()
        .bucket(bucket)
        .key("report.csv")
        .send()
        .await?;
    println!(
        "uploaded to {bucket} with the key …{}",
        client.key().id_suffix()
    );
    Ok(())
}

fn secret(cloud: &Cloud, bucket: &str) -> String {
    let key = cloud.create_access_key("uploader");
    let endpoint = cloud.s3_endpoint_url();
    let (id, secret) = (key.id(), key.secret());
    format!(
        r#"{{"accesskey": "{id}", "secretkey": "{secret}", "endpoint": "{endpoint}", "bucket": "{bucket}"}}"#
    )
}
