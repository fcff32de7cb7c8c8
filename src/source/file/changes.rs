//! Requests a refresh when a file has changed.

use std::borrow::Cow;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::File;
use crate::trigger::{Health, Reason, RefreshRequester, Trigger};

/// How much the period varies, in both directions.
const JITTER: f64 = 0.2;

/// Requests a refresh when the content of a [`File`] has changed. See [`File::changes`].
///
/// It reads the content each time, because neither times nor events tell of every change on every file system (NFS, EFS,
/// overlays). A file that cannot be read counts as changed when it can be read again.
#[derive(Debug, Clone)]
pub struct FileChanges {
    file: File,
    period: Duration,
}

impl FileChanges {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            period: Duration::from_secs(2),
        }
    }

    /// Sets how often the content is read. Default 2 seconds; less than 10 milliseconds count as 10.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.period = period.max(Duration::from_millis(10));
        self
    }
}

impl Trigger for FileChanges {
    async fn run(self, requester: RefreshRequester) {
        let mut rng = Rng::new();
        let mut before = None;
        requester.set_health(Health::Listening);
        // What changed between the first fetch and the first read here would go unnoticed otherwise.
        requester.request(Reason::CatchUp);
        loop {
            let now = self
                .file
                .read()
                .await
                .map(|content| self.file.fingerprint(&content))
                .ok();
            if before.is_some_and(|before| now.is_some() && before != now) {
                requester.request(Reason::CatchUp);
            }
            before = Some(now);
            let factor = 1.0 + JITTER * (2.0 * rng.f64() - 1.0);
            sleep(self.period.mul_f64(factor)).await;
        }
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("file")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::{Instant, timeout};

    use super::super::tests::Fixture;
    use super::*;
    use crate::trigger::{RefreshRequests, channel};

    async fn requested(requests: &mut RefreshRequests) -> Duration {
        let begun = Instant::now();
        let request = timeout(Duration::from_secs(60), requests.next());
        assert!(request.await.expect("a request").has(Reason::CatchUp));
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_noticed_within_the_period() {
        let fixture = Fixture::new();
        let file = File::new(fixture.write("key", "one"));
        let (requester, mut requests) = channel();
        let task = tokio::spawn(file.changes().every(Duration::from_secs(10)).run(requester));
        requested(&mut requests).await;
        for content in ["two", "six", "one"] {
            sleep(Duration::from_secs(100)).await;
            assert_eq!(requests.take(), None, "nothing has changed");
            fixture.rename("key", content);
            let took = requested(&mut requests).await;
            assert!(took <= Duration::from_secs(12), "{took:?}");
        }
        fs::remove_file(fixture.path("key")).expect("removed");
        sleep(Duration::from_secs(100)).await;
        assert_eq!(requests.take(), None, "there is nothing to fetch");
        fixture.write("key", "new");
        requested(&mut requests).await;
        task.abort();
    }
}
