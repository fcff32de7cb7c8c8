//! Where the consumers say what they use, and who listens.

use std::time::Duration;

use anyhow::{Context, anyhow};
use credswap::Error;
use credswap::fleet::{Assumptions, FleetTopic, Reporter};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::rotation::FleetUsage;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

/// How long the first report may take: a key must not be retired before all have been heard.
const FIRST: Duration = Duration::from_secs(15);

/// The topic of the reports.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    pub(crate) kafka: KafkaConfig,
    pub(crate) topic: String,
    /// How long a consumer may be silent.
    pub(crate) ttl: Duration,
    /// How often to report, if that is to be more often than the TTL asks for.
    pub(crate) often: Option<Duration>,
}

impl Reports {
    /// For one consumer.
    pub(crate) fn producer(&self) -> Result<Producer, Error> {
        Producer::new(&self.kafka, &self.topic)
    }

    /// For whoever retires keys, within one process: its clock is the clock of all, and nothing takes long.
    pub(crate) fn read_in_process(&self) -> Result<FleetUsage, Error> {
        // A stale read and the check of a key take less than the first, a report less than the second.
        let assumptions = Assumptions::default()
            .late_adoption(Duration::from_millis(500))
            .grace(Duration::from_millis(250));
        let topic = FleetTopic::new(&self.kafka, &self.topic)?.assumptions(assumptions);
        // The broker in the process leaves records the time that their writers gave them.
        Ok(FleetUsage::new(topic.trust_producer_clocks()))
    }
}

/// A reporter that is made to speak more often than it would.
#[derive(Debug)]
pub(crate) struct Reporting {
    reporter: std::sync::Arc<Reporter>,
    nudges: Option<JoinHandle<()>>,
}

impl Reporting {
    /// Lets it report so often.
    pub(crate) fn new(reporter: Reporter, often: Option<Duration>) -> Self {
        let reporter = std::sync::Arc::new(reporter);
        let nudges = often.map(|often| {
            let reporter = std::sync::Arc::clone(&reporter);
            tokio::spawn(async move {
                let mut ticks = interval(often);
                loop {
                    ticks.tick().await;
                    reporter.report_now();
                }
            })
        });
        Self { reporter, nudges }
    }

    /// Waits until the consumer counts.
    pub(crate) async fn heard(&self) -> anyhow::Result<()> {
        let mut status = self.reporter.subscribe_status();
        let sent = timeout(FIRST, status.wait_for(|status| status.sent > 0)).await;
        if let Ok(sent) = sent {
            sent.context("the reporter has ended")?;
            return Ok(());
        }
        let error = self.reporter.status().last_error;
        let reason = error.map_or("no answer from the brokers".to_owned(), |e| e.report());
        Err(anyhow!("what is used is not reported: {reason}"))
    }

    /// Says goodbye. Where that is not heard, its silence is, later.
    pub(crate) async fn end(&self) {
        if let Some(nudges) = &self.nudges {
            nudges.abort();
        }
        let _ = self.reporter.shutdown(Duration::from_secs(5)).await;
    }
}
