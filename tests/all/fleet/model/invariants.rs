//! What must hold, whatever happens: the ledger's answers against the truth.

use std::collections::BTreeSet;

use credswap::fleet::{Ledger, LedgerTime, ReleaseQuery, ReleaseStatus};
use proptest::prelude::*;

use super::simulation::Simulation;
use super::{GRACE, SECRET, SKEW, version};

impl Simulation {
    /// Checks that no consumer that ever reported uses a released version, unless it is named in `presumed_gone`.
    pub(super) fn check(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        for number in self.replaced.keys() {
            let status = self.status(ledger, *number);
            let ReleaseStatus::Released {
                presumed_gone,
                since,
                ..
            } = status
            else {
                continue;
            };
            let since = since.as_millis();
            prop_assert!(since <= self.now + SKEW, "since {since}, now {}", self.now);
            let presumed_gone: BTreeSet<_> = presumed_gone
                .into_iter()
                .map(|expired| (expired.instance, expired.incarnation))
                .collect();
            for process in &self.running {
                let key = format!("{}|{}|{SECRET}", process.instance, process.incarnation);
                let Some((last_report, ttl)) = self.last_reports.get(&key) else {
                    continue; // no ledger can know of it
                };
                let expired = self.now + SKEW > last_report + ttl + GRACE;
                let is_presumed =
                    presumed_gone.contains(&(process.instance.clone(), process.incarnation));
                prop_assert!(
                    expired || !is_presumed,
                    "{} has not expired",
                    process.instance
                );
                let uses = process.live == *number || process.draining.contains_key(number);
                prop_assert!(
                    !uses || is_presumed,
                    "v{number} is released, and {} uses it",
                    process.instance
                );
            }
            let pinned_until = self.pinned_until.get(number).copied().unwrap_or(0);
            prop_assert!(
                self.now > pinned_until,
                "v{number}: presigned URLs of it are valid"
            );
        }
        Ok(())
    }

    pub(super) fn all_released(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        for number in self.replaced.keys() {
            let status = self.status(ledger, *number);
            prop_assert!(
                matches!(status, ReleaseStatus::Released { .. }),
                "v{number}: {status:?}"
            );
        }
        Ok(())
    }

    fn status(&self, ledger: &Ledger, number: usize) -> ReleaseStatus {
        ledger.release_status(&ReleaseQuery {
            secret_id: SECRET.into(),
            version: version(number),
            current_version: version(self.current),
            now: LedgerTime::from_millis(self.now),
        })
    }
}
