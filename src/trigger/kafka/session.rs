//! One client from its creation to its fault: find the partitions, read from the right positions, prove that reading
//! works, then listen.
//!
//! Positions outlive the client, so after any fault (a lost broker, a rejected login) the next client continues where this
//! one stopped. Each time it begins to listen, the session requests a refresh with [`Reason::CatchUp`] after its positions
//! were fixed and reading was proven: that refresh covers what was published before, the events cover what comes after.
//!
//! A partition that cannot be read makes the trigger disconnected, and not deaf: the others are listened to.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::intake::Intake;
use super::positions::Positions;
use super::settings::Settings;
use crate::kafka::{Consumer, Fault, Survey};
use crate::trigger::{Health, Reason, RefreshRequester};

/// How long a subscription may take before its first fault is reported: a first address that does not respond
/// (`localhost` as `::1`) is not worth a warning.
const GRACE: Duration = Duration::from_secs(2);

/// How often partitions that cannot be read are looked after, at most.
const RECHECK: Duration = Duration::from_secs(2);

/// The pause after a batch that cannot be read: a flood of them must not keep the brokers busy.
const PAUSE: Duration = Duration::from_secs(1);

/// What outlives a client.
pub(super) struct Session {
    settings: Settings,
    requester: RefreshRequester,
    intake: Intake,
    /// Partitions that cannot be read, and why.
    unreadable: BTreeMap<i32, Fault>,
    has_listened: bool,
}

impl Session {
    pub(super) fn new(settings: Settings, requester: RefreshRequester) -> Self {
        Self {
            intake: Intake::new(settings.topic.clone(), requester.clone()),
            settings,
            requester,
            unreadable: BTreeMap::new(),
            has_listened: false,
        }
    }

    /// Listens with one client until a fault.
    pub(super) async fn listen(&mut self) -> Fault {
        self.has_listened = false;
        match Consumer::new(self.settings.config.clone()).await {
            Ok(client) => match self.listen_with(&client).await {
                Ok(never) => match never {},
                Err(fault) => fault,
            },
            Err(fault) => fault,
        }
    }

