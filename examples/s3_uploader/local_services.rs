//! The services in this process: S3, IAM, STS, Secrets Manager and a Kafka broker, with a user, its key and its secret.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::Builder;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use credswap::Error;
use credswap::kafka::{KafkaConfig, Producer};
use credswap::trigger::Kafka;
use credswap_testkit::{Broker, Cloud};
use tokio::time::Instant;

use crate::environment::{Environment, with_attempt_timeout};
use crate::usage_reports::ReportsTopic;

const USER: &str = "uploader";
const SECRET_ID: &str = "prod/uploader";
const BUCKET: &str = "uploads";
const TOPIC: &str = "s3.test.secret.manager";
const REPORTS_TOPIC: &str = "credswap.usage";

/// The services in this process. They stop when it is dropped.
#[derive(Debug)]
pub(crate) struct LocalServices {
    cloud: Cloud,
    broker: Broker,
}

impl LocalServices {
    /// Starts the services and creates the bucket, the user, its key, its secret and the topics.
    pub(crate) async fn start() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_bucket(BUCKET);
        cloud.create_user(USER);
        let key = cloud.create_access_key(USER);
        cloud.create_secret(SECRET_ID, key.to_json());
        let broker = Broker::start(TOPIC, 1);
        broker.create_topic(REPORTS_TOPIC, 1);
        Self { cloud, broker }
    }

    /// Returns the environment of `instances` consumers.
    pub(crate) fn environment(&self, instances: u16) -> anyhow::Result<Environment> {
        let sdk = self.sdk();
        let brokers = self.brokers();
        Ok(Environment {
            s3: with_attempt_timeout(Builder::from(&sdk))
                .endpoint_url(self.cloud.s3_endpoint_url())
                .force_path_style(true),
            sdk,
            secret_id: SECRET_ID.to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: "run".to_owned(),
            kafka: Kafka::new(&brokers, TOPIC)?,
            instances,
            reports: Some(ReportsTopic {
                kafka: brokers,
                topic: REPORTS_TOPIC.to_owned(),
                ttl: Duration::from_secs(5),
                interval: Some(Duration::from_millis(250)),
            }),
        })
    }

    /// Returns the configuration of an administrator's clients: the rotation uses the account's root key.
    pub(crate) fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(self.cloud.region()))
            .endpoint_url(self.cloud.endpoint_url())
            .http_client(http_client())
            .credentials_provider(SharedCredentialsProvider::new(self.cloud.root()))
            .build()
    }

    /// Returns the name of the secret that is rotated.
    pub(crate) fn secret_id(&self) -> &'static str {
        SECRET_ID
    }

    /// Returns the user whose key is rotated.
    pub(crate) fn user(&self) -> &'static str {
        USER
    }

    /// Creates a producer for the rotation events.
    pub(crate) fn event_producer(&self) -> Result<Producer, Error> {
        Producer::new(&self.brokers(), TOPIC)
    }

    /// Returns when S3 accepted each of its connections.
    pub(crate) fn connections(&self) -> Vec<Instant> {
        let times = self.cloud.s3_connection_times();
        times.into_iter().map(Instant::from_std).collect()
    }

    /// Returns the AWS services, to inject faults.
    #[cfg(test)]
    pub(crate) fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    fn brokers(&self) -> KafkaConfig {
        // A real broker answers a waiting fetch as soon as there is a record, the mock only at the end of the wait.
        KafkaConfig::new(self.broker.bootstrap_servers())
            .plaintext()
            .property("fetch.wait.max.ms", "10")
    }
}

/// Creates an HTTP client with a connection pool of its own.
pub(crate) fn http_client() -> SharedHttpClient {
    HttpClientBuilder::new().build_http()
}
