//! Processes messages: classifies each, counts it, and requests a refresh if a rotation has finished, or may have.

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use super::event::Event;
use super::unrecognized::Unrecognized;
use crate::trigger::{Reason, RefreshRequester};

/// Processes messages. Of their content only a version's name goes further.
pub(super) struct Inbox {
    requester: RefreshRequester,
    unrecognized: Unrecognized,
}

impl Inbox {
    pub(super) fn new(topic: String, requester: RefreshRequester) -> Self {
        Self {
            unrecognized: Unrecognized::new(topic, requester.clone()),
            requester,
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
        count(outcome);
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
        count(Event::Unrecognized.as_str());
        self.unrecognized.note();
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("credswap_events_total", "outcome" => outcome).increment(1);
}
