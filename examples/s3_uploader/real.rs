//! The same work against real services: AWS and Amazon MSK, or what stands in for them.

use std::fs::File;

use anyhow::{Context, anyhow, bail};
use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use credswap::kafka::{KafkaConfig, Password};
use credswap::trigger::Kafka;

use crate::cli::Real;
use crate::reports::Reports;
use crate::site::{self, Site};
use crate::way::failure;

/// Finds out what can be found without the uploader's key.
pub(crate) async fn site(real: &Real, instances: u16) -> anyhow::Result<Site> {
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
    let mut s3 = site::bounded(Builder::from(&sdk)).force_path_style(real.endpoint_url.is_some());
    // The reader's key is not the uploader's.
    s3.set_credentials_provider(None);
    let brokers = brokers(real)?;
    Ok(Site {
        s3,
        kafka: Kafka::new(&brokers, &real.topic)?,
        instances,
        reports: real.reports_topic.as_ref().map(|topic| Reports {
            kafka: brokers,
            topic: topic.clone(),
            ttl: real.reports_ttl,
            often: None,
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

/// Puts an object and reads it back: what the work needs, and nothing else.
pub(crate) async fn probe(site: &Site, s3: &Client) -> anyhow::Result<()> {
    let key = site.object("probe");
    let put = s3
        .put_object()
        .bucket(&site.bucket)
        .key(&key)
        .body(b"probe".to_vec().into());
    put.send()
        .await
        .map_err(|error| refused(site, "s3:PutObject", error))?;
    let get = s3.get_object().bucket(&site.bucket).key(&key).send().await;
    get.map(drop)
        .map_err(|error| refused(site, "s3:GetObject", error))
}

fn refused<E, R>(site: &Site, permission: &str, error: SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let bucket = &site.bucket;
    match error.code() {
        Some("NoSuchBucket") => anyhow!("there is no bucket `{bucket}`"),
        Some("AccessDenied") => {
            anyhow!(
                "the key in secret `{}` may not {permission} in bucket `{bucket}`",
                site.secret_id
            )
        }
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => {
            anyhow!("bucket `{bucket}` is in another region: set AWS_REGION to that one")
        }
        _ => anyhow!("bucket `{bucket}` cannot be used: {}", failure(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credswap_way::Credswap;
    use crate::embedded::World;
    use crate::flights::Flights;
    use crate::way::Way;

    #[tokio::test]
    async fn a_missing_bucket_and_a_missing_permission_are_named() {
        let world = World::start().await;
        let mut site = world.site(1).expect("a site");
        let way = Credswap::start(&site, &Flights::default())
            .await
            .expect("a way");
        let s3 = way.s3(0).await;
        probe(&site, &s3).await.expect("nothing is missing");

        let user = world.user();
        for permission in ["s3:PutObject", "s3:GetObject"] {
            world.cloud().deny(user, permission);
            let error = probe(&site, &s3).await.expect_err("denied").to_string();
            world.cloud().allow(user, permission);
            assert!(
                error.contains(permission) && error.contains("`uploads`"),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
        site.bucket = "another".to_owned();
        let error = probe(&site, &s3).await.expect_err("no bucket").to_string();
        assert_eq!(error, "there is no bucket `another`");
        way.close().await;
    }
}
