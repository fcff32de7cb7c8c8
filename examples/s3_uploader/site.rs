//! Where the work is done: the services, the secret and the bucket, whether they run in the process or not.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use credswap::trigger::Kafka;

use crate::reports::Reports;

/// Where the work is done.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// How to reach Secrets Manager and STS, with credentials that may read the secret.
    pub(crate) sdk: SdkConfig,
    /// How to reach S3; the key is still to come.
    pub(crate) s3: Builder,
    /// The secret with the uploader's key.
    pub(crate) secret_id: String,
    /// The bucket.
    pub(crate) bucket: String,
    /// What the names of this run's objects begin with.
    pub(crate) prefix: String,
    /// Where the rotation events come from.
    pub(crate) kafka: Kafka,
    /// How many consumers share the work.
    pub(crate) instances: u16,
    /// Where they report what they use.
    pub(crate) reports: Option<Reports>,
}

/// S3's configuration with a bound on each attempt: a part of 8 MiB on a slow line takes less, and an answer that never
/// comes is not waited for.
pub(crate) fn bounded(s3: Builder) -> Builder {
    let attempt = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(120));
    s3.timeout_config(attempt.build())
}

impl Site {
    /// The name of an object of this run.
    pub(crate) fn object(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}
