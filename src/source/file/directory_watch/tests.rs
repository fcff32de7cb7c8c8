//! On real time where events are waited for: they come from another thread.

use std::fs;
use std::path::PathBuf;

use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind, RenameMode};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::super::File;
use super::super::tests::Fixture;
#[cfg(unix)]
use super::super::tests::kubernetes_swap;
use super::*;
use crate::trigger::{RefreshRequests, Trigger, channel};

const HOUR: Duration = Duration::from_secs(3600);

/// The trigger of a file, which reads every hour, or when something happens.
struct Listening {
    requests: RefreshRequests,
    task: JoinHandle<()>,
}

impl Listening {
    /// Returns when the file is watched, and was read for the first time.
    async fn to(file: &File) -> Self {
        let (requester, mut requests) = channel();
        let task = tokio::spawn(file.changes().every(HOUR).with_events().run(requester));
        requests.next().await;
        Self { requests, task }
    }

    async fn requested(&mut self, what: &str) {
        let request = timeout(Duration::from_secs(20), self.requests.next()).await;
        request.unwrap_or_else(|_| panic!("{what} was not noticed"));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_change_is_noticed_long_before_the_next_read() {
    let fixture = Fixture::new();
    let file = File::new(fixture.write("key", "one"));
    let mut listening = Listening::to(&file).await;
    fixture.rename("key", "two");
    listening.requested("a rename, as of an editor").await;
    fixture.write("key", "six");
    listening.requested("a write in place").await;
    fs::remove_file(fixture.path("key")).expect("removed");
    fixture.write("key", "new");
    listening.requested("a file that is made again").await;
}

#[tokio::test]
async fn a_change_in_a_directory_of_fields_is_noticed() {
    let fixture = Fixture::new();
    let path = fixture.write("username", "app");
    let file = File::directory(path.parent().expect("its directory"));
    let mut listening = Listening::to(&file).await;
    fixture.write("password", "pass");
    listening.requested("another field").await;
    fixture.rename("username", "app_clone");
    listening.requested("another value").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_swap_by_kubernetes_is_noticed() {
    let fixture = Fixture::new();
    let mount = fixture.path("mount");
    fs::create_dir(&mount).expect("a directory");
    kubernetes_swap(&mount, 0);
    let mut of_file = Listening::to(&File::new(mount.join("id"))).await;
    let mut of_directory = Listening::to(&File::directory(&mount)).await;
    for generation in 1..=3 {
        kubernetes_swap(&mount, generation);
        of_file.requested("a swap").await;
        of_directory.requested("a swap").await;
    }
}

#[tokio::test]
async fn a_directory_that_is_made_again_is_watched_again() {
    let fixture = Fixture::new();
    let directory = fixture.path("inner");
    fs::create_dir(&directory).expect("a directory");
    let path = directory.join("key");
    fs::write(&path, "one").expect("written");
    let mut listening = Listening::to(&File::new(&path)).await;
    for content in ["two", "six"] {
        fs::remove_dir_all(&directory).expect("removed");
        fs::create_dir(&directory).expect("a directory");
        fs::write(&path, content).expect("written");
        listening.requested("a directory that was made again").await;
    }
    let begun = Instant::now();
    fs::write(&path, "new").expect("written");
    listening.requested("a change in it").await;
    assert!(begun.elapsed() < HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_watched_is_read_as_by_default() {
    let fixture = Fixture::new();
    let file = File::new(fixture.path("missing/key"));
    let (requester, mut requests) = channel();
    let task = tokio::spawn(file.changes().every(HOUR).with_events().run(requester));
    requests.next().await;
    let begun = Instant::now();
    fs::create_dir(fixture.path("missing")).expect("a directory");
    fixture.write("missing/key", "one");
    requests.next().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "and not an hour");
    task.abort();
}

#[tokio::test]
async fn it_is_tried_again_after_a_failure() {
    let fixture = Fixture::new();
    let directory = fixture.path("inner");
    let mut watch = DirectoryWatch::new(&directory);
    assert!(!watch.renew().await && watch.has_warned);
    fs::create_dir(&directory).expect("a directory");
    assert!(watch.renew().await);
    fs::write(directory.join("key"), "one").expect("written");
    let changed = timeout(Duration::from_secs(20), watch.changed()).await;
    changed.expect("it is watched");

    let signal = |watch: &DirectoryWatch| {
        let watched = watch.watched.as_ref().expect("watched");
        Arc::clone(&watched.signal)
    };
    let before = signal(&watch);
    assert!(watch.renew().await);
    assert!(
        Arc::ptr_eq(&before, &signal(&watch)),
        "nothing has happened"
    );
    fs::rename(&directory, fixture.path("other")).expect("renamed");
    fs::create_dir(&directory).expect("a directory");
    assert!(watch.renew().await);
    assert!(!Arc::ptr_eq(&before, &signal(&watch)), "it is another one");
}

#[tokio::test]
async fn a_panic_of_the_watcher_is_a_failure() {
    let fixture = Fixture::new();
    let directory = fixture.write("key", "one");
    let mut watch = DirectoryWatch::beginning_with(&directory, |_| panic!("as the test asked"));
    assert!(!watch.renew().await);
    let waited = timeout(Duration::from_millis(10), watch.changed()).await;
    waited.expect_err("nothing is watched");
}

#[tokio::test]
async fn the_watcher_ends_with_the_trigger() {
    let fixture = Fixture::new();
    let path = fixture.write("key", "one");
    let mut watch = DirectoryWatch::new(path.parent().expect("its directory"));
    assert!(watch.renew().await);
    let signal = Arc::downgrade(&watch.watched.as_ref().expect("watched").signal);
    drop(watch);
    let deadline = Instant::now() + Duration::from_secs(20);
    // Its thread has a share of the signal as long as it runs.
    while signal.upgrade().is_some() {
        assert!(Instant::now() < deadline, "the watcher lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Elsewhere, what happened just before the watch may be told as well.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn reading_is_not_a_change() {
    let fixture = Fixture::new();
    let path = fixture.write("key", "one");
    let directory = path.parent().expect("its directory").to_owned();
    let mut watch = DirectoryWatch::new(&directory);
    assert!(watch.renew().await);
    for _ in 0..3 {
        fs::read(&path).expect("read");
        fs::read_dir(&directory).expect("read").count();
    }
    let waited = timeout(Duration::from_millis(300), watch.changed()).await;
    waited.expect_err("nothing has changed");
}

#[test]
fn events_that_tell_of_no_change_are_left_out() {
    for (kind, expected) in [
        (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
        (EventKind::Access(AccessKind::Read), false),
        (
            EventKind::Access(AccessKind::Close(AccessMode::Read)),
            false,
        ),
        (
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            true,
        ),
        (EventKind::Create(CreateKind::File), true),
        (EventKind::Modify(ModifyKind::Data(DataChange::Any)), true),
        (
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            true,
        ),
        (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
        (EventKind::Remove(RemoveKind::File), true),
        (EventKind::Other, true),
        (EventKind::Any, true),
    ] {
        assert_eq!(is_change(kind), expected, "{kind:?}");
    }
}

#[test]
fn the_end_of_the_watch_is_noticed() {
    let directory = PathBuf::from("/run/secrets");
    let lost = |event: notify::Result<Event>| {
        let signal = Arc::<Signal>::default();
        let mut handler = Handler {
            directory: directory.clone(),
            signal: Arc::clone(&signal),
        };
        handler.handle_event(event);
        signal.is_lost.load(Ordering::Acquire)
    };
    let removed = || Event::new(EventKind::Remove(RemoveKind::Any));
    let renamed = || Event::new(EventKind::Modify(ModifyKind::Name(RenameMode::From)));
    assert!(lost(Ok(removed().add_path(directory.clone()))));
    assert!(lost(Ok(renamed().add_path(directory.clone()))));
    assert!(lost(Err(notify::Error::generic("no more"))));
    assert!(!lost(Ok(removed().add_path(directory.join("key")))));
    assert!(!lost(Ok(
        Event::new(EventKind::Other).set_flag(Flag::Rescan)
    )));
}

#[test]
fn a_limit_is_named() {
    let of_instances = io::Error::from_raw_os_error(24);
    for (error, part) in [
        (
            notify::Error::new(notify::ErrorKind::MaxFilesWatch),
            "max_user_watches",
        ),
        (notify::Error::io(of_instances), "max_user_instances"),
        (notify::Error::path_not_found(), "does not exist"),
    ] {
        let reason = reason(&error);
        assert!(reason.contains(part), "{reason}");
    }
}
