//! A token in an object of S3: polling asks only whether the object has changed.
//!
//! `cargo run --example secret_in_s3`
//!
//! S3 is in this process; on AWS, `sdk` comes from `aws_config::load_from_env().await`. Of what is stored as ciphertext of KMS,
//! `KmsEncrypted::new(&sdk, source)` makes a secret (feature `kms`).

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::source::S3Object;
use credswap::{Error, Refreshable, Secret};
use credswap_testkit::Cloud;

const BUCKET: &str = "configuration";
const KEY: &str = "prod/token";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    cloud.create_bucket(BUCKET);
    let operator = client(&sdk(&cloud));
    put(&operator, "the first token").await?;

    // With `S3Object::new(&sdk, …)`, unless the client needs a setting of its own such as path-style addresses.
    let source = S3Object::from_client(client(&sdk(&cloud)), BUCKET, KEY);
    let connect = |secret: Secret| async move { Ok::<_, Error>(secret.expose_str()?.len()) };
    let token = Refreshable::builder(source, connect)
        .poll_every(Duration::from_millis(100)) // five minutes by default
        .start()
        .await?;
    println!("a token of {} characters is live", *token.lease());
    let first = token.status().version;

    // Polls that find the same object are answered without a body, and change nothing.
    cloud.called("s3:GetObject", 5).await;
    anyhow::ensure!(token.generation() == 1, "the same object, no swap");

    // Work that began with the first token ends with it.
    let work = token.lease();
    put(&operator, "the second token").await?;
    token.updates().newer_than(1).await;
    println!("a token of {} characters is live", *token.lease());
    println!("one of {} characters is still in use", *work);
    drop(work);
    token.drained(&first).await?;
    println!("now it may be revoked");
    Ok(())
}

async fn put(s3: &aws_sdk_s3::Client, token: &'static str) -> anyhow::Result<()> {
    let body = aws_sdk_s3::primitives::ByteStream::from_static(token.as_bytes());
    let put = s3.put_object().bucket(BUCKET).key(KEY).body(body);
    put.send().await?;
    Ok(())
}

fn client(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

fn sdk(cloud: &Cloud) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.s3_endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}
