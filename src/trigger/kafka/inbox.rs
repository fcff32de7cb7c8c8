//! Processes messages: classifies each, counts it, and requests a refresh if a rotation has finished, or may have.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use tokio::time::Instant;

use super::event::Event;
use super::unrecognized::Unrecognized;
use crate::trigger::{Reason, RefreshRequester};
use crate::util::log_throttle::LogThrottle;

/// How often skipped batches are logged.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Processes messages. Of their content only a version's name goes further.
pub(super) struct Inbox {
    topic: String,
    requester: RefreshRequester,
    unrecognized: Unrecognized,
    log_batches: LogThrottle,
}

impl Inbox {
    pub(super) fn new(topic: String, requester: RefreshRequester) -> Self {
        Self {
            unrecognized: Unrecognized::new(topic.clone(), requester.clone()),
            topic,
            requester,
            log_batches: LogThrottle::every(LOG_PERIOD),
        }
    }

    /// Processes a message.
    pub(super) fn process(&mut self, message: &BorrowedMessage<'_>) {
        let event = Event::classify(message.payload(), self.requester.secret_id());
        let outcome = event.as_str();
        match event {
            Event::Accepted { version: None } => self.requester.request(Reason::Event),
            Event::Accepted {
                version: Some(version),
            } => self.requester.request_version(Reason::Event, version),
            Event::Ignored => {}
            Event::Unrecognized => self.unrecognized.note(),
        }
        count(&self.requester, outcome);
        tracing::debug!(
            target: "credswap::kafka",
            partition = message.partition(),
            offset = message.offset(),
            outcome,
            "event"
        );
    }

    /// Processes a message that could not be decoded: it may have been an event.
    pub(super) fn process_undecodable(&mut self) {
        count(&self.requester, Event::Unrecognized.as_str());
        self.unrecognized.note();
    }

    /// Logs that these partitions were skipped to their ends, because of a batch that cannot be read.
    pub(super) fn log_skipped_batch(&mut self, partitions: &[i32]) {
        if let Some(suppressed) = self.log_batches.poll(Instant::now()) {
            tracing::warn!(
                target: "credswap::kafka",
                topic = %self.topic,
                ?partitions,
                suppressed,
                "skipped records up to the end: a batch among them cannot be read (unknown compression, or corrupt); refreshing"
            );
        }
    }
}

fn count(requester: &RefreshRequester, outcome: &'static str) {
    let refreshable = requester.refreshable().to_owned();
    metrics::counter!("credswap_events_total", "refreshable" => refreshable, "outcome" => outcome)
        .increment(1);
}
