//! One client from its creation to its fault: find the partitions, read from the right positions, prove that reading
//! works, then listen.
//!
//! Positions outlive the client, so after any fault (a lost broker, a rejected login) the next client continues where this
//! one stopped. Each time it begins to listen, the session requests a refresh with [`Reason::CatchUp`] after its positions
//! were fixed and reading was proven: that refresh covers what was published before, the events cover what comes after.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use rdkafka::Message;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::inbox::Inbox;
use super::positions::Positions;
use super::settings::Settings;
use crate::kafka::{Consumer, ConsumerError, Fault, Received, Watermarks};
use crate::trigger::{Health, Reason, RefreshRequester};

/// How long a subscription may take before its first fault is reported: a first address that does not respond
/// (`localhost` as `::1`) is not worth a warning.
const GRACE: Duration = Duration::from_secs(2);

/// How many messages are received in a row before other tasks get their turn.
const BATCH: u32 = 32;

/// What outlives a client.
pub(super) struct Session {
    settings: Settings,
    requester: RefreshRequester,
    positions: Positions,
    inbox: Inbox,
    received: u32,
    has_listened: bool,
}

/// Whether a subscription succeeded.
enum Subscription {
    Listening,
    /// A position no longer exists: find the offsets anew.
    OffsetLost,
}

impl Session {
    pub(super) fn new(settings: Settings, requester: RefreshRequester) -> Self {
        Self {
            inbox: Inbox::new(settings.topic.clone(), requester.clone()),
            settings,
            requester,
            positions: Positions::default(),
            received: 0,
            has_listened: false,
        }
    }

    /// Listens with one client until a fault.
    pub(super) async fn listen(&mut self) -> Fault {
        self.has_listened = false;
        let client = match Consumer::new(self.settings.config.clone()).await {
            Ok(client) => client,
            Err(fault) => return fault,
        };
        let mut lost_before = false;
        loop {
            match self.subscribe(&client).await {
                Ok(Subscription::Listening) => {
                    lost_before = false;
                    if let Err(fault) = self.receive_events(&client).await {
                        return fault;
                    }
                }
                Ok(Subscription::OffsetLost) if lost_before => return Fault::OffsetsUnstable,
                Ok(Subscription::OffsetLost) => lost_before = true,
                Err(fault) => return fault,
            }
        }
    }

    /// Returns whether the last client came to listen.
    pub(super) fn has_listened(&self) -> bool {
        self.has_listened
    }

    /// Reports and logs that the trigger is disconnected, if that or the reason is new.
    pub(super) fn report_health(&self, fault: &Fault) {
        let reason = fault.explain(&self.settings.target());
        let health = Health::disconnected(reason.clone());
        if *self.requester.subscribe_health().borrow() != health {
            tracing::warn!(target: "credswap::kafka", topic = %self.settings.topic, reason, "trigger disconnected");
            self.requester.set_health(health);
        }
    }

    /// Fixes the positions and proves that each partition can be read.
    async fn subscribe(&mut self, client: &Consumer) -> Result<Subscription, Fault> {
        let started = Instant::now();
        let mut last_fault = None;
        let watermarks = self.find_offsets(client, &mut last_fault).await?;

        // Nobody polls the client from here to the assignment: the positions do not change.
        self.positions.adopt(&watermarks);
        client
            .assign(self.settings.topic.clone(), self.positions.iter())
            .await?;

        let mut unproven: BTreeSet<i32> = self.positions.partitions().collect();
        let deadline = started + self.settings.response_timeout * 2;
        while !unproven.is_empty() {
            let Ok(received) = timeout_at(deadline, client.receive()).await else {
                return Err(last_fault.unwrap_or(Fault::Timeout));
            };
            match self.receive(received).await? {
                ConsumerError::Progress(partition) => {
                    unproven.remove(&partition);
                }
                ConsumerError::OffsetLost => return Ok(Subscription::OffsetLost),
                ConsumerError::AllBrokersDown => {
                    return Err(Fault::more_specific(last_fault, client.down_fault()));
                }
                ConsumerError::ConnectionLost(fault) => last_fault = Some(fault),
                ConsumerError::Irrelevant | ConsumerError::Undecodable => {}
            }
        }

        self.has_listened = true;
        self.requester.request(Reason::CatchUp);
        self.requester.set_health(Health::Listening);
        tracing::info!(
            target: "credswap::kafka",
            topic = %self.settings.topic,
            partitions = watermarks.len(),
            "trigger listening"
        );
        Ok(Subscription::Listening)
    }

