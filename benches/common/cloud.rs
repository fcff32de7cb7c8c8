//! The AWS services in the process, and SDK configurations that reach them, or no server at all.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use credswap::aws::{self, LiveKey};
use credswap::{Error, Refreshable, Secret};
use credswap_testkit::{AccessKey, Cloud};

pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const BUCKET: &str = "uploads";

/// The user of the secret's first key.
pub(crate) const FIRST_USER: &str = "uploader-0";

/// Starts the services with a bucket, a user, and its key in a secret.
pub(crate) async fn start() -> (Cloud, AccessKey) {
    let cloud = Cloud::start().await;
    cloud.create_bucket(BUCKET);
    let key = new_key(&cloud, 0);
    cloud.create_secret(SECRET, key.to_json());
    (cloud, key)
}

/// Creates a key for a new user: IAM allows two keys per user, and a bench rotates faster than old keys are released.
pub(crate) fn new_key(cloud: &Cloud, number: usize) -> AccessKey {
    let user = format!("uploader-{number}");
    cloud.create_user(&user);
    cloud.create_access_key(&user)
}

/// Returns the configuration of IAM, STS and Secrets Manager: as root, with one HTTP client.
pub(crate) fn sdk(cloud: &Cloud) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.endpoint_url())
        .http_client(HttpClientBuilder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(cloud.root()))
        .build()
}

/// Returns the configuration of S3 with this HTTP client and without credentials.
pub(crate) fn s3(cloud: &Cloud, http: SharedHttpClient) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static(cloud.region()))
        .endpoint_url(cloud.s3_endpoint_url())
        .force_path_style(true)
        .http_client(http)
}

/// Creates an HTTP client with a connection pool of its own.
pub(crate) fn pool() -> SharedHttpClient {
    HttpClientBuilder::new().build_http()
}

/// Returns the configuration of an S3 that answers every request at once with 200 and `body`, without a socket.
pub(crate) fn answering(body: &'static [u8]) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://127.0.0.1:1")
        .force_path_style(true)
        .http_client(http_client_fn(move |_, _| {
            SharedHttpConnector::new(Answer(body))
        }))
}

/// Returns a key that no server verifies.
pub(crate) fn credentials() -> Credentials {
    Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "0123456789012345678901234567890123456789",
        None,
        None,
        "bench",
    )
}

/// Starts a refreshable with that key, which never changes.
pub(crate) async fn refreshable() -> Refreshable<LiveKey> {
    let source = || async {
        let key = credentials();
        let json = format!(
            r#"{{"accesskey": "{}", "secretkey": "{}"}}"#,
            key.access_key_id(),
            key.secret_access_key()
        );
        Ok::<_, Error>(Secret::new(json, "version 1"))
    };
    Refreshable::builder(
        source,
        aws::AccessKeyConnector::checked_by(aws::check::NoCheck),
    )
    .start()
    .await
    .expect("the secret is valid")
}

#[derive(Debug)]
struct Answer(&'static [u8]);

impl HttpConnector for Answer {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let status = 200.try_into().expect("a status");
        let response = HttpResponse::new(status, SdkBody::from(self.0));
        HttpConnectorFuture::ready(Ok(response))
    }
}
