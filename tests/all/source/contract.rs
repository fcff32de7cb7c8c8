//! What sources promise. Those that read run [`keeps`] against an authority that the test controls, those that mint
//! [`keeps_minting`].

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
    let reasons = [
        Reason::Interval,
        Reason::Event,
        Reason::Rejected,
        Reason::Manual,
    ];
    is_stable(&source, &first, &reasons).await;

    // It leaves the source as it was.
    drops_a_fetch_at_any_point(&source, &any).await;

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
        fails_for_now(&source, &any, kind).await;
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

/// Where a source mints.
pub(super) trait Mint {
    /// Returns the versions that work, oldest first.
    fn alive(&self) -> Vec<String>;

    /// Lets the next fetches that mint fail for a reason that passes. Returns the kind of error that they give.
    fn fail(&mut self) -> ErrorKind;

    /// Lets fetches succeed again.
    fn recover(&mut self);

    /// Lets the next fetch that mints fail because there is nothing to mint from. Returns the kind of error that it gives.
    fn remove(&mut self) -> ErrorKind;
}

/// Fails unless `source`, which mints, keeps the contract: what [`keeps`] demands, but for another secret there must be a
/// reason, and each is given back. `hidden` is in all of its materials.
pub(super) async fn keeps_minting(
    source: impl Source + Debug,
    mut authority: impl Mint,
    hidden: &str,
) {
    let shown = format!("{source:?}");
    let source = BoxSource::new(source);
    let any = FetchRequest::new(Reason::Start);

    // What is minted for a fetch that was dropped is not lost.
    drops_a_fetch_at_any_point(&source, &any).await;
    let first = fetch(&source, &any).await.expect("it is minted");
    assert_eq!(authority.alive(), [first.version().as_str()]);

    // The version is stable, and has the material with it.
    let reasons = [Reason::Interval, Reason::Manual, Reason::Signal];
    is_stable(&source, &first, &reasons).await;
    let no_reason = FetchRequest::new(Reason::Interval).live(first.version().clone());
    let again = fetch(&source, &no_reason).await.expect("it is there");
    assert_eq!(text(&again), text(&first));
    drops_a_fetch_at_any_point(&source, &no_reason).await;
    assert_eq!(authority.alive(), [first.version().as_str()]);

    // For a reason there is another version with another material. The one before works until it has drained.
    let rejected = FetchRequest::new(Reason::Rejected).live(first.version().clone());
    let second = fetch(&source, &rejected).await.expect("it is minted");
    assert_ne!(second.version(), first.version());
    assert_ne!(text(&second), text(&first));
    assert_eq!(authority.alive().len(), 2);
    source.drained(first.version()).await;
    assert_eq!(authority.alive(), [second.version().as_str()]);

    // What did not go live is given back, and not returned again.
    source.discarded(second.version()).await;
    assert!(authority.alive().is_empty());
    let third = fetch(&source, &any).await.expect("it is minted");
    assert_ne!(third.version(), second.version());

    // What an event expects is a hint: a version that does not exist is no error.
    let misled = FetchRequest::new(Reason::Event).live(third.version().clone());
    let misled = misled.expected("no such version");
    fetch(&source, &misled).await.expect("it is minted");

    // It fails, and works again.
    let fourth = fetch(&source, &misled).await.expect("the one that waits");
    let rejected = FetchRequest::new(Reason::Rejected).live(fourth.version().clone());
    let kind = authority.fail();
    fails_for_now(&source, &rejected, kind).await;
    authority.recover();
    let kind = authority.remove();
    let error = fetch(&source, &rejected).await.expect_err("it is gone");
    assert_eq!(error.kind(), kind, "{error}");
    let fifth = fetch(&source, &rejected).await.expect("it works again");
    assert_ne!(fifth.version(), fourth.version());

    // At the end, everything is given back.
    assert_eq!(authority.alive().len(), 3);
    source.shutdown().await;
    assert!(authority.alive().is_empty());
    assert!(text(&first).contains(hidden) && text(&fifth).contains(hidden));
    let shown = format!("{shown} {first:?} {fifth:?} {error:?}");
    assert!(!shown.contains(hidden), "{shown}");
}

async fn is_stable(source: &BoxSource, live: &Secret, reasons: &[Reason]) {
    for reason in reasons.iter().copied() {
        let request = FetchRequest::new(reason).live(live.version().clone());
        let again = fetch(source, &request).await.expect("it is still there");
        assert_eq!(again.version(), live.version(), "{reason}");
    }
}

async fn drops_a_fetch_at_any_point(source: &BoxSource, request: &FetchRequest) {
    for polls in 0..4 {
        let mut fetching = Box::pin(source.fetch(request));
        for _ in 0..polls {
            if futures::poll!(&mut fetching).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn fails_for_now(source: &BoxSource, request: &FetchRequest, kind: ErrorKind) {
    let error = fetch(source, request).await.expect_err("it fails");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.is_retryable(), "{error}");
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
