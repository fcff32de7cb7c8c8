//! An existing S3 client with refreshable credentials: built once, kept for life, always signing with the live key.
//!
//! `cargo run --example existing_client`
//!
//! The cloud is in this process; on AWS, `sdk` comes from `aws_config::load_from_env().await`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::RefreshableCredentials;
use credswap_testkit::Cloud;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    let sdk = deploy(&cloud);

    // What a service adds: the credentials, and `configure!` around the client's builder.
    let credentials = RefreshableCredentials::from_secrets_manager(&sdk, "prod/uploader")
        .start()
        .await?;
    let builder = aws_sdk_s3::config::Builder::from(&sdk)
        .endpoint_url(cloud.s3_endpoint_url())
        .force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, builder).build());
    // Every other client of the process.
    let sts = aws_sdk_sts::Client::new(&credentials.sdk_config(&sdk));

    for round in 1..=3 {
        s3.put_object()
            .bucket("uploads")
            .key(format!("round {round}"))
            .send()
            .await?;
        let user = sts.get_caller_identity().send().await?;
        println!(
            "round {round}: signed with the key …{} of {}",
            credentials.lease().id_suffix(),
            user.arn().unwrap_or_default()
        );

        // The worst rotation: the key is replaced, the old one deleted at once, and no event is sent. The next request is
        // rejected, which leads to a refresh, and replayed with the new key.
        let old = cloud.keys("uploader")[0].id.clone();
        let new = cloud.create_access_key("uploader");
        cloud.put_secret("prod/uploader", new.to_json());
        cloud.delete_key(&old);
    }
    Ok(())
}

/// Creates what exists before the service starts: a bucket, a user, and its key in a secret.
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
