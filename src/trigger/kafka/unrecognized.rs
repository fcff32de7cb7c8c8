//! Messages that are not known to be an event, and may be one all the same: each leads to a refresh, soon, and together they
//! cost little.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::trigger::{Reason, RefreshRequester};
use crate::util::log_throttle::LogThrottle;

/// At most one refresh in this time, and the longest that one of these messages waits for its refresh.
const REFRESH_PERIOD: Duration = Duration::from_secs(15);

/// How often they are logged.
const LOG_PERIOD: Duration = Duration::from_secs(60);

pub(super) struct Unrecognized {
    topic: String,
    requester: RefreshRequester,
    log: LogThrottle,
    /// No refresh before.
    next: Instant,
    /// The refresh that the messages since the last one wait for. Dropped with the trigger.
    planned: JoinSet<()>,
}

impl Unrecognized {
    pub(super) fn new(topic: String, requester: RefreshRequester) -> Self {
        Self {
            topic,
            requester,
            log: LogThrottle::every(LOG_PERIOD),
            next: Instant::now(),
            planned: JoinSet::new(),
        }
    }

    /// Notes a message: a refresh is requested now, or as soon as the period allows.
    pub(super) fn note(&mut self) {
        let now = Instant::now();
        if let Some(suppressed) = self.log.poll(now) {
            tracing::warn!(
                target: "credswap::kafka",
                topic = %self.topic,
                suppressed,
                "received a record that is not a known rotation event; refreshing, in case it is one"
            );
        }
        while self.planned.try_join_next().is_some() {}
        if !self.planned.is_empty() {
            return;
        }
        let at = self.next.max(now);
        self.next = at + REFRESH_PERIOD;
        if at == now {
            self.requester.request(Reason::CatchUp);
        } else {
            let requester = self.requester.clone();
            self.planned.spawn(async move {
                sleep_until(at).await;
                requester.request(Reason::CatchUp);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::trigger::{RefreshRequests, channel};

    fn start() -> (Unrecognized, RefreshRequests) {
        let (requester, requests) = channel();
        (Unrecognized::new("t".into(), requester), requests)
    }

    /// Returns how long it takes until a refresh is requested.
    async fn requested(requests: &mut RefreshRequests) -> Duration {
        let begun = Instant::now();
        let request = timeout(10 * REFRESH_PERIOD, requests.next())
            .await
            .expect("requested");
        assert!(request.has(Reason::CatchUp));
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_leads_to_a_refresh_after_it() {
        let (mut unrecognized, mut requests) = start();
        unrecognized.note();
        assert_eq!(requested(&mut requests).await, Duration::ZERO);
        sleep(REFRESH_PERIOD / 3).await;
        unrecognized.note();
        assert_eq!(requested(&mut requests).await, REFRESH_PERIOD * 2 / 3);
        sleep(REFRESH_PERIOD).await;
        unrecognized.note();
        assert_eq!(requested(&mut requests).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_costs_one_refresh_a_period() {
        let (mut unrecognized, mut requests) = start();
        let mut count = 0;
        let end = Instant::now() + 10 * REFRESH_PERIOD;
        while Instant::now() < end {
            unrecognized.note();
            sleep(REFRESH_PERIOD / 10).await;
            count += u32::from(requests.take().is_some());
        }
        assert!((9..=11).contains(&count), "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_trigger_requests_nothing() {
        let (mut unrecognized, mut requests) = start();
        unrecognized.note();
        unrecognized.note();
        requested(&mut requests).await;
        unrecognized.note();
        drop(unrecognized);
        timeout(10 * REFRESH_PERIOD, requests.next())
            .await
            .expect_err("the plan is dropped, too");
    }
}
