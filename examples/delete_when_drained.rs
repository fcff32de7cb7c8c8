//! Deletes the old access key by hand, at the moment at which nothing uses it any more.
//!
//! `cargo run --example delete_when_drained`
//!
//! The cloud is in the process; with AWS, `sdk` comes from `aws_config::load_from_env().await`. Where several processes
//! use the key, each reports its drain to the rotation function instead: see `reporting_consumer`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::RefreshableCredentials;
use credswap_testkit::{Action, Cloud};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    let sdk = deploy(&cloud);
    let credentials = RefreshableCredentials::from_secrets_manager(&sdk, "prod/uploader")
        .start()
        .await?;
    let builder = aws_sdk_s3::config::Builder::from(&sdk)
        .endpoint_url(cloud.s3_endpoint_url())
        .force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, builder).build());

    // A long upload, signed with the first key: S3 does not answer it yet.
    cloud.inject("s3:PutObject", Action::Hang, 1);
    let upload = s3.put_object().bucket("uploads").key("long").send();
    let upload = tokio::spawn(upload);
    cloud.called("s3:PutObject", 1).await;

    // The key is rotated meanwhile. Requests made from now on use the new one.
    let old_version = credentials.status().version;
    let old_key = credentials.with(|key| key.access_key_id().to_owned());
    let new_key = cloud.create_access_key("uploader");
    cloud.put_secret("prod/uploader", new_key.to_json());
    credentials.refresh().await?;
    s3.list_objects_v2().bucket("uploads").send().await?;
    println!("swapped; the upload still uses the old key");

    // The point of it all: the old key is deleted when it is drained, and not before.
    let drained = credentials.drained(&old_version);
    let finish_upload = async {
        cloud.release();
        upload.await?.map_err(anyhow::Error::from)
    };
    let (drained, uploaded) = tokio::join!(drained, finish_upload);
    drained?;
    cloud.delete_key(&old_key);
    println!("drained; the old key is deleted");
    uploaded?;
    println!("the upload succeeded");
    Ok(())
}

/// What exists before the service starts: a bucket, a user, and its key in a secret.
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
