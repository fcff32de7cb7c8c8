//! Where to continue in each partition, so that no event is lost. Pure.
//!
//! | partition | read from |
//! |---|---|
//! | seen for the first time, with all the others | its end: the refresh that follows covers what was before |
//! | read before, position still there | its position, which survives lost connections and new clients |
//! | read before, position gone (retention, recreated topic) | its end, and a refresh follows |
//! | added while listening | its beginning |

use std::collections::BTreeMap;

use crate::kafka::Watermarks;

/// The offset of the next message in each partition; empty before the first subscription.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(BTreeMap<i32, i64>);

impl Positions {
    /// Adopts the partitions as they are now. Those that no longer exist are forgotten.
    pub(super) fn adopt(&mut self, watermarks: &[Watermarks]) {
        let first = self.0.is_empty();
        self.0 = watermarks
            .iter()
            .map(|now| {
                let next = match self.0.get(&now.partition) {
                    Some(&next) if (now.low..=now.high).contains(&next) => next,
                    None if !first => now.low,
                    Some(_) | None => now.high,
                };
                (now.partition, next)
            })
            .collect();
    }

    /// Records that the message at `offset` was received.
    pub(super) fn received(&mut self, partition: i32, offset: i64) {
        if let Some(next) = self.0.get_mut(&partition) {
            *next = offset + 1;
        }
    }

    /// Returns each partition and the offset of its next message.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.0.iter().map(|(&partition, &next)| (partition, next))
    }

    /// Returns the partitions.
    pub(super) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partitions 0, 1, … with these low and high watermarks.
    fn watermarks(ranges: &[(i64, i64)]) -> Vec<Watermarks> {
        (0..)
            .zip(ranges)
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
    fn each_adoption_continues_at_the_right_offset() {
        // Before, as watermarks; now, as watermarks; where reading continues.
        type Ranges = &'static [(i64, i64)];
        let cases: [(&str, Ranges, Ranges, &[i64]); 6] = [
            (
                "the first time, at the end",
                &[],
                &[(0, 0), (3, 9)],
                &[0, 9],
            ),
            (
                "at the position",
                &[(0, 5), (0, 5)],
                &[(0, 8), (0, 9)],
                &[5, 5],
            ),
            (
                "removed by retention, at the end",
                &[(0, 5)],
                &[(7, 9)],
                &[9],
            ),
            ("a recreated topic, at the end", &[(0, 5)], &[(0, 2)], &[2]),
            (
                "an added partition, at its beginning",
                &[(0, 5)],
                &[(0, 5), (1, 3)],
                &[5, 1],
            ),
            (
                "a removed partition, forgotten",
                &[(0, 5), (0, 3)],
                &[(0, 6)],
                &[5],
            ),
        ];
        for (case, before, now, expected) in cases {
            let mut positions = Positions::default();
            positions.adopt(&watermarks(before));
            positions.adopt(&watermarks(now));
            assert_eq!(next(&positions), expected, "{case}");
        }
    }

    #[test]
    fn a_received_message_moves_its_partition_alone() {
        let mut positions = Positions::default();
        positions.adopt(&watermarks(&[(0, 5), (0, 5)]));
        positions.received(0, 5);
        positions.received(7, 70);
        assert_eq!(next(&positions), [6, 5]);
        positions.adopt(&watermarks(&[(0, 8), (0, 9)]));
        assert_eq!(next(&positions), [6, 5], "what came meanwhile is read");
        assert_eq!(positions.partitions().collect::<Vec<_>>(), [0, 1]);
    }
}
