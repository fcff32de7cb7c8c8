//! Logs how triggers fare: each cause at most once a minute, however often it comes and goes.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::trigger::Health;
use crate::util::log_throttle::LogThrottle;

const PERIOD: Duration = Duration::from_secs(60);

/// The most causes that are told apart. More than that are as good as none.
const CAUSES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct HealthLog {
    /// By the number of the trigger, and the cause.
    causes: HashMap<(usize, String), LogThrottle>,
}

impl HealthLog {
    /// Logs a change, unless the same was logged within the last minute.
    pub(super) fn changed(&mut self, number: usize, trigger: &str, health: &Health) {
        let cause = match health {
            Health::Disconnected { reason } => reason.clone().into_owned(),
            other => format!("{other:?}"),
        };
        let Some(suppressed) = self.due(number, cause, Instant::now()) else {
            return;
        };
        match health {
            Health::Disconnected { reason } => {
                tracing::warn!(trigger, %reason, suppressed, "trigger disconnected");
            }
            other => tracing::info!(trigger, health = ?other, suppressed, "trigger"),
        }
    }

    /// Returns how often the cause was suppressed since it was last logged, if it is to be logged.
    fn due(&mut self, number: usize, cause: String, now: Instant) -> Option<u64> {
        let key = (number, cause);
        if self.causes.len() >= CAUSES && !self.causes.contains_key(&key) {
            self.causes.clear();
        }
        let throttle = self.causes.entry(key);
        throttle
            .or_insert_with(|| LogThrottle::every(PERIOD))
            .poll(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_each_trigger_is_logged_once_a_minute() {
        let mut log = HealthLog::default();
        let start = Instant::now();
        let mut due = |number, cause: &str, seconds| {
            log.due(
                number,
                cause.to_owned(),
                start + Duration::from_secs(seconds),
            )
        };
        assert_eq!(due(0, "no broker", 0), Some(0));
        assert_eq!(due(0, "Listening", 1), Some(0));
        assert_eq!(due(0, "no broker", 2), None);
        assert_eq!(due(0, "Listening", 3), None);
        assert_eq!(due(0, "login rejected", 4), Some(0), "another cause");
        assert_eq!(due(1, "no broker", 5), Some(0), "another trigger");
        assert_eq!(due(0, "no broker", 60), Some(1));
    }

    #[test]
    fn causes_without_end_take_no_memory_without_end() {
        let mut log = HealthLog::default();
        for number in 0..10 * CAUSES {
            log.due(0, number.to_string(), Instant::now());
            assert!(log.causes.len() <= CAUSES);
        }
    }
}
