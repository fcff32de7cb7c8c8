//! Configurations for clients of the testkit's cloud, and for clients that receive one canned response.

use std::future::ready;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;
use credswap_testkit::Cloud;

/// Returns the configuration for IAM, STS and Secrets Manager of `cloud`.
pub(crate) fn config(cloud: &Cloud, credentials: Credentials) -> SdkConfig {
    reach(&cloud.endpoint_url(), credentials).build()
}

/// Returns the configuration for S3 of `cloud`.
pub(crate) fn s3_config(cloud: &Cloud, credentials: Credentials) -> SdkConfig {
    reach(&cloud.s3_endpoint_url(), credentials).build()
}

/// Returns the configuration for an endpoint, without retries: code under test that retries sets its own.
pub(crate) fn reach(endpoint_url: &str, credentials: Credentials) -> Builder {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint_url)
        .http_client(HttpClientBuilder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
}

/// Returns a configuration whose requests are all answered with this response.
pub(crate) fn answering(status: u16, body: &'static str) -> SdkConfig {
    reach(
        "http://127.0.0.1:1",
        Credentials::new("AKIDEXAMPLE", "none", None, None, "test"),
    )
    .http_client(http_client_fn(move |_, _| {
        SharedHttpConnector::new(Answer(status, body))
    }))
    .build()
}

/// Returns an endpoint at which nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[derive(Debug)]
struct Answer(u16, &'static str);

impl HttpConnector for Answer {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let status = self.0.try_into().expect("a status");
        HttpConnectorFuture::new(ready(Ok(HttpResponse::new(status, SdkBody::from(self.1)))))
    }
}
