//! The usage reports of the fleet, read from their topic.

use std::fmt;

use tokio::sync::Mutex;

use super::source::{Consumer, Rejection, Usage, UsageSource, UsageState};
use crate::error::Error;
use crate::fleet::{
    FleetTopic, InUseReason, Ledger, LedgerTime, Presence, ReleaseQuery, ReleaseStatus,
};
use crate::rotation::store::SecretDescription;
use crate::secret::{SecretId, VersionId};

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
        let now = topic.read_to_end().await?.now;
        Ok(usage_of(topic.ledger(), secret, version, now))
    }
}

impl fmt::Debug for FleetUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetUsage").finish_non_exhaustive()
    }
}

/// Returns what the ledger knows. The ARN matches consumers that know the secret by its name, too.
fn usage_of(
    ledger: &Ledger,
    secret: &SecretDescription,
    version: &VersionId,
    now: LedgerTime,
) -> Usage {
    let Some(current_version) = secret.current() else {
        return Usage::new(UsageState::Unknown);
    };
    let query = ReleaseQuery {
        secret_id: SecretId::from(&secret.arn),
        version: version.clone(),
        current_version,
        now,
    };
    let state = match ledger.release_status(&query) {
        ReleaseStatus::InUse { by, .. } => UsageState::InUse {
            by: by
                .into_iter()
                .map(|consumer| {
                    Consumer::new(consumer.instance.to_string())
                        .reason(reason(consumer.reason))
                        .until(consumer.expires.into())
                })
                .collect(),
        },
        ReleaseStatus::Released {
            since,
            presumed_gone,
            ..
        } => UsageState::Released {
            since: since.into(),
            presumed_gone: presumed_gone
                .into_iter()
                .map(|expired| expired.instance.to_string())
                .collect(),
        },
        ReleaseStatus::Unknown => UsageState::Unknown,
    };
    let rejections = ledger.rejections(&query.secret_id, version);
    let running = ledger
        .consumers(&query.secret_id, now)
        .filter(|consumer| consumer.presence == Presence::Alive);
    let adopted_by = running
        .filter(|consumer| consumer.live.as_ref() == Some(&query.current_version))
        .map(|consumer| consumer.instance.to_string());
    Usage::new(state).adopted_by(adopted_by).rejections(
        rejections
            .into_iter()
            .map(|rejection| Rejection::new(rejection.instance.to_string(), rejection.at.into())),
    )
}

fn reason(reason: InUseReason) -> String {
    match reason {
        InUseReason::Live => "live version".to_owned(),
        InUseReason::Draining { outstanding } => format!("{outstanding} leases"),
        InUseReason::PresignedUrls => "presigned URLs".to_owned(),
        InUseReason::Unlisted => "more versions than a report lists".to_owned(),
        InUseReason::NotYetReported => "has not reported yet".to_owned(),
    }
}