    /// Fetches the partitions and their offsets. Faults on the way are reported while librdkafka goes on trying.
    async fn find_offsets(
        &mut self,
        client: &Consumer,
        last_fault: &mut Option<Fault>,
    ) -> Result<Vec<Watermarks>, Fault> {
        let mut next_report = Instant::now() + GRACE;
        let topic = self.settings.topic.clone();
        let mut fetch = pin!(client.fetch_watermarks(topic, self.settings.response_timeout));
        loop {
            tokio::select! {
                fetched = &mut fetch => {
                    return fetched.map_err(|fault| Fault::more_specific(last_fault.take(), fault));
                }
                received = client.receive() => {
                    let fault = match self.receive(received).await? {
                        ConsumerError::ConnectionLost(fault) => fault,
                        ConsumerError::AllBrokersDown => client.down_fault(),
                        ConsumerError::Progress(_)
                        | ConsumerError::Irrelevant
                        | ConsumerError::Undecodable
                        | ConsumerError::OffsetLost => continue,
                    };
                    *last_fault = Some(Fault::more_specific(last_fault.take(), fault));
                }
                () = sleep_until(next_report), if last_fault.is_some() => {
                    next_report = Instant::now() + GRACE;
                    self.report_health(last_fault.as_ref().expect("checked by the guard"));
                }
            }
        }
    }

    /// Receives events until the partitions or a position must be found anew (`Ok`), or there is a fault.
    async fn receive_events(&mut self, client: &Consumer) -> Result<(), Fault> {
        let mut suspected = None;
        loop {
            let due = Instant::now() + self.settings.metadata_interval;
            // Until it is time to fetch the partitions, or a connection may be lost.
            while suspected.is_none() {
                let Ok(received) = timeout_at(due, client.receive()).await else {
                    break;
                };
                match self.receive(received).await? {
                    ConsumerError::ConnectionLost(fault) => suspected = Some(fault),
                    ConsumerError::AllBrokersDown => return Err(client.down_fault()),
                    ConsumerError::OffsetLost => return Ok(()),
                    ConsumerError::Progress(_)
                    | ConsumerError::Irrelevant
                    | ConsumerError::Undecodable => {}
                }
            }
            let topic = self.settings.topic.clone();
            let mut fetch = pin!(client.fetch_watermarks(topic, self.settings.response_timeout));
            let watermarks = loop {
                tokio::select! {
                    fetched = &mut fetch => {
                        break fetched.map_err(|fault| Fault::more_specific(suspected.take(), fault))?;
                    }
                    received = client.receive() => match self.receive(received).await? {
                        ConsumerError::ConnectionLost(fault) => suspected = Some(fault),
                        ConsumerError::AllBrokersDown => {
                            return Err(Fault::more_specific(suspected, client.down_fault()));
                        }
                        ConsumerError::OffsetLost => return Ok(()),
                        ConsumerError::Progress(_)
                        | ConsumerError::Irrelevant
                        | ConsumerError::Undecodable => {}
                    }
                }
            };
            suspected = None;
            let fetched = watermarks.iter().map(|watermarks| watermarks.partition);
            if !self.positions.partitions().eq(fetched) {
                tracing::info!(
                    target: "credswap::kafka",
                    topic = %self.settings.topic,
                    partitions = watermarks.len(),
                    "the topic's partitions have changed"
                );
                return Ok(());
            }
        }
    }

    /// Processes a message, or classifies an error.
    async fn receive(&mut self, received: Received<'_>) -> Result<ConsumerError, Fault> {
        self.received = self.received.wrapping_add(1);
        if self.received.is_multiple_of(BATCH) {
            // Buffered messages are received without a pause: other tasks of this thread must run, too.
            tokio::task::yield_now().await;
        }
        match received {
            Ok(message) => {
                self.positions
                    .received(message.partition(), message.offset());
                self.inbox.process(&message);
                Ok(ConsumerError::Progress(message.partition()))
            }
            Err((error, text)) => {
                let error = ConsumerError::of(&error, &text);
                if matches!(error, Ok(ConsumerError::Undecodable)) {
                    self.inbox.process_undecodable();
                }
                error
            }
        }
    }
}
