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
