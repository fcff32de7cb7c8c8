//! Folds reports into the newest state of each consumer. Pure.

use std::collections::hash_map;
use std::collections::{HashMap, HashSet};

use super::assumptions::Assumptions;
use super::consumer::{Consumer, Presence, Rejection};
use super::entry::Entry;
use super::time::LedgerTime;
use crate::error::Error;
use crate::fleet::report::{Incarnation, InstanceId, RecordKey, Report, malformed};
use crate::secret::{SecretId, VersionId};

/// Who uses which version of which secret, according to the consumers' reports.
///
/// See [the module](crate::fleet#why-the-ledger-is-right) for the argument why it is right. With a transport of your own,
/// fold each record that you receive:
///
/// ```
/// use credswap::fleet::{Ledger, LedgerTime, ReleaseQuery, ReleaseStatus};
///
/// let mut ledger = Ledger::default();
/// // ledger.fold_record(key, Some(value), received)?;
/// let status = ledger.release_status(&ReleaseQuery {
///     secret_id: "prod/uploader".into(),
///     version: "old".into(),
///     current_version: "new".into(),
///     now: LedgerTime::from_millis(1_708_905_600_123),
/// });
/// assert_eq!(status, ReleaseStatus::Unknown); // nobody has reported
/// ```
#[derive(Debug, Default)]
pub struct Ledger {
    pub(super) assumptions: Assumptions,
    /// By the secret's name as the reports have it.
    secrets: HashMap<SecretId, HashMap<ConsumerId, Entry>>,
    /// Each version's name once: the fleet uses few, and each consumer reports two or three.
    versions: HashSet<VersionId>,
    consumers: usize,
    /// When a consumer was last left out because the ledger was full.
    pub(super) last_overflow: Option<LedgerTime>,
}

/// One incarnation of one instance.
pub(super) type ConsumerId = (InstanceId, Incarnation);

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoldOutcome {
    /// It is the consumer's newest report.
    Applied,
    /// This report, or a newer one of the same consumer, was there already.
    Stale,
    /// There are too many consumers ([`Assumptions::max_consumers`]). Nothing is released while that is so.
    Full,
}

impl Ledger {
    /// Creates an empty ledger.
    pub fn new(assumptions: Assumptions) -> Self {
        Self {
            assumptions,
            ..Self::default()
        }
    }

    /// Folds a record that was received at `received`. The order does not matter. A record without a value is a tombstone:
    /// somebody with write access states that this consumer no longer counts.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if it is not a report. The ledger has not changed then; the
    /// error quotes nothing of the record.
    pub fn fold_record(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        received: LedgerTime,
    ) -> Result<FoldOutcome, Error> {
        if let Some(value) = value {
            return Ok(self.fold(&Report::decode(key, value)?, received));
        }
        let Some(key) = RecordKey::parse(key) else {
            return Err(malformed(
                "the record has neither a value nor a report's key",
            ));
        };
        self.forget(key);
        Ok(FoldOutcome::Applied)
    }

    /// Folds a report that was received at `received`.
    pub fn fold(&mut self, report: &Report, received: LedgerTime) -> FoldOutcome {
        if !self.secrets.contains_key(&report.secret_id) {
            self.secrets
                .insert(report.secret_id.clone(), HashMap::new());
        }
        let consumers = self
            .secrets
            .get_mut(&report.secret_id)
            .expect("inserted above");
        let consumer = (report.instance.clone(), report.incarnation);
        match consumers.entry(consumer) {
            hash_map::Entry::Occupied(entry) if entry.get().sequence >= report.sequence => {
                return FoldOutcome::Stale;
            }
            hash_map::Entry::Occupied(mut entry) => {
                entry.insert(Entry::new(
                    report,
                    received,
                    &self.assumptions,
                    &mut self.versions,
                ));
            }
            hash_map::Entry::Vacant(_) if self.consumers >= self.assumptions.max_consumers => {
                self.last_overflow = self.last_overflow.max(Some(received));
                return FoldOutcome::Full;
            }
            hash_map::Entry::Vacant(entry) => {
                entry.insert(Entry::new(
                    report,
                    received,
                    &self.assumptions,
                    &mut self.versions,
                ));
                self.consumers += 1;
            }
        }
        FoldOutcome::Applied
    }

    /// Returns the consumers for which an authority rejected `version`'s key, in no order.
    pub fn rejections(&self, secret_id: &SecretId, version: &VersionId) -> Vec<Rejection> {
        self.entries(secret_id)
            .filter_map(|((instance, incarnation), entry)| {
                Some(Rejection {
                    instance: instance.clone(),
                    incarnation: *incarnation,
                    at: entry.rejected(version)?,
                })
            })
            .collect()
    }

    /// Returns the consumers of a secret, in no order.
    pub fn consumers(
        &self,
        secret_id: &SecretId,
        now: LedgerTime,
    ) -> impl Iterator<Item = Consumer> {
        self.entries(secret_id)
            .map(move |((instance, incarnation), entry)| Consumer {
                instance: instance.clone(),
                incarnation: *incarnation,
                last_report: entry.received,
                presence: if entry.is_final() {
                    Presence::Ended
                } else if now <= entry.expires() {
                    Presence::Alive
                } else {
                    Presence::Expired
                },
                live: entry.live().cloned(),
                draining: entry.draining().cloned().collect(),
            })
    }

    /// Returns how many consumers are known, of all secrets.
    pub fn len(&self) -> usize {
        self.consumers
    }

    /// Returns whether no consumer is known.
    pub fn is_empty(&self) -> bool {
        self.consumers == 0
    }

    /// Forgets consumers whose last report is older than [`Assumptions::forget_after`] and whose presigned URLs have
    /// expired. Call it on a ledger that lives long; one that is folded anew each time does not need it.
    pub fn prune(&mut self, now: LedgerTime) {
        for consumers in self.secrets.values_mut() {
            consumers.retain(|_, entry| {
                now <= entry.received + self.assumptions.forget_after
                    || entry.last_pin().is_some_and(|until| now <= until)
            });
        }
        self.secrets.retain(|_, consumers| !consumers.is_empty());
        let entries = || self.secrets.values().flat_map(HashMap::values);
        self.consumers = entries().count();
        self.versions = entries().flat_map(Entry::versions).cloned().collect();
    }

    fn forget(&mut self, key: RecordKey) {
        let Some(consumers) = self.secrets.get_mut(&key.secret_id) else {
            return;
        };
        if consumers.remove(&(key.instance, key.incarnation)).is_some() {
            self.consumers -= 1;
        }
        if consumers.is_empty() {
            self.secrets.remove(&key.secret_id);
        }
    }

    pub(super) fn entries(
        &self,
        secret_id: &SecretId,
    ) -> impl Iterator<Item = (&ConsumerId, &Entry)> {
        let secret_id = secret_id.clone();
        self.secrets
            .iter()
            .filter(move |(reported, _)| secret_id.matches(reported.as_str()))
            .flat_map(|(_, consumers)| consumers)
    }
}
