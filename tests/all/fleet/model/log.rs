//! Records arrive in the log, and ledgers fold it.

use std::collections::BTreeSet;

use credswap::fleet::{FoldOutcome, Ledger, LedgerTime};

use super::assumptions;
use super::process::LogKind;
use super::simulation::Simulation;

impl Simulation {
    pub(super) fn deliver(&mut self) {
        let now = self.now;
        let (mut arrived, in_flight): (Vec<_>, _) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|(at, _, _)| *at <= now);
        self.in_flight = in_flight;
        if self.kind == LogKind::Unordered {
            self.rng.shuffle(&mut arrived);
        }
        for (_, skew, mut record) in arrived {
            record.at = now.checked_add_signed(skew).unwrap();
            if self
                .ledger
                .fold(&record.report, LedgerTime::from_millis(record.at))
                == FoldOutcome::Applied
            {
                self.last_reports
                    .insert(record.key.clone(), (now, record.ttl));
            }
            for (version, until) in &record.presigned {
                let until_now = self.pinned_until.entry(*version).or_default();
                *until_now = (*until_now).max(*until);
            }
            self.log.push(record);
        }
    }

    pub(super) fn compact(&mut self) {
        if self.kind == LogKind::Unordered {
            return;
        }
        let mut newer = BTreeSet::new();
        self.log.reverse();
        self.log.retain(|record| newer.insert(record.key.clone()));
        self.log.reverse();
    }

    pub(super) fn refolded(&self) -> Ledger {
        let mut ledger = Ledger::new(assumptions());
        for record in &self.log {
            ledger.fold(&record.report, LedgerTime::from_millis(record.at));
        }
        ledger
    }
}
