//! What the consumers report, read when a key may have to go.

use credswap::fleet::{FleetTopic, Limits};
use credswap::rotation::{FleetReports, Holders, NoReports, View, Word};
use credswap::{Error, VersionId};
use tokio::sync::OnceCell;

use crate::kafka::Kafka;
use crate::settings;

/// The reports, during one call of the function.
pub(crate) struct Reports {
    settings: Option<settings::Reports>,
    kafka: Kafka,
    /// Most calls have no need of them, and do not connect.
    read: OnceCell<FleetReports>,
}

impl Reports {
    pub(crate) fn new(settings: Option<&settings::Reports>, kafka: &Kafka) -> Self {
        Self {
            settings: settings.cloned(),
            kafka: kafka.clone(),
            read: OnceCell::new(),
        }
    }

    async fn begin(&self, settings: &settings::Reports) -> Result<FleetReports, Error> {
        let mut limits = Limits::default();
        limits.settle = settings.settle.unwrap_or(limits.settle);
        limits.grace = settings.grace.unwrap_or(limits.grace);
        let topic = FleetTopic::new(&self.kafka.config().await?, &settings.topic)?.limits(limits);
        Ok(FleetReports::new(match settings.trust_clocks {
            true => topic.trust_producer_clocks(),
            false => topic,
        }))
    }
}

impl Holders for Reports {
    async fn word_on(&self, secret: &View, version: &VersionId) -> Result<Word, Error> {
        match &self.settings {
            None => NoReports.word_on(secret, version).await,
            Some(settings) => {
                let reports = self.read.get_or_try_init(|| self.begin(settings)).await?;
                reports.word_on(secret, version).await
            }
        }
    }
}
