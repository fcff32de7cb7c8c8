//! Requests a refresh when a file has changed.

use std::borrow::Cow;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::File;
#[cfg(feature = "file-notify")]
use super::directory_watch::DirectoryWatch;
use crate::trigger::{Health, Reason, RefreshRequester, Trigger};
use crate::util::deadline::FOREVER;

/// How often the content is read, if nothing else is set.
const PERIOD: Duration = Duration::from_secs(2);
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
    #[cfg(feature = "file-notify")]
    with_events: bool,
}

impl FileChanges {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            period: PERIOD,
            #[cfg(feature = "file-notify")]
            with_events: false,
        }
    }

    /// Sets how often the content is read. Default 2 seconds; less than 10 milliseconds count as 10.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.period = period.clamp(Duration::from_millis(10), FOREVER);
        self
    }

    /// Also reads the content when the operating system tells of a change in the file's directory (inotify on Linux, FSEvents on
    /// macOS): a tenth of a second later, instead of up to [`FileChanges::every`], which may be longer then.
    ///
    /// It is a shortcut, and periodic reading goes on. There are no events, or not all of them
    /// - on network file systems, for what other machines change: NFS, EFS, SMB; on FUSE and on what virtual machines and
    ///   containers share with their host (9p, virtiofs, Docker Desktop, `/mnt/c` of WSL);
    /// - for a change in a lower layer of an overlay, and for one in place to a file that is a symbolic link into another
    ///   directory. Kubernetes' mounts are watched well: what changes is a link in the directory itself;
    /// - when a directory further up is replaced.
    ///
    /// A directory that cannot be watched (it does not exist, it is not readable, or a limit is reached:
    /// `fs.inotify.max_user_watches`, `max_user_instances`) is logged as one warning. It is tried again before each read, and
    /// until it works the content is read every 2 seconds, or more often if the period is shorter. Off by default.
    #[cfg(feature = "file-notify")]
    #[cfg_attr(docsrs, doc(cfg(feature = "file-notify")))]
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.with_events = true;
        self
    }
}

/// When the content is read next.
struct Pauses {
    period: Duration,
    rng: Rng,
    #[cfg(feature = "file-notify")]
    watch: Option<DirectoryWatch>,
}

impl Pauses {
    fn of(changes: &FileChanges) -> Self {
        Self {
            period: changes.period,
            rng: Rng::new(),
            #[cfg(feature = "file-notify")]
            watch: changes
                .with_events
                .then(|| DirectoryWatch::new(changes.file.place.directory())),
        }
    }

    /// Prepares the pause after a read, before that read: what happens in between ends the pause.
    #[cfg(feature = "file-notify")]
    async fn prepare(&mut self, changes: &FileChanges) {
        if let Some(watch) = &mut self.watch {
            self.period = match watch.renew().await {
                true => changes.period,
                false => changes.period.min(PERIOD),
            };
        }
    }

    #[cfg(not(feature = "file-notify"))]
    async fn prepare(&mut self, _: &FileChanges) {}

    #[cfg_attr(not(feature = "file-notify"), expect(unused_variables))]
    async fn pause(&mut self, has_failed: bool) {
        let factor = 1.0 + JITTER * (2.0 * self.rng.f64() - 1.0);
        let pause = |period: Duration| sleep(period.mul_f64(factor));
        #[cfg(feature = "file-notify")]
        if let Some(watch) = &self.watch {
            // A read that failed may have been that of the last event.
            let pause = pause(match has_failed {
                true => self.period.min(PERIOD),
                false => self.period,
            });
            return tokio::select! {
                () = pause => {}
                () = watch.changed() => {}
            };
        }
        pause(self.period).await;
    }
}

impl Trigger for FileChanges {
    async fn run(self, requester: RefreshRequester) {
        let mut pauses = Pauses::of(&self);
        let mut before = None;
        requester.set_health(Health::Listening);
        loop {
            pauses.prepare(&self).await;
            let now = self
                .file
                .read()
                .await
                .map(|content| self.file.fingerprint(&content))
                .ok();
            // After the first read in any case: what changed between the first fetch and that read would go unnoticed otherwise.
            if before.is_none_or(|before| now.is_some() && before != now) {
                requester.request(Reason::CatchUp);
            }
            before = Some(now);
            pauses.pause(now.is_none()).await;
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
