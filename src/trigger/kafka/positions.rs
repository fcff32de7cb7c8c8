//! Where to read on in each partition, so that no event is lost: pure.
//!
//! | partition | read from |
//! |---|---|
//! | seen for the first time, with all the others | its end: the look that follows covers what was before |
//! | read before, position still there | its position, which survives lost connections and new clients |
//! | read before, position gone (retention, topic made anew) | its end, and the look that follows |
//! | new while we listened (partitions were added) | its beginning |

use std::collections::BTreeMap;

use crate::kafka::Watermarks;

/// The offset of the next message in each partition; empty before the first subscription.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(BTreeMap<i32, i64>);

impl Positions {
    /// Takes over the partitions as they are now. Those that no longer exist are forgotten.
    pub(super) fn adopt(&mut self, spans: &[Watermarks]) {
        let first = self.0.is_empty();
        self.0 = spans
            .iter()
            .map(|span| {
                let next = match self.0.get(&span.partition) {
                    Some(&next) if (span.low..=span.high).contains(&next) => next,
                    None if !first => span.low,
                    Some(_) | None => span.high,
                };
                (span.partition, next)
            })
            .collect();
    }

    /// Notes that the message at `offset` was received.
    pub(super) fn received(&mut self, partition: i32, offset: i64) {
        if let Some(next) = self.0.get_mut(&partition) {
            *next = offset + 1;
        }
    }

    /// Each partition and the offset of its next message.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.0.iter().map(|(&partition, &next)| (partition, next))
    }

    /// The partitions.
    pub(super) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[(i64, i64)]) -> Vec<Watermarks> {
        (0..)
            .zip(of)
            .map(|(partition, &(low, high))| Watermarks {
                partition,
                low,
                high,
            })
            .collect()
    }

    fn next(positions: &Positions) -> Vec<i64> {
        positions.iter().map(|(_, next)| next).collect()
    }

    #[test]
    fn the_first_time_every_partition_is_read_from_its_end() {
        let mut positions = Positions::default();
        positions.adopt(&spans(&[(0, 0), (3, 9)]));
        assert_eq!(next(&positions), [0, 9]);
    }

    #[test]
    fn positions_survive_and_what_came_meanwhile_is_read() {
        let mut positions = Positions::default();
        positions.adopt(&spans(&[(0, 5), (0, 5)]));
        positions.received(0, 5);
        positions.adopt(&spans(&[(0, 8), (0, 9)]));
        assert_eq!(next(&positions), [6, 5]);
    }

    #[test]
    fn a_position_that_is_gone_becomes_the_end() {
        let mut positions = Positions::default();
        positions.adopt(&spans(&[(0, 5), (0, 5)]));
        // Retention removed 5, and the second topic was made anew.
        positions.adopt(&spans(&[(7, 9), (0, 2)]));
        assert_eq!(next(&positions), [9, 2]);
    }

    #[test]
    fn an_added_partition_is_read_from_its_beginning_and_a_removed_one_forgotten() {
        let mut positions = Positions::default();
        positions.adopt(&spans(&[(0, 5)]));
        positions.adopt(&spans(&[(0, 5), (0, 3)]));
        assert_eq!(next(&positions), [5, 0]);
        positions.adopt(&spans(&[(0, 6)]));
        assert_eq!(positions.partitions().collect::<Vec<_>>(), [0]);
        positions.received(1, 7);
        assert_eq!(next(&positions), [5]);
    }
}