    async fn listen_with(&mut self, client: &Consumer) -> Result<std::convert::Infallible, Fault> {
        let mut lost_before = false;
        loop {
            self.intake.begin();
            if self.subscribe(client).await? {
                lost_before = false;
                self.receive_events(client).await?;
            } else if self.intake.offset_lost && std::mem::replace(&mut lost_before, true) {
                return Err(Fault::OffsetsUnstable);
            }
            if self.intake.skipped {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Returns whether the last client came to listen.
    pub(super) fn has_listened(&self) -> bool {
        self.has_listened
    }

    /// Reports that the trigger is disconnected, if that or the reason is new. Whoever watches the health logs it.
    pub(super) fn report_health(&self, fault: &Fault) {
        let reason = fault.explain(&self.settings.target());
        self.requester.set_health(Health::disconnected(reason));
    }

    /// Fixes the positions and proves that each partition can be read. Returns `false` if the positions must be fixed anew.
    async fn subscribe(&mut self, client: &Consumer) -> Result<bool, Fault> {
        let started = Instant::now();
        let response_timeout = self.settings.response_timeout;
        let survey = self.survey(client, response_timeout, true).await?;

        // Nobody polls the client from here to the assignment: the positions do not change.
        self.intake.positions.adopt(&survey);
        let positions = self.intake.positions.iter();
        client
            .assign(self.settings.topic.clone(), positions)
            .await?;

        let partitions = survey.readable.iter().map(|now| now.partition);
        self.intake.unproven = partitions.collect();
        let deadline = started + response_timeout * 2;
        while !self.intake.unproven.is_empty() && !self.intake.is_interrupted() {
            if timeout_at(deadline, self.intake.receive(client))
                .await
                .is_err()
            {
                break;
            }
            self.check_brokers(client)?;
        }
        let unproven = std::mem::take(&mut self.intake.unproven);
        if self.intake.is_interrupted() {
            self.skip_bad_batches(&survey);
            return Ok(false);
        }
        // A partition that has more and responds with nothing is stuck.
        if self.skip(|positions| positions.skip_all(&unproven, &survey)) {
            return Ok(false);
        }
        let why = self.intake.suspected.take().unwrap_or(Fault::Timeout(None));
        if unproven.len() == survey.readable.len() {
            return Err(why);
        }
        self.unreadable = survey.unreadable;
        let unproven = unproven
            .into_iter()
            .map(|partition| (partition, why.clone()));
        self.unreadable.extend(unproven);

        self.has_listened = true;
        self.requester.request(Reason::CatchUp);
        self.report_unreadable();
        tracing::debug!(
            target: "credswap::kafka",
            topic = %self.settings.topic,
            partitions = survey.readable.len(),
            "subscribed"
        );
        Ok(true)
    }

    /// Receives events until the partitions or a position must be found anew (`Ok`), or there is a fault.
    async fn receive_events(&mut self, client: &Consumer) -> Result<(), Fault> {
        let Settings {
            metadata_interval,
            response_timeout,
            ..
        } = self.settings;
        loop {
            let interval = if !self.unreadable.is_empty() {
                metadata_interval.min(RECHECK)
            } else if self.intake.positions.are_behind() {
                metadata_interval.min(response_timeout)
            } else {
                metadata_interval
            };
            let due = Instant::now() + interval;
            // Until it is time for a survey, or something is wrong.
            while self.intake.suspected.is_none() && !self.intake.is_interrupted() {
                if timeout_at(due, self.intake.receive(client)).await.is_err() {
                    break;
                }
                self.check_brokers(client)?;
            }
            if self.intake.outdated() {
                return Ok(());
            }
            let timeout = match self.intake.suspected {
                None => response_timeout,
                // It has left a request unanswered for a while already.
                Some(_) => response_timeout / 2,
            };
            let survey = self.survey(client, timeout, false).await?;
            self.intake.suspected = None;
            let skipped = self.skip_bad_batches(&survey)
                || self.skip(|positions| positions.skip_stalled(&survey));
            let can_be_read = |partition| !survey.unreadable.contains_key(partition);
            if skipped
                || self.intake.outdated()
                || self.intake.positions.are_outdated(&survey)
                || self.unreadable.keys().any(can_be_read)
            {
                return Ok(());
            }
            self.unreadable = survey.unreadable;
            self.report_unreadable();
        }
    }

    /// Takes a survey of the topic, and receives meanwhile. Faults on the way are reported while librdkafka goes on trying,
    /// if they are all that can be said.
    async fn survey(
        &mut self,
        client: &Consumer,
        timeout: Duration,
        report: bool,
    ) -> Result<Survey, Fault> {
        self.intake.positions.mark();
        let mut next_report = Instant::now() + GRACE;
        let mut survey = pin!(client.survey(self.settings.topic.clone(), timeout));
        loop {
            tokio::select! {
                found = &mut survey => {
                    return match found {
                        Ok(mut found) => {
                            // The broker that was named is more than that there was no response.
                            if let Some(suspected) = &self.intake.suspected {
                                for why in found.unreadable.values_mut() {
                                    if *why != Fault::NoLeader {
                                        *why = Fault::more_specific(Some(suspected.clone()), why.clone());
                                    }
                                }
                            }
                            Ok(found)
                        }
                        Err(fault) => Err(Fault::more_specific(self.intake.suspected.take(), fault)),
                    };
                }
                () = self.intake.receive(client) => {
                    if report {
                        self.intake.note_all_down(client);
                        self.intake.fatal()?;
                    } else {
                        self.check_brokers(client)?;
                    }
                }
                () = sleep_until(next_report), if report && self.intake.suspected.is_some() => {
                    next_report = Instant::now() + GRACE;
                    self.report_health(self.intake.suspected.as_ref().expect("checked by the guard"));
                }
            }
        }
    }

    /// Fails if this client cannot go on.
    fn check_brokers(&mut self, client: &Consumer) -> Result<(), Fault> {
        self.intake.fatal()?;
        match self.intake.note_all_down(client) {
            true => Err(self.intake.suspected.take().unwrap_or(client.down_fault())),
            false => Ok(()),
        }
    }

    /// Skips the batches that could not be read. Returns whether there were any.
    fn skip_bad_batches(&mut self, survey: &Survey) -> bool {
        let bad = std::mem::take(&mut self.intake.undecodable);
        let mut skipped = false;
        for offset in bad {
            skipped |= self.skip(|positions| positions.skip_batch(offset, survey));
        }
        skipped
    }

    fn skip(&mut self, skip: impl FnOnce(&mut Positions) -> Vec<i32>) -> bool {
        let partitions = skip(&mut self.intake.positions);
        let any = !partitions.is_empty();
        if any {
            self.intake.skip(&partitions);
        }
        any
    }

    fn report_unreadable(&self) {
        match Fault::of_partitions(&self.unreadable) {
            None => self.requester.set_health(Health::Listening),
            Some(fault) => self.report_health(&fault),
        }
    }
}
