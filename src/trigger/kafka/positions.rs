//! Where to continue in each partition, so that no event is lost. Pure.
//!
//! | partition | read from |
//! |---|---|
//! | seen for the first time, with all the others | its end: the refresh that follows covers what was before |
//! | the same, and it could not be read then | its end as soon as it can be read, and a refresh follows |
//! | read before, position still there | its position, which survives lost connections and new clients |
//! | read before, position gone (retention, recreated topic) | its end, and a refresh follows |
//! | added while listening | its beginning |
//! | stuck at a batch that cannot be read | its end, and a refresh follows |

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::{Survey, Watermarks};

/// The offset of the next message in each partition; empty before the first subscription.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    next: BTreeMap<i32, i64>,
    /// Partitions that have not been readable since the first subscription.
    awaited: BTreeSet<i32>,
    /// Where the partitions were that had more than had been read.
    behind: BTreeMap<i32, i64>,
    /// Where the partitions were when the survey began.
    marked: BTreeMap<i32, i64>,
}

impl Positions {
    /// Marks the beginning of a survey: what is received meanwhile is beyond the ends that it finds.
    pub(super) fn mark(&mut self) {
        self.marked.clone_from(&self.next);
    }

    /// Adopts the partitions as they are now. Those that no longer exist are forgotten.
    pub(super) fn adopt(&mut self, survey: &Survey) {
        let first = self.next.is_empty() && self.awaited.is_empty();
        let before = std::mem::take(self);
        for now in &survey.readable {
            let next = match before.next.get(&now.partition) {
                Some(&next) if before.is_there(now, next) => next,
                None if !first && !before.awaited.contains(&now.partition) => now.low,
                Some(_) | None => now.high,
            };
            self.next.insert(now.partition, next);
        }
        for &partition in survey.unreadable.keys() {
            if let Some(&next) = before.next.get(&partition) {
                self.next.insert(partition, next);
            } else if first || before.awaited.contains(&partition) {
                self.awaited.insert(partition);
            }
        }
    }

    /// Records that everything before `next` was received.
    pub(super) fn advance(&mut self, partition: i32, next: i64) {
        if let Some(position) = self.next.get_mut(&partition) {
            *position = next.max(*position);
        }
    }

    /// Skips to the end the partitions that may contain a batch at `offset`, which cannot be read. Returns them.
    pub(super) fn skip_batch(&mut self, offset: i64, survey: &Survey) -> Vec<i32> {
        self.skip(survey, |_, next, high| (next..high).contains(&offset))
    }

    /// Skips to the end those of these partitions that have more. Returns them.
    pub(super) fn skip_all(&mut self, partitions: &BTreeSet<i32>, survey: &Survey) -> Vec<i32> {
        self.skip(survey, |partition, next, high| {
            next < high && partitions.contains(&partition)
        })
    }

    /// Skips to the end the partitions that had more at the last call, and from which nothing was read since. Returns them.
    pub(super) fn skip_stalled(&mut self, survey: &Survey) -> Vec<i32> {
        let behind = std::mem::take(&mut self.behind);
        let skipped = self.skip(survey, |partition, next, _| {
            behind.get(&partition) == Some(&next)
        });
        let more = survey.readable.iter().filter_map(|now| {
            let next = *self.next.get(&now.partition)?;
            (next < now.high).then_some((now.partition, next))
        });
        self.behind = more.collect();
        skipped
    }

    /// Returns whether a partition had more than was read at the last [`Positions::skip_stalled`].
    pub(super) fn are_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Returns whether the partition still has this position.
    fn is_there(&self, now: &Watermarks, next: i64) -> bool {
        let marked = self.marked.get(&now.partition).copied();
        now.low <= next && marked.unwrap_or(next) <= now.high
    }

    fn skip(&mut self, survey: &Survey, stuck: impl Fn(i32, i64, i64) -> bool) -> Vec<i32> {
        let mut skipped = Vec::new();
        for now in &survey.readable {
            if let Some(next) = self.next.get_mut(&now.partition)
                && *next < now.high
                && stuck(now.partition, *next, now.high)
            {
                *next = now.high;
                skipped.push(now.partition);
            }
        }
        skipped
    }

    /// Returns whether the survey shows what these positions do not expect: other partitions, one that can be read at last,
    /// a position that is gone.
    pub(super) fn are_outdated(&self, survey: &Survey) -> bool {
        let gone = survey.readable.iter().any(|now| {
            let next = self.next.get(&now.partition);
            next.is_none_or(|&next| !self.is_there(now, next))
        });
        let known = self.next.keys().chain(&self.awaited);
        let exists = |partition: &i32| {
            survey.unreadable.contains_key(partition)
                || survey
                    .readable
                    .iter()
                    .any(|now| now.partition == *partition)
        };
        gone || known.into_iter().any(|partition| !exists(partition))
    }

    /// Returns each partition and the offset of its next message.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.next
            .iter()
            .map(|(&partition, &next)| (partition, next))
    }
}
