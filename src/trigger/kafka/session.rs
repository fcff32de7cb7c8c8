//! One client's life: find the partitions, read from the right places, prove that reading works, then listen.
//!
//! Positions outlive the session, so whatever ends it (a lost broker, a refused login) the next one reads on
//! where this one stopped. Every session that comes to listen says [`Reason::CatchUp`], after its positions
//! were fixed and reading was proven: what came before is covered by that look, what comes after is heard.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use rdkafka::Message;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Kafka;
use super::inbox::Inbox;
use super::positions::Positions;
use crate::kafka::{Consumer, ConsumerError, Fault, Received};
use crate::trigger::{Health, Reason, RefreshRequester};

/// How long a session may take to begin before its first fault is told: a first address that does not answer
/// (`localhost` as `::1`) is no reason to cry.
const GRACE: Duration = Duration::from_secs(2);

/// Messages taken in a row before other tasks get their turn.
const IN_A_ROW: u32 = 32;

/// What lasts over sessions.
pub(super) struct Session {
    kafka: Kafka,
    requester: RefreshRequester,
    positions: Positions,
    inbox: Inbox,
    in_a_row: u32,
    /// Whether the session that ended last had come to listen.
    pub(super) listened: bool,
}

impl Session {
    pub(super) fn new(kafka: Kafka, requester: RefreshRequester) -> Self {
        Self {
            inbox: Inbox::new(
                requester.secret_id().cloned(),
                kafka.topic.clone(),
                requester.clone(),
            ),
            kafka,
            requester,
            positions: Positions::default(),
            in_a_row: 0,
            listened: false,
        }
    }

