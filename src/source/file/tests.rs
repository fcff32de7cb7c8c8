use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::time::Instant;

use super::*;

pub(super) struct Fixture {
    directory: TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { directory }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).expect("written");
        self.path(name)
    }

    /// Replaces a file as a whole.
    pub(super) fn rename(&self, name: &str, content: &str) {
        let new = self.write("new", content);
        fs::rename(new, self.path(name)).expect("renamed");
    }
}

async fn fetch(file: &File) -> Result<Secret, Error> {
    file.fetch(&FetchRequest::default()).await
}

async fn text(file: &File) -> String {
    let secret = fetch(file).await.expect("fetched");
    secret.expose_str().expect("text").to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_version_follows_the_content() {
    let fixture = Fixture::new();
    let file = File::new(fixture.write("key", "one"));
    let first = fetch(&file).await.expect("fetched");
    assert_eq!(first.expose(), b"one");
    assert!(first.created().is_some());
    assert_eq!(
        fetch(&file).await.expect("fetched").version(),
        first.version()
    );
    fixture.rename("key", "two");
    let second = fetch(&file).await.expect("fetched");
    assert_ne!(second.version(), first.version());
    fixture.rename("key", "one");
    assert_eq!(
        fetch(&file).await.expect("fetched").version(),
        first.version()
    );

    let elsewhere = fetch(&File::new(fixture.path("key")))
        .await
        .expect("fetched");
    assert_ne!(
        elsewhere.version(),
        first.version(),
        "it tells nothing about the content"
    );
    let named = File::new(fixture.path("key"))
        .versioned_by(|content| Some(format!("length {}", content.len()).into()));
    assert_eq!(
        fetch(&named).await.expect("fetched").version().as_str(),
        "length 3"
    );
}

#[tokio::test(start_paused = true)]
async fn a_content_that_is_live_is_returned_at_once_and_a_new_one_when_it_settled() {
    let fixture = Fixture::new();
    let file = File::new(fixture.write("key", "one")).settle(Duration::from_secs(3));
    let begun = Instant::now();
    let first = fetch(&file).await.expect("fetched");
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    let request = FetchRequest::default().live(first.version().clone());
    file.fetch(&request).await.expect("fetched");
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_not_returned() {
    let fixture = Fixture::new();
    let path = fixture.write("key", "ha");
    let file = File::new(&path);
    let writer = tokio::spawn(async move {
        for content in ["half", "half of", "half of it"] {
            sleep(Duration::from_millis(70)).await;
            fs::write(&path, content).expect("written");
        }
    });
    assert_eq!(text(&file).await, "half of it");
    writer.await.expect("it writes");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_always_changes_is_unavailable() {
    let fixture = Fixture::new();
    let path = fixture.write("key", "0");
    let file = File::new(&path);
    let writer = tokio::spawn(async move {
        for number in 1.. {
            sleep(Duration::from_millis(70)).await;
            fs::write(&path, format!("{number}")).expect("written");
        }
    });
    let error = fetch(&file).await.expect_err("it never settles");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    writer.abort();
}

#[tokio::test(start_paused = true)]
async fn each_fault_says_what_to_change() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    let pair = fixture.path("pair");
    fs::create_dir(&pair).expect("a directory");
    fs::write(pair.join("binary"), b"\xff").expect("written");
    let empty = fixture.path("nothing");
    fs::create_dir_all(empty.join("inner")).expect("a directory");
    for (file, kind, part) in [
        (
            File::new(fixture.path("absent")),
            ErrorKind::NotFound,
            "does not exist",
        ),
        (
            File::directory(fixture.path("absent")),
            ErrorKind::NotFound,
            "does not exist",
        ),
        (
            File::new(fixture.write("empty", "")),
            ErrorKind::Unavailable,
            "is empty",
        ),
        (
            File::new(fixture.write("blank", " \n\n")),
            ErrorKind::Unavailable,
            "is empty",
        ),
        (File::directory(&empty), ErrorKind::Unavailable, "is empty"),
        (
            File::new(directory),
            ErrorKind::Config,
            "use `File::directory`",
        ),
        (
            File::directory(fixture.write("file", "x")),
            ErrorKind::Config,
            "use `File::new`",
        ),
        (
            File::new(fixture.write("large", vec![b'x'; (1 << 20) + 1])),
            ErrorKind::Malformed,
            "larger than",
        ),
        (
            File::directory(&pair),
            ErrorKind::Malformed,
            "file `binary` is not UTF-8",
        ),
    ] {
        let error = fetch(&file).await.expect_err(part);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let largest = File::new(fixture.write("large", vec![b'x'; 1 << 20]));
    assert_eq!(text(&largest).await.len(), 1 << 20);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_device_is_not_read_and_a_link_is_followed() {
    let fixture = Fixture::new();
    let error = fetch(&File::new("/dev/zero"))
        .await
        .expect_err("it has no end");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    std::os::unix::fs::symlink(fixture.write("key", "one"), fixture.path("link")).expect("linked");
    assert_eq!(text(&File::new(fixture.path("link"))).await, "one");
}

#[cfg(unix)]
#[test]
fn a_file_that_everyone_may_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Fixture::new();
    let path = fixture.write("key", "one");
    for (mode, expected) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let content = Place::File(path.clone()).read().expect("read");
        assert_eq!(content.readable_by_all.is_some(), expected, "{mode:o}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_is_one_object() {
    let fixture = Fixture::new();
    let directory = fixture.directory.path();
    fixture.write("username", "app\n");
    fixture.write("password", "pass\"word\r\n");
    fixture.write("two lines", "a\nb");
    fixture.write(".hidden", "x");
    fs::create_dir(fixture.path("inner")).expect("a directory");
    let json = text(&File::directory(directory)).await;
    assert_eq!(
        json,
        r#"{"password":"pass\"word","two lines":"a\nb","username":"app"}"#
    );
}

/// Replaces a mounted `Secret` as the kubelet does.
#[cfg(unix)]
pub(super) fn kubernetes_swap(mount: &Path, generation: u32) {
    use std::os::unix::fs::symlink;

    let data = format!("..data_{generation}");
    let directory = mount.join(&data);
    fs::create_dir(&directory).expect("a directory");
    for name in ["id", "secret"] {
        fs::write(directory.join(name), format!("{generation}")).expect("written");
        if generation == 0 {
            symlink(format!("..data/{name}"), mount.join(name)).expect("linked");
        }
    }
    symlink(&data, mount.join("..data_tmp")).expect("linked");
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("renamed");
    if let Some(before) = generation.checked_sub(1) {
        fs::remove_dir_all(mount.join(format!("..data_{before}"))).expect("removed");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_one_kubernetes_secret_always_belong_together() {
    let fixture = Fixture::new();
    let mount = fixture.directory.path().to_owned();
    kubernetes_swap(&mount, 0);
    let place = Place::Directory(mount.clone());
    let swaps = std::thread::spawn(move || {
        for generation in 1..=300 {
            kubernetes_swap(&mount, generation);
        }
    });
    let mut read = 0;
    while !swaps.is_finished() || read == 0 {
        match place.read() {
            Ok(content) => {
                let json = std::str::from_utf8(&content.bytes)
                    .expect("text")
                    .to_owned();
                let parts: Vec<_> = json.split('"').collect();
                assert_eq!(parts[3], parts[7], "{json}");
                read += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
    }
    swaps.join().expect("it swaps");
    assert!(place.read().is_ok());
}

#[test]
fn debug_shows_the_place() {
    let shown = format!("{:?}", File::new("/run/secrets/key").changes());
    assert!(shown.contains("/run/secrets/key"), "{shown}");
}
