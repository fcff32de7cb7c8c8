//! The scale of an axis: where a value lies on it, and which values are labelled.

/// The scale of an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    /// From zero to `max`.
    Linear { max: f64 },
    /// From `min` to `max`, each decade of the same length.
    Logarithmic { min: f64, max: f64 },
}

impl Scale {
    /// Returns a linear scale from zero that shows all values, with some room above.
    pub(crate) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let max = values.fold(0.0, f64::max);
        Self::Linear {
            max: if max > 0.0 { max * 1.08 } else { 1.0 },
        }
    }

    /// Returns a logarithmic scale that shows all values, with some room at both ends. Values must be above zero.
    pub(crate) fn logarithmic(values: impl Iterator<Item = f64> + Clone) -> Self {
        let min = values.clone().fold(f64::INFINITY, f64::min);
        let max = values.fold(0.0, f64::max);
        match max > 0.0 {
            true => Self::Logarithmic {
                min: min * 0.8,
                max: max * 1.25,
            },
            false => Self::Logarithmic {
                min: 1.0,
                max: 10.0,
            },
        }
    }

    /// Returns where `value` lies: 0 at the lower end of the scale, 1 at the upper one.
    pub(crate) fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear { max } => value / max,
            Self::Logarithmic { min, max } => (value / min).ln() / (max / min).ln(),
        }
    }

    /// Returns the values to label, at most about `count`.
    pub(crate) fn ticks(self, count: usize) -> Vec<f64> {
        match self {
            Self::Linear { max } => {
                let step = STEPS.into_iter().find(|step| max / step <= count as f64);
                let step = step.unwrap_or(max);
                (0..=(max / step) as u32)
                    .map(|n| f64::from(n) * step)
                    .collect()
            }
            Self::Logarithmic { min, max } => {
                let inside = |step: &f64| (min..=max).contains(step);
                let all: Vec<_> = STEPS.into_iter().filter(inside).collect();
                // Only powers of ten where the rest would be too many.
                let decades = |step: &f64| step.log10().fract().abs() < 1e-9;
                match all.len() > count {
                    true => all.into_iter().filter(decades).collect(),
                    false => all,
                }
            }
        }
    }
}

/// The distances between labels, and the labels of logarithmic scales.
const STEPS: [f64; 24] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0,
    2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0, 100_000.0, 200_000.0, 500_000.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_are_round_and_start_at_zero() {
        let scale = Scale::Linear { max: 20.0 };
        assert_eq!(scale.ticks(5), [0.0, 5.0, 10.0, 15.0, 20.0]);
        let scale = Scale::Linear { max: 1500.0 };
        assert_eq!(scale.ticks(4), [0.0, 500.0, 1000.0, 1500.0]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_when_there_are_many() {
        let scale = Scale::Logarithmic {
            min: 4.0,
            max: 450.0,
        };
        assert_eq!(scale.ticks(4), [10.0, 100.0]);
        assert_eq!(scale.ticks(6), [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
    }

    #[test]
    fn a_scale_shows_its_values_with_room_around_them() {
        let values = [2.0, 20.0, 200.0];
        for scale in [
            Scale::linear(values.into_iter()),
            Scale::logarithmic(values.into_iter()),
        ] {
            for value in values {
                let position = scale.position(value);
                assert!(position > 0.0 && position < 1.0, "{value}: {position}");
            }
        }
    }
}
