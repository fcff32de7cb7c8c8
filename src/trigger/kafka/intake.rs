//! What a client receives: messages go to the inbox, positions advance, and what is wrong is noted until somebody looks.

use std::collections::BTreeSet;

use rdkafka::Message;

use super::inbox::Inbox;
use super::positions::Positions;
use crate::kafka::{Consumer, ConsumerError, Fault, Notice, Received};
use crate::trigger::RefreshRequester;

/// How many messages are received in a row before other tasks get their turn.
const BATCH: u32 = 32;

/// What outlives a client, and what was noted since [`Intake::begin`].
pub(super) struct Intake {
    topic: String,
    inbox: Inbox,
    pub(super) positions: Positions,
    topic_id: Option<String>,
    received: u32,
    /// Partitions that have not responded since the assignment.
    pub(super) unproven: BTreeSet<i32>,
    /// A connection failed, or a broker does not respond.
    pub(super) suspected: Option<Fault>,
    /// The offsets of batches that cannot be read.
    pub(super) undecodable: BTreeSet<i64>,
    /// A position no longer exists.
    pub(super) offset_lost: bool,
    /// A batch was skipped.
    pub(super) skipped: bool,
    recreated: bool,
    all_down: bool,
    fatal: Option<Fault>,
}

impl Intake {
    pub(super) fn new(topic: String, requester: RefreshRequester) -> Self {
        Self {
            inbox: Inbox::new(topic.clone(), requester),
            topic,
            positions: Positions::default(),
            topic_id: None,
            received: 0,
            unproven: BTreeSet::new(),
            suspected: None,
            undecodable: BTreeSet::new(),
            offset_lost: false,
            skipped: false,
            recreated: false,
            all_down: false,
            fatal: None,
        }
    }

    /// Forgets what was noted, before a subscription.
    pub(super) fn begin(&mut self) {
        self.unproven.clear();
        self.undecodable.clear();
        self.suspected = None;
        (self.offset_lost, self.skipped, self.recreated) = (false, false, false);
        (self.all_down, self.fatal) = (false, None);
    }

    /// Receives the next message, error or notice.
    ///
    /// # Cancel safety
    /// Cancel safe: what was received is processed, or will be received again.
    pub(super) async fn receive(&mut self, client: &Consumer) {
        if self.received >= BATCH {
            // Buffered messages are received without a pause: other tasks of this thread must run, too.
            self.received = 0;
            tokio::task::yield_now().await;
        }
        // A notice is waited for where nothing is buffered: to subscribe to them for each message would cost more than it does.
        tokio::select! {
            biased;
            received = client.receive() => {
                self.received += 1;
                self.process(received);
            }
            notice = client.noticed() => self.note(notice),
        }
    }

    fn process(&mut self, received: Received<'_>) {
        let error = match received {
            Ok(message) => {
                let partition = message.partition();
                self.positions.advance(partition, message.offset() + 1);
                self.unproven.remove(&partition);
                self.inbox.process(&message);
                return;
            }
            Err((error, text)) => ConsumerError::of(&error, &text),
        };
        match error {
            Ok(ConsumerError::Progress { partition, next }) => {
                if let Some(next) = next {
                    self.positions.advance(partition, next);
                }
                self.unproven.remove(&partition);
            }
            Ok(ConsumerError::Undecodable { offset }) => {
                self.inbox.process_undecodable();
                self.undecodable.extend(offset);
            }
            Ok(ConsumerError::ConnectionLost(fault)) => self.suspect(fault),
            Ok(ConsumerError::AllBrokersDown) => self.all_down = true,
            Ok(ConsumerError::OffsetLost) => self.offset_lost = true,
            Ok(ConsumerError::Irrelevant) => {}
            Err(fault) => self.fatal = Some(fault),
        }
    }

    fn note(&mut self, notice: Notice) {
        match notice {
            Notice::Unanswered(fault) => self.suspect(fault),
            Notice::TopicId(id) => {
                let before = self.topic_id.replace(id);
                if before.is_some() && before != self.topic_id {
                    tracing::info!(target: "credswap::kafka", topic = %self.topic, "the topic was deleted and made again");
                    // Everything in it is new: the refresh that follows covers it.
                    self.positions = Positions::default();
                    self.recreated = true;
                }
            }
        }
    }

    fn suspect(&mut self, fault: Fault) {
        self.suspected = Some(Fault::more_specific(self.suspected.take(), fault));
    }

    /// Returns whether all brokers were down, and notes it as the fault.
    pub(super) fn note_all_down(&mut self, client: &Consumer) -> bool {
        let all_down = std::mem::take(&mut self.all_down);
        if all_down {
            self.suspect(client.down_fault());
        }
        all_down
    }

    /// Fails if only a new client may do better.
    pub(super) fn fatal(&mut self) -> Result<(), Fault> {
        match self.fatal.take() {
            Some(fault) => Err(Fault::more_specific(self.suspected.take(), fault)),
            None => Ok(()),
        }
    }

    /// Returns whether positions must be fixed anew.
    pub(super) fn outdated(&self) -> bool {
        self.offset_lost || self.skipped || self.recreated
    }

    /// Returns whether positions must be fixed anew, or a batch skipped.
    pub(super) fn is_interrupted(&self) -> bool {
        self.outdated() || !self.undecodable.is_empty()
    }

    /// Notes that partitions were skipped to their ends.
    pub(super) fn skip(&mut self, partitions: &[i32]) {
        self.skipped = true;
        self.inbox.log_skipped_batch(partitions);
    }
}
