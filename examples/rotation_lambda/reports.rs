//! The consumers' usage reports, read when a key may be retired.

use credswap::fleet::{Assumptions, FleetTopic};
use credswap::rotation::{FleetUsage, NoUsageReports, SecretDescription, Usage, UsageSource};
use credswap::{Error, VersionId};
use tokio::sync::OnceCell;

use crate::kafka::Kafka;
use crate::settings;

/// The reports, during one invocation.
pub(crate) struct Reports {
    settings: Option<settings::Reports>,
    kafka: Kafka,
    /// Most invocations do not need them, and do not connect.
    fleet: OnceCell<FleetUsage>,
}

impl Reports {
    pub(crate) fn new(settings: Option<&settings::Reports>, kafka: &Kafka) -> Self {
        Self {
            settings: settings.cloned(),
            kafka: kafka.clone(),
            fleet: OnceCell::new(),
        }
    }

    async fn connect(&self, settings: &settings::Reports) -> Result<FleetUsage, Error> {
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
                let fleet = self
                    .fleet
                    .get_or_try_init(|| self.connect(settings))
                    .await?;
                fleet.usage_of(secret, version).await
            }
        }
    }
}
