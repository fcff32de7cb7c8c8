//! What happens to a message: judged, counted, and a look if it says that a rotation has finished.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use tokio::time::Instant;

use super::event::{self, Verdict};
use crate::secret::SecretId;
use crate::trigger::{Reason, RefreshRequester};
use crate::util::log_throttle::LogThrottle;

/// How often messages that are no event are logged.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Takes the messages. Nothing of their content goes further than the verdict.
pub(super) struct Inbox {
    secret: Option<SecretId>,
    topic: String,
    requester: RefreshRequester,
    log: LogThrottle,
}

impl Inbox {
    pub(super) fn new(
        secret: Option<SecretId>,
        topic: String,
        requester: RefreshRequester,
    ) -> Self {
        Self {
            secret,
            topic,
            requester,
            log: LogThrottle::every(LOG_EVERY),
        }
    }

    /// Takes a message.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>) {
        let verdict = event::judge(message.payload(), self.secret.as_ref());
        match verdict {
            Verdict::Accepted => self.requester.request(Reason::Event),
            Verdict::Ignored => {}
            Verdict::Malformed => {
                self.log_malformed();
            }
        }
        count(verdict);
        tracing::debug!(
            target: "credswap::kafka",
            partition = message.partition(),
            offset = message.offset(),
            outcome = verdict.as_str(),
            "event"
        );
    }

    /// Takes note of a message that could not be unpacked. It may have been an event: look, but not each time.
    pub(super) fn take_undecodable(&mut self) {
        count(Verdict::Malformed);
        if self.log_malformed() {
            self.requester.request(Reason::CatchUp);
        }
    }

    fn log_malformed(&mut self) -> bool {
        let suppressed = self.log.poll(Instant::now());
        if let Some(suppressed) = suppressed {
            tracing::warn!(
                target: "credswap::kafka",
                topic = %self.topic,
                suppressed,
                "skipped a message that is no rotation event"
            );
        }
        suppressed.is_some()
    }
}

fn count(verdict: Verdict) {
    metrics::counter!("credswap_events_total", "outcome" => verdict.as_str()).increment(1);
}
