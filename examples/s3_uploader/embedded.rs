//! The services in the process: S3, IAM, STS, Secrets Manager and a Kafka broker, with a user, its key and its secret.

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

use crate::reports::Reports;
use crate::site::{self, Site};

const USER: &str = "uploader";
const SECRET_ID: &str = "prod/uploader";
const BUCKET: &str = "uploads";
const TOPIC: &str = "s3.test.secret.manager";
const REPORTS: &str = "credswap.usage";

/// The services in the process. They stop when it is dropped.
#[derive(Debug)]
pub(crate) struct World {
    cloud: Cloud,
    broker: Broker,
}

impl World {
    /// Starts the services and makes what an account would have.
    pub(crate) async fn start() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_bucket(BUCKET);
        cloud.create_user(USER);
        let key = cloud.create_access_key(USER);
        cloud.create_secret(SECRET_ID, key.to_json());
        let broker = Broker::start(TOPIC, 1);
        broker.create_topic(REPORTS, 1);
        Self { cloud, broker }
    }

    /// Where so many consumers find things.
    pub(crate) fn site(&self, instances: u16) -> anyhow::Result<Site> {
        let sdk = self.sdk();
        let brokers = self.brokers();
        Ok(Site {
            s3: site::bounded(Builder::from(&sdk))
                .endpoint_url(self.cloud.s3_endpoint_url())
                .force_path_style(true),
            sdk,
            secret_id: SECRET_ID.to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: "run".to_owned(),
            kafka: Kafka::new(&brokers, TOPIC)?,
            instances,
            reports: Some(Reports {
                kafka: brokers,
                topic: REPORTS.to_owned(),
                ttl: Duration::from_secs(5),
                often: Some(Duration::from_millis(250)),
            }),
        })
    }

    /// What an administrator's clients are configured with: the rotation function has the account's root key.
    pub(crate) fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(self.cloud.region()))
            .endpoint_url(self.cloud.endpoint_url())
            .http_client(http_client())
            .credentials_provider(SharedCredentialsProvider::new(self.cloud.root()))
            .build()
    }

    /// The name of the secret that is rotated.
    pub(crate) fn secret_id(&self) -> &'static str {
        SECRET_ID
    }

    /// Publishes the rotation events.
    pub(crate) fn announcer(&self) -> Result<Producer, Error> {
        Producer::new(&self.brokers(), TOPIC)
    }

    fn brokers(&self) -> KafkaConfig {
        // A broker answers a waiting fetch when something was published; this one only when its time is over.
        KafkaConfig::new(self.broker.bootstrap_servers())
            .plaintext()
            .property("fetch.wait.max.ms", "10")
    }

    /// When S3 accepted each of its connections.
    pub(crate) fn connections(&self) -> Vec<Instant> {
        let times = self.cloud.s3_connection_times();
        times.into_iter().map(Instant::from_std).collect()
    }

    /// The user whose key is rotated.
    pub(crate) fn user(&self) -> &'static str {
        USER
    }

    /// The services, to be tampered with.
    #[cfg(test)]
    pub(crate) fn cloud(&self) -> &Cloud {
        &self.cloud
    }
}

/// A new HTTP client, with a pool of its own.
pub(crate) fn http_client() -> SharedHttpClient {
    HttpClientBuilder::new().build_http()
}
