//! The environment of a run on real services: AWS and Amazon MSK, or servers that speak their protocols.

use std::fs::File;

use anyhow::{Context, bail};
use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::config::Builder;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use credswap::kafka::{KafkaConfig, Password};
use credswap::trigger::Kafka;

use crate::cli::Real;
use crate::environment::{Environment, with_attempt_timeout};
use crate::usage_reports::ReportsTopic;

/// Loads the configuration, and checks what can be checked without the uploader's key.
pub(crate) async fn environment(real: &Real, instances: u16) -> anyhow::Result<Environment> {
    let tls = tls::Provider::Rustls(CryptoMode::Ring);
    let http_client = HttpClientBuilder::new().tls_provider(tls).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
    if let Some(url) = &real.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        bail!("no AWS region: set AWS_REGION");
    }
    let reader = sdk.credentials_provider().context("no AWS credentials")?;
    if let Err(error) = reader.provide_credentials().await {
        bail!(
            "no AWS credentials to read the secret with ({error}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        );
    }
    let path_style = real.endpoint_url.is_some();
    let mut s3 = with_attempt_timeout(Builder::from(&sdk)).force_path_style(path_style);
    // The key that reads the secret is not the key that uploads.
    s3.set_credentials_provider(None);
    let brokers = brokers(real)?;
    Ok(Environment {
        s3,
        kafka: Kafka::new(&brokers, &real.topic)?,
        instances,
        reports: real.reports_topic.as_ref().map(|topic| ReportsTopic {
            kafka: brokers,
            topic: topic.clone(),
            ttl: real.reports_ttl,
            interval: None,
        }),
        sdk,
        secret_id: real.secret_id.clone(),
        bucket: real.bucket.clone(),
        prefix: format!("s3_uploader-{:08x}", fastrand::u32(..)),
    })
}

fn brokers(real: &Real) -> anyhow::Result<KafkaConfig> {
    let mut config = KafkaConfig::new(&real.bootstrap_servers);
    if let (Some(username), Some(file)) = (&real.kafka_username, &real.kafka_password_file) {
        File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        config = config.scram_sha_512(username, Password::file(file));
    }
    if let Some(file) = &real.ca_file {
        config = config.ca_file(file);
    }
    if real.kafka_plaintext {
        config = config.plaintext();
    }
    Ok(config)
}
