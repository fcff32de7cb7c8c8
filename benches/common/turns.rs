//! Measures candidates in turns: on a machine with other load, only measurements made side by side can be compared.

/// The times of candidates that took turns.
pub(crate) struct Turns {
    /// By candidate, then by turn.
    times: Vec<Vec<f64>>,
}

impl Turns {
    /// Measures each of `candidates` in `turns` turns, in an order that changes, after some warm-up turns.
    pub(crate) fn take(candidates: usize, turns: usize, mut one: impl FnMut(usize) -> f64) -> Self {
        const WARM_UP: usize = 3;
        let mut times = vec![Vec::with_capacity(turns); candidates];
        for turn in 0..turns + WARM_UP {
            for place in 0..candidates {
                let candidate = (place + turn) % candidates;
                let time = one(candidate);
                if turn >= WARM_UP {
                    times[candidate].push(time);
                }
            }
        }
        Self { times }
    }

    /// Returns the median of the candidate's times.
    pub(crate) fn median(&self, candidate: usize) -> f64 {
        median(self.times[candidate].clone())
    }

    /// Returns the median of each turn's own ratio between a candidate and the baseline. It is stable even where the times
    /// vary with the machine's load.
    pub(crate) fn ratio(&self, candidate: usize, baseline: usize) -> f64 {
        let pairs = self.times[candidate].iter().zip(&self.times[baseline]);
        median(pairs.map(|(time, baseline)| time / baseline).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
