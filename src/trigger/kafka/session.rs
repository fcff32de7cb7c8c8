//! One client's life: find the partitions, read from the right places, prove that reading works, then listen.
//!
//! Positions outlive the session, so whatever ends it (a lost broker, a refused login) the next one reads on
//! where this one stopped. Every session that comes to listen says [`Reason::CatchUp`], after its positions
//! were fixed and reading was proven: what came before is covered by that look, what comes after is heard.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::client::Client;
use super::event::{self, Verdict};
use super::positions::Positions;
use super::sparse::Sparse;
use super::trouble::Trouble;
use super::{Kafka, MALFORMED_EVERY};
use crate::trigger::{Health, Looks, Reason};

/// How long a session may take to begin before its first trouble is told: a first address that does not answer
/// (`localhost` as `::1`) is no reason to cry.
const GRACE: Duration = Duration::from_secs(2);

/// Messages taken in a row before other tasks get their turn.
const IN_A_ROW: u32 = 32;

/// What lasts over sessions.
pub(super) struct Ear {
    kafka: Kafka,
    looks: Looks,
    positions: Positions,
    malformed: Sparse,
    in_a_row: u32,
    /// Whether the session that ended last had come to listen.
    pub(super) listened: bool,
}

/// What one thing received from the client means for the session.
enum Heard {
    /// This partition answers: a message, or its end.
    From(i32),
    /// Nothing of interest.
    Nothing,
    /// A connection failed; others may stand.
    Doubt(Trouble),
    /// No connection stands.
    Down,
    /// A position is no longer there.
    Gap,
}

impl Ear {
    pub(super) fn new(kafka: Kafka, looks: Looks) -> Self {
        Self {
            kafka,
            looks,
            positions: Positions::default(),
            malformed: Sparse::every(MALFORMED_EVERY),
            in_a_row: 0,
            listened: false,
        }
    }

    /// Listens with one client until there is trouble.
    pub(super) async fn listen(&mut self) -> Trouble {
        self.listened = false;
        let client = match Client::new(self.kafka.config.clone()).await {
            Ok(client) => client,
            Err(trouble) => return trouble,
        };
        let mut gaps = 0;
        loop {
            let round = match self.begin(&client).await {
                Ok(true) => {
                    gaps = 0;
                    self.follow(&client).await
                }
                Ok(false) if gaps > 0 => Err(Trouble::Moving),
                Ok(false) => {
                    gaps += 1;
                    Ok(())
                }
                Err(trouble) => Err(trouble),
            };
            if let Err(trouble) = round {
                return trouble;
            }
        }
    }

    /// How the session fares badly, told to the reloader.
    pub(super) fn tell(&self, trouble: &Trouble) {
        let reason = trouble.explain(&self.kafka.target());
        let health = Health::deaf(reason.clone());
        if *self.looks.watch_health().borrow() != health {
            tracing::warn!(target: "credswap::kafka", topic = %self.kafka.topic, reason, "the Kafka trigger is deaf");
            self.looks.health(health);
        }
    }

