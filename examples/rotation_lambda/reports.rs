//! What the consumers report, read when a key may have to go.

use credswap::fleet::{Assumptions, FleetTopic};
use credswap::rotation::{FleetUsage, NoUsageReports, SecretDescription, Usage, UsageSource};
use credswap::{Error, VersionId};
use tokio::sync::OnceCell;

use crate::kafka::Kafka;
use crate::settings;

/// The reports, during one call of the function.
pub(crate) struct Reports {
    settings: Option<settings::Reports>,
    kafka: Kafka,
    /// Most calls have no need of them, and do not connect.
    read: OnceCell<FleetUsage>,
}

impl Reports {
    pub(crate) fn new(settings: Option<&settings::Reports>, kafka: &Kafka) -> Self {
        Self {
            settings: settings.cloned(),
            kafka: kafka.clone(),
            read: OnceCell::new(),
        }
    }

    async fn begin(&self, settings: &settings::Reports) -> Result<FleetUsage, Error> {
        let mut assumptions = Assumptions::default();
        assumptions.late_adoption = settings.settle.unwrap_or(assumptions.late_adoption);
        assumptions.grace = settings.grace.unwrap_or(assumptions.grace);
        let topic = FleetTopic::new(&self.kafka.config().await?, &settings.topic)?;
        let topic = topic.assumptions(assumptions);
        Ok(FleetUsage::new(match settings.trust_clocks {
            true => topic.trust_producer_clocks(),
            false => topic,
        }))
    }
}

impl UsageSource for Reports {
    async fn usage_of(
        &self,
        secret: &SecretDescription,
        version: &VersionId,
    ) -> Result<Usage, Error> {
        match &self.settings {
            None => NoUsageReports.usage_of(secret, version).await,
            Some(settings) => {
                let reports = self.read.get_or_try_init(|| self.begin(settings)).await?;
                reports.usage_of(secret, version).await
            }
        }
    }
}
