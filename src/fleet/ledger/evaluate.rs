//! The rule that decides whether a version is released. Pure.

use super::fold::Ledger;
use super::release_status::{
    ConsumerUsage, ExpiredConsumer, InUseReason, ReleaseQuery, ReleaseStatus,
};

impl Ledger {
    /// Returns whether all consumers have released the version. The current version is never released.
    ///
    /// See [the module](crate::fleet#why-the-ledger-is-right) for the rule and its argument.
    pub fn release_status(&self, query: &ReleaseQuery) -> ReleaseStatus {
        let (version, now) = (&query.version, query.now);
        let entries: Vec<_> = self.entries(&query.secret_id).collect();
        let first_adoption = entries
            .iter()
            .filter_map(|(_, entry)| entry.adopted(&query.current_version))
            .min();
        let last_use = entries
            .iter()
            .filter_map(|(_, entry)| entry.last_use(version))
            .max();
        // From then on nobody can adopt the version any more, so a report that is received later is the last about it.
        let settled = first_adoption.map(|first| {
            let last = first.max(last_use.unwrap_or_default());
            last + self.assumptions.late_adoption + self.assumptions.grace
        });

        let mut users = Vec::new();
        let mut not_yet_reported = Vec::new();
        let mut presumed_gone = Vec::new();
        let mut has_last_report = false;
        let mut since = last_use.or(first_adoption).unwrap_or_default();
        for ((instance, incarnation), entry) in entries {
            let usage = |reason, expires| ConsumerUsage {
                instance: instance.clone(),
                incarnation: *incarnation,
                reason,
                last_report: entry.received,
                expires,
            };
            let expires = entry.expires();
            let is_alive = now <= expires;
            let pinned_until = entry.pinned_until(version);
            let uses = entry.uses(version);
            if let Some(reason) = uses.filter(|_| is_alive) {
                users.push(usage(reason, expires.max(pinned_until.unwrap_or_default())));
            } else if let Some(until) = pinned_until.filter(|until| now <= *until) {
                users.push(usage(InUseReason::PresignedUrls, until));
            } else if uses.is_none() && settled.is_some_and(|settled| entry.received >= settled) {
                has_last_report = true;
                since = since.max(pinned_until.unwrap_or_default());
            } else if uses.is_none() && entry.is_final() {
                // A final report that does not release the version may be from before the version existed.
                has_last_report |= entry.has_released(version);
                since = since.max(pinned_until.unwrap_or_default());
            } else if is_alive {
                not_yet_reported.push(usage(InUseReason::NotYetReported, expires));
            } else {
                since = since.max(expires).max(pinned_until.unwrap_or_default());
                presumed_gone.push(ExpiredConsumer {
                    instance: instance.clone(),
                    incarnation: *incarnation,
                    last_report: entry.received,
                    used: uses.is_some(),
                });
            }
        }
        // A consumer that was left out may use the version until its TTL expires.
        let may_be_incomplete = self
            .last_overflow
            .is_some_and(|at| now <= at + self.assumptions.longest_ttl + self.assumptions.grace);
        // While a consumer uses the version, all others have yet to report: naming them would add nothing.
        let mut by = if users.is_empty() {
            not_yet_reported
        } else {
            users
        };
        if !by.is_empty() {
            by.sort_unstable_by(|a, b| a.instance.cmp(&b.instance));
            ReleaseStatus::InUse { by }
        } else if !has_last_report || may_be_incomplete || *version == query.current_version {
            ReleaseStatus::Unknown
        } else {
            presumed_gone.sort_unstable_by(|a, b| a.instance.cmp(&b.instance));
            ReleaseStatus::Released {
                since,
                presumed_gone,
            }
        }
    }
}
