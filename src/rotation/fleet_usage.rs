//! The word of the fleet: the reports of the consumers, read from their topic.

use tokio::sync::Mutex;

use super::store::{CURRENT, SecretDescription};
use super::usage::{Holder, Rejection, Usage, UsageSource, UsageState};
use crate::error::Error;
use crate::fleet::{FleetTopic, InUseReason, Ledger, LedgerTime, ReleaseQuery, ReleaseStatus};
use crate::secret::{SecretId, VersionId};

/// Asks the [`fleet`](crate::fleet)'s ledger, which is brought up to date before each answer.
///
/// ```no_run
/// use credswap::fleet::FleetTopic;
/// use credswap::rotation::FleetUsage;
/// # fn example(config: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let holders = FleetUsage::new(FleetTopic::new(&config, "credswap.usage")?);
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
        let now = topic.read_to_end().await?.now;
        Ok(word(topic.ledger(), secret, version, now))
    }
}

/// What the ledger says, in the rotation's words. The ARN finds those who know the secret by its name, too.
fn word(
    ledger: &Ledger,
    secret: &SecretDescription,
    version: &VersionId,
    now: LedgerTime,
) -> Usage {
    let Some(current) = secret.labelled(CURRENT) else {
        return Usage::new(UsageState::Unknown);
    };
    let secret_id = SecretId::from(&secret.arn);
    let status = ledger.release_status(&ReleaseQuery {
        secret_id: secret_id.clone(),
        version: version.clone(),
        current_version: current,
        now,
    });
    let standing = match status {
        ReleaseStatus::InUse { by, .. } => UsageState::InUse {
            by: by
                .into_iter()
                .map(|holder| Holder {
                    instance: holder.instance.to_string(),
                    using: match holder.reason {
                        InUseReason::Live => "it is live there".to_owned(),
                        InUseReason::Draining { outstanding } => format!("{outstanding} leases"),
                        InUseReason::PresignedUrls => "signed URLs".to_owned(),
                        InUseReason::Unlisted => "more versions than it can name".to_owned(),
                        InUseReason::NotYetReported => "yet to be heard".to_owned(),
                    },
                    until: Some(holder.expires.into()),
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
                .map(|silent| silent.instance.to_string())
                .collect(),
        },
        ReleaseStatus::Unknown => UsageState::Unknown,
    };
    let refused = ledger.rejections(&secret_id, version);
    let refused = refused.into_iter().map(|refusal| Rejection {
        instance: refusal.instance.to_string(),
        at: refusal.at.into(),
    });
    Usage {
        standing,
        refused: refused.collect(),
    }
}
