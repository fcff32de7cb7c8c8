//! The word of the fleet: the reports of the consumers, read from their topic.

use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::holders::{Holder, Holders, Refused, Standing, Word};
use super::store::{CURRENT, View};
use crate::error::Error;
use crate::fleet::{FleetTopic, Ledger, Verdict, Why};
use crate::secret::VersionId;

/// Asks the [`fleet`](crate::fleet)'s ledger, which is brought up to date before each answer.
///
/// ```no_run
/// use credswap::fleet::FleetTopic;
/// use credswap::rotation::FleetReports;
/// # fn example(config: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let holders = FleetReports::new(FleetTopic::new(&config, "credswap.fleet")?);
/// # Ok(()) }
/// ```
pub struct FleetReports(Mutex<FleetTopic>);

impl FleetReports {
    /// Reads this topic.
    pub fn new(topic: FleetTopic) -> Self {
        Self(Mutex::new(topic))
    }
}

impl Holders for FleetReports {
    async fn word_on(&self, secret: &View, version: &VersionId) -> Result<Word, Error> {
        let mut topic = self.0.lock().await;
        let now = topic.refresh().await?.now;
        Ok(word(topic.ledger(), secret, version, now))
    }
}

/// What the ledger says, in the rotation's words. The ARN finds those who know the secret by its name, too.
fn word(ledger: &Ledger, secret: &View, version: &VersionId, now: u64) -> Word {
    let Some(current) = secret.labelled(CURRENT) else {
        return Word::new(Standing::Unknown);
    };
    let standing = match ledger.verdict(&secret.arn, version, &current, now) {
        Verdict::Held { by, .. } => Standing::Held {
            by: by
                .into_iter()
                .map(|holder| Holder {
                    instance: holder.instance.to_string(),
                    using: match holder.why {
                        Why::Live => "it is live there".to_owned(),
                        Why::Leased(count) => format!("{count} leases"),
                        Why::SignedUrls => "signed URLs".to_owned(),
                        Why::NotNamed => "more versions than it can name".to_owned(),
                        Why::NotHeard => "yet to be heard".to_owned(),
                    },
                    until: Some(time(holder.until)),
                })
                .collect(),
        },
        Verdict::Released { since, assumed, .. } => Standing::Released {
            since: time(since),
            assumed: assumed
                .into_iter()
                .map(|silent| silent.instance.to_string())
                .collect(),
        },
        Verdict::Unknown => Standing::Unknown,
    };
    let refused = ledger.refusals(&secret.arn, version);
    let refused = refused.into_iter().map(|refusal| Refused {
        instance: refusal.instance.to_string(),
        at: time(refusal.at),
    });
    Word {
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
