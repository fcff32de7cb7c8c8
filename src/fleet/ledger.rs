//! Folds reports into who uses what: pure.
//!
//! Times are milliseconds on one clock, the one of whoever received the reports (the broker). See
//! [the module](super#why-the-ledger-is-right) for the argument.

use std::collections::hash_map;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::assumptions::{Assumptions, ms};
use super::entry::Entry;
use super::instance::{Incarnation, InstanceId};
use super::release_status::{
    Consumer, ExpiredConsumer, Holder, InUseReason, Presence, Rejection, ReleaseStatus,
};
use super::report::Report;
use super::wire;
use crate::error::Error;
use crate::secret::SecretId;
use crate::secret::VersionId;

/// Who uses which version of which secret, by what the consumers have said.
#[derive(Debug, Default)]
pub struct Ledger {
    limits: Assumptions,
    /// By the secret's name as the report has it.
    secrets: HashMap<Arc<str>, HashMap<Life, Entry>>,
    /// Each version's name once: the fleet uses few, and each consumer has two or three.
    versions: HashSet<VersionId>,
    consumers: usize,
    /// When a consumer was turned away for want of room, last.
    overflow: Option<u64>,
}

/// One life of one instance.
type Life = (InstanceId, Incarnation);

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoldOutcome {
    /// It is the consumer's newest word.
    Counts,
    /// A newer one was there already, or this one.
    Old,
    /// There is no room for one more consumer. Nothing counts as released while that is so.
    Full,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(limits: Assumptions) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Folds a record as it was read from the topic, in any order. A record without a value is a tombstone: whoever may
    /// write the topic has said that this consumer does not count.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): it is no report. Nothing has changed, and nothing of it is
    /// quoted.
    pub fn fold_record(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        at: u64,
    ) -> Result<FoldOutcome, Error> {
        if let Some(value) = value {
            return Ok(self.fold(&Report::decode(key, value)?, at));
        }
        let Some((instance, incarnation, secret)) = wire::parse_key(key) else {
            return Err(wire::malformed("it has neither a value nor a report's key"));
        };
        self.forget(&instance, incarnation, secret);
        Ok(FoldOutcome::Counts)
    }

    /// Folds a report that was received at `at`.
    pub fn fold(&mut self, report: &Report, at: u64) -> FoldOutcome {
        if !self.secrets.contains_key(report.secret.as_str()) {
            self.secrets
                .insert(Arc::from(report.secret.as_str()), HashMap::new());
        }
        let lives = self
            .secrets
            .get_mut(report.secret.as_str())
            .expect("inserted above");
        let life = (report.instance.clone(), report.incarnation);
        match lives.entry(life) {
            hash_map::Entry::Occupied(entry) if entry.get().sequence >= report.sequence => {
                return FoldOutcome::Old;
            }
            hash_map::Entry::Occupied(mut entry) => {
                entry.insert(Entry::new(report, at, &self.limits, &mut self.versions));
            }
            hash_map::Entry::Vacant(_) if self.consumers >= self.limits.consumers => {
                self.overflow = self.overflow.max(Some(at));
                return FoldOutcome::Full;
            }
            hash_map::Entry::Vacant(entry) => {
                entry.insert(Entry::new(report, at, &self.limits, &mut self.versions));
                self.consumers += 1;
            }
        }
        FoldOutcome::Counts
    }

    /// Whether `version` of `secret` (a name or an ARN) is released by all, while `current` is the version that a
    /// consumer reads now, and it is `now` on the ledger's clock.
    ///
    /// The current version is never released.
    pub fn verdict(
        &self,
        secret: &str,
        version: &VersionId,
        current: &VersionId,
        now: u64,
    ) -> ReleaseStatus {
        let entries: Vec<_> = self.of(secret).collect();
        // Since when nobody can take the version up any more, so that a word given later is the last.
        let first_to_move_on = entries.iter().filter_map(|(_, e)| e.took_up(current)).min();
        let last_sign = entries
            .iter()
            .filter_map(|(_, e)| e.last_sign(version))
            .max();
        let settled = first_to_move_on
            .map(|first| first.max(last_sign.unwrap_or(0)))
            .map(|last| last.saturating_add(ms(self.limits.settle + self.limits.grace)));

        let mut users = Vec::new();
        let mut not_heard = Vec::new();
        let mut presumed_gone = Vec::new();
        let mut words = 0_usize;
        let mut since = last_sign.or(first_to_move_on).unwrap_or(0);
        for ((instance, incarnation), entry) in entries {
            let holder = |why, until| Holder {
                instance: instance.clone(),
                incarnation: *incarnation,
                why,
                last_heard: entry.at,
                until,
            };
            let ttl_ends = entry.ttl_ends(&self.limits);
            let horizon = entry.horizon(version, &self.limits);
            let heard = now <= ttl_ends;
            let uses = entry.uses(version);
            if let Some(why) = uses.filter(|_| heard) {
                users.push(holder(why, ttl_ends.max(horizon.unwrap_or(0))));
            } else if let Some(until) = horizon.filter(|until| now <= *until) {
                users.push(holder(InUseReason::PresignedUrls, until));
            } else if uses.is_none() && settled.is_some_and(|settled| entry.at >= settled) {
                words += 1;
                since = since.max(horizon.unwrap_or(0));
            } else if uses.is_none() && entry.is_goodbye() {
                words += usize::from(entry.has_released(version));
                since = since.max(horizon.unwrap_or(0));
            } else if heard {
                not_heard.push(holder(InUseReason::NotYetReported, ttl_ends));
            } else {
                since = since.max(ttl_ends).max(horizon.unwrap_or(0));
                presumed_gone.push(ExpiredConsumer {
                    instance: instance.clone(),
                    incarnation: *incarnation,
                    last_heard: entry.at,
                    used: uses.is_some(),
                });
            }
        }
        let full = self
            .overflow
            .is_some_and(|at| now <= at.saturating_add(ms(self.limits.ttl.1 + self.limits.grace)));
        // While somebody is known to use it, all the others are yet to be heard: that would be no news.
        let mut by = if users.is_empty() { not_heard } else { users };
        if !by.is_empty() {
            by.sort_unstable_by(|a, b| a.instance.cmp(&b.instance));
            ReleaseStatus::InUse { by }
        } else if words == 0 || full || version == current {
            ReleaseStatus::Unknown
        } else {
            presumed_gone.sort_unstable_by(|a, b| a.instance.cmp(&b.instance));
            ReleaseStatus::Released {
                since,
                presumed_gone,
            }
        }
    }

    /// Who was refused `version`'s key, and when last.
    pub fn refusals(&self, secret: &str, version: &VersionId) -> Vec<Rejection> {
        self.of(secret)
            .filter_map(|((instance, incarnation), entry)| {
                Some(Rejection {
                    instance: instance.clone(),
                    incarnation: *incarnation,
                    at: entry.refused(version)?,
                })
            })
            .collect()
    }

    /// The consumers of a secret, in no order.
    pub fn consumers(&self, secret: &str, now: u64) -> impl Iterator<Item = Consumer> {
        self.of(secret)
            .map(move |((instance, incarnation), entry)| Consumer {
                instance: instance.clone(),
                incarnation: *incarnation,
                last_heard: entry.at,
                presence: if entry.is_goodbye() {
                    Presence::Gone
                } else if now <= entry.ttl_ends(&self.limits) {
                    Presence::Alive
                } else {
                    Presence::ExpiredConsumer
                },
                live: entry.live().cloned(),
                held: entry.held().cloned().collect(),
            })
    }

    /// How many consumers are known, of all secrets.
    pub fn len(&self) -> usize {
        self.consumers
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.consumers == 0
    }

    /// Forgets those who were not heard for so long that they are not even worth an assumption, and whose signed URLs
    /// are past. For a ledger that is kept for long; one that is folded anew each time has no need of it.
    pub fn prune(&mut self, now: u64) {
        for lives in self.secrets.values_mut() {
            lives.retain(|_, entry| {
                now <= entry.at.saturating_add(ms(self.limits.forget))
                    || now <= entry.last_horizon(&self.limits)
            });
        }
        self.secrets.retain(|_, lives| !lives.is_empty());
        let lives = || self.secrets.values().flat_map(HashMap::values);
        self.consumers = lives().count();
        self.versions = lives().flat_map(Entry::versions).cloned().collect();
    }

    fn forget(&mut self, instance: &InstanceId, incarnation: Incarnation, secret: &str) {
        let Some(lives) = self.secrets.get_mut(secret) else {
            return;
        };
        if lives.remove(&(instance.clone(), incarnation)).is_some() {
            self.consumers -= 1;
        }
        if lives.is_empty() {
            self.secrets.remove(secret);
        }
    }

    fn of(&self, secret: &str) -> impl Iterator<Item = (&Life, &Entry)> {
        let named = SecretId::from(secret);
        self.secrets
            .iter()
            .filter(move |(name, _)| named.matches(name))
            .flat_map(|(_, lives)| lives)
    }
}