    /// Fixes the positions and proves that each partition can be read; `false` if a position was gone.
    async fn begin(&mut self, client: &Client) -> Result<bool, Trouble> {
        let started = Instant::now();
        let mut told = Instant::now() + GRACE;
        let mut noted = None;

        let mut survey = pin!(client.survey(self.kafka.topic.clone(), self.kafka.answer_within));
        let spans = loop {
            tokio::select! {
                found = &mut survey => break found.map_err(|trouble| worse(noted.take(), trouble))?,
                received = client.receive() => match self.hear(received).await? {
                    Heard::Doubt(trouble) => noted = Some(worse(noted, trouble)),
                    Heard::Down => noted = Some(worse(noted, client.down())),
                    Heard::From(_) | Heard::Nothing | Heard::Gap => {}
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
            .assign(self.kafka.topic.clone(), &self.positions)
            .await?;

        let mut unproven: BTreeSet<i32> = self.positions.partitions().collect();
        let deadline = started + self.kafka.answer_within * 2;
        while !unproven.is_empty() {
            let Ok(received) = timeout_at(deadline, client.receive()).await else {
                return Err(noted.unwrap_or(Trouble::Slow));
            };
            match self.hear(received).await? {
                Heard::From(partition) => {
                    unproven.remove(&partition);
                }
                Heard::Gap => return Ok(false),
                Heard::Down => return Err(worse(noted, client.down())),
                Heard::Doubt(trouble) => noted = Some(trouble),
                Heard::Nothing => {}
            }
        }

        self.listened = true;
        self.looks.look(Reason::CatchUp);
        self.looks.health(Health::Listening);
        tracing::info!(
            target: "credswap::kafka",
            topic = %self.kafka.topic,
            partitions = spans.len(),
            "the Kafka trigger listens"
        );
        Ok(true)
    }

    /// Hears events until the partitions or a position must be found anew (`Ok`), or there is trouble.
    async fn follow(&mut self, client: &Client) -> Result<(), Trouble> {
        let mut doubt = None;
        loop {
            let due = Instant::now() + self.kafka.refresh_every;
            // Until it is time to ask for the partitions, or a connection failed.
            while doubt.is_none() {
                let Ok(received) = timeout_at(due, client.receive()).await else {
                    break;
                };
                match self.hear(received).await? {
                    Heard::Doubt(trouble) => doubt = Some(trouble),
                    Heard::Down => return Err(client.down()),
                    Heard::Gap => return Ok(()),
                    Heard::From(_) | Heard::Nothing => {}
                }
            }
            let mut survey =
                pin!(client.survey(self.kafka.topic.clone(), self.kafka.answer_within));
            let spans = loop {
                tokio::select! {
                    found = &mut survey => {
                        break found.map_err(|trouble| worse(doubt.take(), trouble))?;
                    }
                    received = client.receive() => match self.hear(received).await? {
                        Heard::Doubt(trouble) => doubt = Some(trouble),
                        Heard::Down => return Err(worse(doubt, client.down())),
                        Heard::Gap => return Ok(()),
                        Heard::From(_) | Heard::Nothing => {}
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

    async fn hear(
        &mut self,
        received: Result<BorrowedMessage<'_>, (KafkaError, String)>,
    ) -> Result<Heard, Trouble> {
        self.in_a_row = self.in_a_row.wrapping_add(1);
        if self.in_a_row.is_multiple_of(IN_A_ROW) {
            // Messages that are there are received without a pause: let the others of this thread work, too.
            tokio::task::yield_now().await;
        }
        match received {
            Ok(message) => {
                self.positions
                    .received(message.partition(), message.offset());
                self.judge(&message);
                Ok(Heard::From(message.partition()))
            }
            Err((KafkaError::PartitionEOF(partition), _)) => Ok(Heard::From(partition)),
            Err((KafkaError::MessageConsumptionFatal(code), words)) => {
                debug(code, &words);
                Err(Trouble::of(code, &words))
            }
            Err((error, words)) => {
                let Some(code) = error.rdkafka_error_code() else {
                    return Err(Trouble::of_call(&error));
                };
                debug(code, &words);
                match code {
                    // The group is never joined, so its coordinator may be refused (no ACL on the group).
                    Code::GroupAuthorizationFailed
                    | Code::CoordinatorNotAvailable
                    | Code::CoordinatorLoadInProgress
                    | Code::NotCoordinator => Ok(Heard::Nothing),
                    Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                        Ok(Heard::Gap)
                    }
                    Code::AllBrokersDown => Ok(Heard::Down),
                    // A message that librdkafka cannot unpack (a compression it was built without) may have
                    // been an event.
                    Code::BadCompression | Code::BadMessage | Code::NotImplemented => {
                        if self.malformed() {
                            self.looks.look(Reason::CatchUp);
                        }
                        Ok(Heard::Nothing)
                    }
                    code => match Trouble::of(code, &words) {
                        trouble
                            if trouble.ends_the_client()
                                && !matches!(trouble, Trouble::Code(_)) =>
                        {
                            Err(trouble)
                        }
                        trouble => Ok(Heard::Doubt(trouble)),
                    },
                }
            }
        }
    }

    fn judge(&mut self, message: &BorrowedMessage<'_>) {
        let verdict = event::judge(message.payload(), self.kafka.secret.as_ref());
        match verdict {
            Verdict::Malformed => {
                self.malformed();
                return;
            }
            Verdict::Accepted => self.looks.look(Reason::Event),
            Verdict::Ignored => {}
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

    /// Counts a message that is no event; whether it was logged as well.
    fn malformed(&mut self) -> bool {
        count(Verdict::Malformed);
        let Some(suppressed) = self.malformed.now(Instant::now()) else {
            return false;
        };
        tracing::warn!(
            target: "credswap::kafka",
            topic = %self.kafka.topic,
            suppressed,
            "skipped a message that is no rotation event"
        );
        true
    }
}

/// The trouble that says more.
fn worse(noted: Option<Trouble>, trouble: Trouble) -> Trouble {
    match noted {
        Some(noted) if noted.is_specific() && !trouble.is_specific() => noted,
        Some(Trouble::Unreachable) if trouble == Trouble::Slow => Trouble::Unreachable,
        _ => trouble,
    }
}

fn count(verdict: Verdict) {
    metrics::counter!("credswap_events_total", "outcome" => verdict.as_str()).increment(1);
}

/// The words may quote a broker, so they are escaped, and only for those who ask.
fn debug(code: Code, words: &str) {
    tracing::debug!(target: "credswap::kafka", %code, ?words, "librdkafka reports");
}
