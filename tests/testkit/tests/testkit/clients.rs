//! SDK clients of a cloud, by default without retries.

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use credswap_testkit::{AccessKey, Cloud};

pub(crate) struct Clients {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
}

/// Starts a cloud with a bucket, a user and its key.
pub(crate) async fn cloud() -> (Cloud, AccessKey) {
    let cloud = Cloud::start().await;
    cloud.create_bucket("uploads");
    cloud.create_user("uploader");
    let key = cloud.create_access_key("uploader");
    (cloud, key)
}

pub(crate) fn clients(cloud: &Cloud, credentials: Credentials) -> Clients {
    with_retries(cloud, credentials, RetryConfig::disabled())
}

pub(crate) fn with_retries(
    cloud: &Cloud,
    credentials: Credentials,
    retries: RetryConfig,
) -> Clients {
    let http = aws_smithy_http_client::Builder::new().build_http();
    macro_rules! client {
        ($sdk:ident, $url:expr) => {
            $sdk::Client::from_conf(
                $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::from_static(cloud.region()))
                    .endpoint_url($url)
                    .credentials_provider(credentials.clone())
                    .retry_config(retries.clone())
                    .http_client(http.clone())
                    // On a busy machine an upload may pause for 5 s.
                    .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                    .build(),
            )
        };
    }
    Clients {
        s3: client!(aws_sdk_s3, cloud.s3_endpoint_url()),
        iam: client!(aws_sdk_iam, cloud.endpoint_url()),
        sts: client!(aws_sdk_sts, cloud.endpoint_url()),
        secrets: client!(aws_sdk_secretsmanager, cloud.endpoint_url()),
    }
}

/// Prepares a small upload.
pub(crate) fn put_hello(s3: &aws_sdk_s3::Client, key: &str) -> PutObjectFluentBuilder {
    let put = s3.put_object().bucket("uploads").key(key);
    put.body(ByteStream::from_static(b"hello"))
}

/// Returns the key's id with a wrong secret.
pub(crate) fn forged(key: &AccessKey) -> Credentials {
    Credentials::new(key.id(), "wrong", None, None, "test")
}

/// Returns status and code of the service's error, as the SDK decoded them.
pub(crate) fn error_of<T, E>(result: Result<T, SdkError<E>>) -> (u16, String)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match result {
        Ok(_) => panic!("not rejected"),
        Err(SdkError::ServiceError(error)) => (
            error.raw().status().as_u16(),
            error.err().code().unwrap_or_default().to_owned(),
        ),
        Err(error) => panic!("no answer: {}", DisplayErrorContext(error)),
    }
}

/// Returns the status and code to expect.
pub(crate) fn service_error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
