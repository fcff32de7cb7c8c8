//! Several roles from one base key, one of them through another: the base key is rotated, and no role notices.
//!
//! `cargo run --example assume_roles`
//!
//! The cloud is in this process; on AWS, `sdk` comes from `aws_config::load_from_env().await`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::{SdkConfig, region::Region};
use credswap::aws::{AccessKeyConnector, AssumeRole};
use credswap::source::CredentialsProvider;
use credswap::{Error, Refreshable, RefreshableCredentials};
use credswap_testkit::Cloud;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cloud = Cloud::start().await;
    let sdk = deploy(&cloud);

    // The only long-term key. It may do nothing but assume roles.
    let base = RefreshableCredentials::from_secrets_manager(&sdk, "prod/base")
        .start()
        .await?;
    let reader = assume(&sdk, &base, "arn:aws:iam::123456789012:role/reader").await?;
    let writer = assume(&sdk, &base, "arn:aws:iam::123456789012:role/writer").await?;
    // A chain: the session of one role assumes the next, in another account. STS limits such sessions to an hour.
    let partner = assume(&sdk, &writer, "arn:aws:iam::210987654321:role/inbox").await?;
    let roles = [&reader, &writer, &partner];
    use_all(&sdk, roles).await?;

    // The base key is replaced, its predecessor deleted at once, and nobody announces it. The sessions stay valid; the next one
    // is asked for with the dead key, rejected, and asked for again with the new one.
    let old = cloud.keys("base")[0].id.clone();
    let new = cloud.create_access_key("base");
    cloud.put_secret("prod/base", new.to_json());
    cloud.delete_key(&old);
    use_all(&sdk, roles).await?;
    for role in roles {
        role.refresh().await?; // happens by itself at three quarters of a session's time
    }
    use_all(&sdk, roles).await?;
    println!("the base key is generation {} now", base.generation());
    Ok(())
}

/// Returns the credentials of a role: proven before they are used, refreshed before they expire, replayed when rejected.
async fn assume(
    sdk: &SdkConfig,
    credentials: &RefreshableCredentials,
    role: &'static str,
) -> Result<RefreshableCredentials, Error> {
    let provider = AssumeRole::new(sdk, credentials, role).session_name("assume-roles");
    let source = CredentialsProvider::new(provider);
    Refreshable::builder(source, AccessKeyConnector::new(sdk))
        .name(role)
        .start()
        .await
}

async fn use_all(sdk: &SdkConfig, roles: [&RefreshableCredentials; 3]) -> anyhow::Result<()> {
    for role in roles {
        let sts = aws_sdk_sts::Client::new(&role.sdk_config(sdk));
        sts.get_caller_identity().send().await?;
        println!("session …{} is accepted", role.lease().id_suffix());
    }
    Ok(())
}

/// Creates what exists before the service starts: a user, and its key in a secret.
fn deploy(cloud: &Cloud) -> SdkConfig {
    cloud.create_user("base");
    cloud.create_secret("prod/base", cloud.create_access_key("base").to_json());
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}
