//! Whole S3 clients: the secret has the endpoint and the bucket beside the key, and all three are swapped together.
//!
//! `cargo run --example whole_clients`

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::RefreshableS3Client;
use credswap::aws::S3ClientConnector;
use credswap::source::SecretsManager;
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

    let connector = S3ClientConnector::new(&sdk)?.configure(|s3| s3.force_path_style(true));
    let s3 = RefreshableS3Client::builder(SecretsManager::new(&sdk, "prod/uploader"), connector)
        .start()
        .await?;

    upload(&s3).await?;
    let old = s3.status().version;
    let first = s3.lease(); // a task that is still using the first client …
    cloud.put_secret("prod/uploader", secret(&cloud, "uploads-2"));
    s3.refresh().await?;
    upload(&s3).await?;

    println!(
        "the first client still works: {} buckets",
        first.list_buckets().send().await?.buckets().len()
    );
    drop(first); // … and now it is not
    s3.drained(&old).await?;
    println!(
        "drained; connections to S3: {}",
        cloud.s3_connections_opened()
    );
    Ok(())
}

/// Uploads a file. A request may outlive the lease: the key stays in use until the request ends.
async fn upload(s3: &RefreshableS3Client) -> anyhow::Result<()> {
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
