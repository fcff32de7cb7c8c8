//! The word of the fleet: the reports of the consumers, read from their topic.

use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::store::{CURRENT, SecretDescription};
use super::usage::{Holder, Rejection, Usage, UsageSource, UsageState};
use crate::error::Error;
use crate::fleet::{FleetTopic, InUseReason, Ledger, ReleaseStatus};
use crate::secret::VersionId;

/// Asks the [`fleet`](crate::fleet)'s ledger, which is brought up to date before each answer.
///
/// ```no_run
/// use credswap::fleet::FleetTopic;
/// use credswap::rotation::FleetUsage;
/// # fn example(config: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let holders = FleetUsage::new(FleetTopic::new(&config, "credswap.fleet")?);
/// # Ok(()) }
/// ```
pub struct FleetUsage(Mutex<FleetTopic>);

impl FleetUsage {
    /// Reads this topic.
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
        Ok(word(topic.ledger(), secret, version, now))
    }
}

/// What the ledger says, in the rotation's words. The ARN finds those who know the secret by its name, too.
fn word(ledger: &Ledger, secret: &SecretDescription, version: &VersionId, now: u64) -> Usage {
    let Some(current) = secret.labelled(CURRENT) else {
        return Usage::new(UsageState::Unknown);
    };
    let standing = match ledger.verdict(&secret.arn, version, &current, now) {
        ReleaseStatus::InUse { by, .. } => UsageState::InUse {
            by: by
                .into_iter()
                .map(|holder| Holder {
                    instance: holder.instance.to_string(),
                    using: match holder.why {
                        InUseReason::Live => "it is live there".to_owned(),
                        InUseReason::Leased(count) => format!("{count} leases"),
                        InUseReason::PresignedUrls => "signed URLs".to_owned(),
                        InUseReason::Unlisted => "more versions than it can name".to_owned(),
                        InUseReason::NotYetReported => "yet to be heard".to_owned(),
                    },
                    until: Some(time(holder.until)),
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
                .map(|silent| silent.instance.to_string())
                .collect(),
        },
        ReleaseStatus::Unknown => UsageState::Unknown,
    };
    let refused = ledger.refusals(&secret.arn, version);
    let refused = refused.into_iter().map(|refusal| Rejection {
        instance: refusal.instance.to_string(),
        at: time(refusal.at),
    });
    Usage {
        standing,
        refused: refused.collect(),
    }
}

/// The ledger's clock is the broker's, in milliseconds since 1970.
fn time(milliseconds: u64) -> SystemTime {
    let since_1970 = Duration::from_millis(milliseconds);
    let at = SystemTime::UNIX_EPOCH.checked_add(since_1970);
    // Later than any clock can show: as late as tags can.
    at.unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX)))
}