    /// Listens with one client until there is fault.
    pub(super) async fn listen(&mut self) -> Fault {
        self.listened = false;
        let client = match Consumer::new(self.kafka.config.clone()).await {
            Ok(client) => client,
            Err(fault) => return fault,
        };
        let mut gaps = 0;
        loop {
            let round = match self.begin(&client).await {
                Ok(true) => {
                    gaps = 0;
                    self.follow(&client).await
                }
                Ok(false) if gaps > 0 => Err(Fault::Moving),
                Ok(false) => {
                    gaps += 1;
                    Ok(())
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = round {
                return fault;
            }
        }
    }

    /// How the session fares badly, told to the refreshable.
    pub(super) fn tell(&self, fault: &Fault) {
        let reason = fault.explain(&self.kafka.target());
        let health = Health::disconnected(reason.clone());
        if *self.requester.subscribe_health().borrow() != health {
            tracing::warn!(target: "credswap::kafka", topic = %self.kafka.topic, reason, "the Kafka trigger is deaf");
            self.requester.set_health(health);
        }
    }

    /// Fixes the positions and proves that each partition can be read; `false` if a position was gone.
    async fn begin(&mut self, client: &Consumer) -> Result<bool, Fault> {
        let started = Instant::now();
        let mut told = Instant::now() + GRACE;
        let mut noted = None;

        let mut fetch_watermarks =
            pin!(client.fetch_watermarks(self.kafka.topic.clone(), self.kafka.answer_within));
        let spans = loop {
            tokio::select! {
                found = &mut fetch_watermarks => break found.map_err(|fault| more_specific(noted.take(), fault))?,
                received = client.receive() => match self.hear(received).await? {
                    ConsumerError::ConnectionLost(fault) => noted = Some(more_specific(noted, fault)),
                    ConsumerError::AllBrokersDown => noted = Some(more_specific(noted, client.down())),
                    ConsumerError::Progress(_) | ConsumerError::Nothing | ConsumerError::Undecodable | ConsumerError::OffsetLost => {}
                },
                () = sleep_until(told), if noted.is_some() => {
                    told = Instant::now() + GRACE;
                    self.tell(noted.as_ref().expect("just checked"));
                }
            }
        };

        // Nobody polls the client from here to the assignment: the positions stand still.
        self.positions.adopt(&spans);
        client
            .assign(self.kafka.topic.clone(), self.positions.iter())
            .await?;

        let mut unproven: BTreeSet<i32> = self.positions.partitions().collect();
        let deadline = started + self.kafka.answer_within * 2;
        while !unproven.is_empty() {
            let Ok(received) = timeout_at(deadline, client.receive()).await else {
                return Err(noted.unwrap_or(Fault::Slow));
            };
            match self.hear(received).await? {
                ConsumerError::Progress(partition) => {
                    unproven.remove(&partition);
                }
                ConsumerError::OffsetLost => return Ok(false),
                ConsumerError::AllBrokersDown => return Err(more_specific(noted, client.down())),
                ConsumerError::ConnectionLost(fault) => noted = Some(fault),
                ConsumerError::Nothing | ConsumerError::Undecodable => {}
            }
        }

        self.listened = true;
        self.requester.request(Reason::CatchUp);
        self.requester.set_health(Health::Listening);
        tracing::info!(
            target: "credswap::kafka",
            topic = %self.kafka.topic,
            partitions = spans.len(),
            "the Kafka trigger listens"
        );
        Ok(true)
    }

    /// Hears events until the partitions or a position must be found anew (`Ok`), or there is fault.
    async fn follow(&mut self, client: &Consumer) -> Result<(), Fault> {
        let mut doubt = None;
        loop {
            let due = Instant::now() + self.kafka.refresh_every;
            // Until it is time to ask for the partitions, or a connection failed.
            while doubt.is_none() {
                let Ok(received) = timeout_at(due, client.receive()).await else {
                    break;
                };
                match self.hear(received).await? {
                    ConsumerError::ConnectionLost(fault) => doubt = Some(fault),
                    ConsumerError::AllBrokersDown => return Err(client.down()),
                    ConsumerError::OffsetLost => return Ok(()),
                    ConsumerError::Progress(_)
                    | ConsumerError::Nothing
                    | ConsumerError::Undecodable => {}
                }
            }
            let mut fetch_watermarks =
                pin!(client.fetch_watermarks(self.kafka.topic.clone(), self.kafka.answer_within));
            let spans = loop {
                tokio::select! {
                    found = &mut fetch_watermarks => {
                        break found.map_err(|fault| more_specific(doubt.take(), fault))?;
                    }
                    received = client.receive() => match self.hear(received).await? {
                        ConsumerError::ConnectionLost(fault) => doubt = Some(fault),
                        ConsumerError::AllBrokersDown => return Err(more_specific(doubt, client.down())),
                        ConsumerError::OffsetLost => return Ok(()),
                        ConsumerError::Progress(_) | ConsumerError::Nothing | ConsumerError::Undecodable => {}
                    }
                }
            };
            doubt = None;
            if !self
                .positions
                .partitions()
                .eq(spans.iter().map(|span| span.partition))
            {
                tracing::info!(
                    target: "credswap::kafka",
                    topic = %self.kafka.topic,
                    partitions = spans.len(),
                    "the topic's partitions have changed"
                );
                return Ok(());
            }
        }
    }

    async fn hear(&mut self, received: Received<'_>) -> Result<ConsumerError, Fault> {
        self.in_a_row = self.in_a_row.wrapping_add(1);
        if self.in_a_row.is_multiple_of(IN_A_ROW) {
            // Messages that are there are received without a pause: let the others of this thread work, too.
            tokio::task::yield_now().await;
        }
        match received {
            Ok(message) => {
                self.positions
                    .received(message.partition(), message.offset());
                self.inbox.take(&message);
                Ok(ConsumerError::Progress(message.partition()))
            }
            Err((error, words)) => {
                let heard = ConsumerError::of(&error, &words);
                if matches!(heard, Ok(ConsumerError::Undecodable)) {
                    self.inbox.take_undecodable();
                }
                heard
            }
        }
    }
}

/// The fault that says more.
fn more_specific(noted: Option<Fault>, fault: Fault) -> Fault {
    match noted {
        Some(noted) if noted.is_specific() && !fault.is_specific() => noted,
        Some(Fault::Unreachable) if fault == Fault::Slow => Fault::Unreachable,
        _ => fault,
    }
}
