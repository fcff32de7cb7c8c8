//! Ways that take turns: on a machine with other work, only what is measured side by side can be compared.

/// The times of ways that took turns.
pub(crate) struct Turns {
    /// By way, then by turn.
    times: Vec<Vec<f64>>,
}

impl Turns {
    /// Lets each of `ways` take `turns` turns, in an order that changes, after some that do not count.
    pub(crate) fn take(ways: usize, turns: usize, mut one: impl FnMut(usize) -> f64) -> Self {
        const COLD: usize = 3;
        let mut times = vec![Vec::with_capacity(turns); ways];
        for turn in 0..turns + COLD {
            for place in 0..ways {
                let way = (place + turn) % ways;
                let time = one(way);
                if turn >= COLD {
                    times[way].push(time);
                }
            }
        }
        Self { times }
    }

    /// The median of the way's times.
    pub(crate) fn median(&self, way: usize) -> f64 {
        median(self.times[way].clone())
    }

    /// The median of each turn's own ratio between two ways. It holds still where the times do not.
    pub(crate) fn ratio(&self, way: usize, to: usize) -> f64 {
        let pairs = self.times[way].iter().zip(&self.times[to]);
        median(pairs.map(|(time, to)| time / to).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
