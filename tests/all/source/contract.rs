//! What sources promise. Those in `sources.rs` and `s3_object.rs` run [`keeps`] against an authority that the test controls.

use std::fmt::Debug;

use credswap::source::{BoxSource, FetchRequest, Source};
use credswap::trigger::Reason;
use credswap::{Error, ErrorKind, Secret};

/// Where a source fetches from.
pub(super) trait Authority {
    /// Makes `material` the current one.
    fn rotate(&mut self, material: &str);

    /// Removes the secret, until the next rotation. Returns the kind of error that a fetch gives then.
    fn remove(&mut self) -> ErrorKind;

    /// Lets fetches fail for a reason that passes, until the next rotation. Returns the kind of error that they give;
    /// `None` if such failures cannot be made.
    fn fail(&mut self) -> Option<ErrorKind>;
}

/// Fails unless `source` keeps the contract. Its materials are texts that `materials` makes of a mark.
pub(super) async fn keeps(
    source: impl Source + Debug,
    mut authority: impl Authority,
    materials: fn(&str) -> String,
) {
    let shown = format!("{source:?}");
    let source = BoxSource::new(source);
    let any = FetchRequest::new(Reason::Start);

    // The version is stable, and has the material with it.
    authority.rotate(&materials("hunter1"));
    let first = fetch(&source, &any).await.expect("there is a secret");
    assert_eq!(text(&first), materials("hunter1"));
    for reason in [
        Reason::Interval,
        Reason::Event,
        Reason::Rejected,
        Reason::Manual,
    ] {
        let request = FetchRequest::new(reason).live(first.version().clone());
        let again = fetch(&source, &request).await.expect("it is still there");
        assert_eq!(again.version(), first.version(), "{reason}");
    }

    // A fetch that is dropped at any point leaves the source as it was.
    for polls in 0..4 {
        let mut fetching = Box::pin(source.fetch(&any));
        for _ in 0..polls {
            if futures::poll!(&mut fetching).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    // Another material is another version, whatever became of the one before.
    authority.rotate(&materials("hunter2"));
    let expecting = FetchRequest::new(Reason::Event).live(first.version().clone());
    let second = fetch(&source, &expecting).await.expect("there is a secret");
    assert_ne!(second.version(), first.version());
    assert_eq!(text(&second), materials("hunter2"));
    source.drained(first.version()).await;
    source.discarded(second.version()).await;
    let again = fetch(&source, &any).await.expect("there is a secret");
    assert_eq!(text(&again), materials("hunter2"));

    // What an event expects is a hint: a version that does not exist is no error.
    let misled = FetchRequest::new(Reason::Event).expected("no such version");
    let again = fetch(&source, &misled).await.expect("there is a secret");
    assert_eq!(text(&again), materials("hunter2"));

    // It fails, and works again.
    if let Some(kind) = authority.fail() {
        let error = fetch(&source, &any).await.expect_err("it fails");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.is_retryable(), "{error}");
        authority.rotate(&materials("hunter3"));
        fetch(&source, &any).await.expect("it works again");
    }
    let kind = authority.remove();
    let error = fetch(&source, &any).await.expect_err("it is gone");
    assert_eq!(error.kind(), kind, "{error}");
    authority.rotate(&materials("hunter4"));
    let last = fetch(&source, &any).await.expect("it is there again");
    assert_eq!(text(&last), materials("hunter4"));

    source.shutdown().await;
    assert!(!shown.contains("hunter"), "{shown}");
}

async fn fetch(source: &BoxSource, request: &FetchRequest) -> Result<Secret, Error> {
    let fetched = source.fetch(request).await;
    let shown = format!("{fetched:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    fetched
}

fn text(secret: &Secret) -> String {
    secret.expose_str().expect("text").to_owned()
}
