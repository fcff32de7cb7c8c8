//! Where the uploads run: the services, the secret and the bucket, whether local or real.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use credswap::trigger::Kafka;

use crate::usage_reports::ReportsTopic;

/// How long one attempt of a request may take: longer than a part of 8 MiB takes on a slow line, and short enough that an
/// answer that never arrives fails the request.
const ATTEMPT: Duration = Duration::from_secs(120);

/// Where the uploads run.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The configuration of Secrets Manager and STS, with credentials that may read the secret.
    pub(crate) sdk: SdkConfig,
    /// The configuration of S3, without credentials.
    pub(crate) s3: Builder,
    /// The secret that holds the uploader's key.
    pub(crate) secret_id: String,
    /// The bucket that receives the objects.
    pub(crate) bucket: String,
    /// The prefix of the names of this run's objects.
    pub(crate) prefix: String,
    /// The trigger that receives the rotation events.
    pub(crate) kafka: Kafka,
    /// How many consumers share the uploads.
    pub(crate) instances: u16,
    /// The topic of the usage reports, if the consumers report.
    pub(crate) reports: Option<ReportsTopic>,
}

impl Environment {
    /// Returns the name of an object of this run.
    pub(crate) fn object(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

/// Sets how long each attempt of an S3 request may take.
pub(crate) fn with_attempt_timeout(s3: Builder) -> Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT);
    s3.timeout_config(timeouts.build())
}
