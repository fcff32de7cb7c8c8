//! The topic on which the consumers report the keys they use, and who reads it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use credswap::Error;
use credswap::fleet::{Assumptions, FleetTopic, Reporter};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::rotation::FleetUsage;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

/// How long the first report may take: no key may be retired before every consumer has reported.
const FIRST_REPORT: Duration = Duration::from_secs(15);
/// How long the last report may take.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// The topic of the usage reports.
#[derive(Clone, Debug)]
pub(crate) struct ReportsTopic {
    pub(crate) kafka: KafkaConfig,
    pub(crate) topic: String,
    /// How long a report is valid.
    pub(crate) ttl: Duration,
    /// How often to report, if more often than every third of the TTL.
    pub(crate) interval: Option<Duration>,
}

impl ReportsTopic {
    /// Creates the producer of one consumer's reports.
    pub(crate) fn producer(&self) -> Result<Producer, Error> {
        Producer::new(&self.kafka, &self.topic)
    }

    /// Returns the usage that the reports show to a rotation in the same process: both share one clock, and nothing takes
    /// long.
    pub(crate) fn usage_within_process(&self) -> Result<FleetUsage, Error> {
        // A stale read and the check of a key take less than the first, a report takes less than the second.
        let assumptions = Assumptions::default()
            .late_adoption(Duration::from_millis(500))
            .grace(Duration::from_millis(250));
        let topic = FleetTopic::new(&self.kafka, &self.topic)?.assumptions(assumptions);
        // The mock broker keeps the times that the producers set.
        Ok(FleetUsage::new(topic.trust_producer_clocks()))
    }
}

/// A reporter, and the task that makes it report more often than it would.
#[derive(Debug)]
pub(crate) struct Reporting {
    reporter: Arc<Reporter>,
    ticker: Option<JoinHandle<()>>,
}

impl Reporting {
    /// Reports at this interval, or as often as the reporter does by itself.
    pub(crate) fn new(reporter: Reporter, every: Option<Duration>) -> Self {
        let reporter = Arc::new(reporter);
        let ticker = every.map(|every| {
            let reporter = Arc::clone(&reporter);
            tokio::spawn(async move {
                let mut ticks = interval(every);
                loop {
                    ticks.tick().await;
                    reporter.report_now();
                }
            })
        });
        Self { reporter, ticker }
    }

    /// Waits until the first report was sent.
    pub(crate) async fn wait_until_sent(&self) -> anyhow::Result<()> {
        let mut status = self.reporter.subscribe_status();
        let sent = status.wait_for(|status| status.sent > 0);
        if let Ok(sent) = timeout(FIRST_REPORT, sent).await {
            sent.context("the reporter ended")?;
            return Ok(());
        }
        match self.reporter.status().last_error {
            Some(error) => Err(error).context("usage reports cannot be sent"),
            None => bail!("usage reports cannot be sent: no answer from the brokers"),
        }
    }

    /// Sends the last report. If it does not arrive, the consumer's TTL expires instead.
    pub(crate) async fn close(&self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
        let _ = self.reporter.shutdown(SHUTDOWN).await;
    }
}
