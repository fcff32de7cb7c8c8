//! The usage reports of the fleet, read from their topic.

use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::source::{Consumer, Rejection, Usage, UsageSource, UsageState};
use crate::error::Error;
use crate::fleet::{FleetTopic, InUseReason, Ledger, ReleaseStatus};
use crate::rotation::store::SecretDescription;
use crate::secret::VersionId;

/// Asks the [`fleet`](crate::fleet)'s ledger, which reads new reports before each answer.
///
/// ```no_run
/// use credswap::fleet::FleetTopic;
/// use credswap::rotation::{FleetUsage, Rotation};
/// # fn example(sdk: aws_types::SdkConfig, kafka: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let usage = FleetUsage::new(FleetTopic::new(&kafka, "credswap.usage")?);
/// let rotation = Rotation::access_keys(&sdk).usage(usage).build();
/// # Ok(()) }
/// ```
pub struct FleetUsage(Mutex<FleetTopic>);

impl FleetUsage {
    /// Creates a usage source that reads this topic.
    pub fn new(topic: FleetTopic) -> Self {
        Self(Mutex::new(topic))
    }
}

impl UsageSource for FleetUsage {
    async fn usage_of(
        &self,
        secret: &SecretDescription,
        version: &VersionId,
    ) -> Result<Usage, Error> {
        let mut topic = self.0.lock().await;
        let now = topic.refresh().await?.now;
        Ok(usage_of(topic.ledger(), secret, version, now))
    }
}

impl fmt::Debug for FleetUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetUsage").finish_non_exhaustive()
    }
}

/// Returns what the ledger knows. The ARN matches consumers that know the secret by its name, too.
fn usage_of(ledger: &Ledger, secret: &SecretDescription, version: &VersionId, now: u64) -> Usage {
    let Some(current) = secret.current() else {
        return Usage::new(UsageState::Unknown);
    };
    let state = match ledger.verdict(&secret.arn, version, &current, now) {
        ReleaseStatus::InUse { by, .. } => UsageState::InUse {
            by: by
                .into_iter()
                .map(|consumer| {
                    Consumer::new(consumer.instance.to_string())
                        .reason(reason(consumer.why))
                        .until(time(consumer.until))
                })
                .collect(),
        },
        ReleaseStatus::Released {
            since,
            presumed_gone,
            ..
        } => UsageState::Released {
            since: time(since),
            presumed_gone: presumed_gone
                .into_iter()
                .map(|expired| expired.instance.to_string())
                .collect(),
        },
        ReleaseStatus::Unknown => UsageState::Unknown,
    };
    let rejections = ledger.refusals(&secret.arn, version);
    Usage::new(state).rejections(
        rejections
            .into_iter()
            .map(|rejection| Rejection::new(rejection.instance.to_string(), time(rejection.at))),
    )
}

fn reason(reason: InUseReason) -> String {
    match reason {
        InUseReason::Live => "live version".to_owned(),
        InUseReason::Leased(count) => format!("{count} leases"),
        InUseReason::PresignedUrls => "presigned URLs".to_owned(),
        InUseReason::Unlisted => "more versions than a report lists".to_owned(),
        InUseReason::NotYetReported => "has not reported yet".to_owned(),
    }
}

/// The ledger's clock is the broker's, in milliseconds since 1970.
fn time(milliseconds: u64) -> SystemTime {
    let since_1970 = Duration::from_millis(milliseconds);
    let at = SystemTime::UNIX_EPOCH.checked_add(since_1970);
    // Later than the system's clock can represent: as late as a tag can.
    at.unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX)))
}
