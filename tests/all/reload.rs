//! The loop: what is published, when it looks, and what it says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::connect::{Connect, Verdict};
use credswap::hot::{Hold, Lease};
use credswap::reload::{Bounds, Builder, Notice, OnForbidden, Outcome};
use credswap::source::Source;
use credswap::trigger::{Health, Interval, Looks, Reason};
use credswap::{Error, ErrorKind, Reloader, Secret, VersionId};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A source whose answers the test writes. The last answer stays.
#[derive(Clone, Default)]
struct Scripted(Arc<Inner>);

#[derive(Default)]
struct Inner {
    answers: Mutex<VecDeque<Result<&'static str, ErrorKind>>>,
    fetches: AtomicUsize,
    running: AtomicUsize,
    delay: Mutex<Duration>,
    drained: Mutex<Vec<VersionId>>,
}

impl Scripted {
    fn at(version: &'static str) -> Self {
        let source = Self::default();
        source.next(Ok(version));
        source
    }

    /// Adds an answer, which is given once, unless it stays the last.
    fn next(&self, answer: Result<&'static str, ErrorKind>) -> &Self {
        self.0.answers.lock().unwrap().push_back(answer);
        self
    }

    /// Replaces all answers.
    fn now(&self, answer: Result<&'static str, ErrorKind>) {
        let mut answers = self.0.answers.lock().unwrap();
        answers.clear();
        answers.push_back(answer);
    }

    fn takes(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

impl Source for Scripted {
    async fn fetch(&self) -> Result<Secret, Error> {
        assert_eq!(
            self.0.running.fetch_add(1, Ordering::SeqCst),
            0,
            "two fetches at once"
        );
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let answer = {
            let mut answers = self.0.answers.lock().unwrap();
            if answers.len() > 1 {
                answers.pop_front().unwrap()
            } else {
                *answers.front().expect("scripted")
            }
        };
        let delay = *self.0.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        answer
            .map(|version| Secret::new(format!("material of {version}"), version))
            .map_err(|kind| Error::new(kind, "scripted failure"))
    }

    async fn drained(&self, version: &VersionId) {
        self.0.drained.lock().unwrap().push(version.clone());
    }
}

/// Connects to the material as text; the test writes the verdicts.
#[derive(Clone, Default)]
struct Text {
    verdicts: Arc<Mutex<VecDeque<Verdict>>>,
    checks: Arc<AtomicUsize>,
}

impl Text {
    fn says(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        self.verdicts.lock().unwrap().extend(verdicts);
    }
}

impl Connect for Text {
    type Value = String;

    async fn connect(&self, secret: &Secret, _hold: &Hold) -> Result<String, Error> {
        Ok(secret.expose_str()?.to_owned())
    }

    async fn check(&self, _value: &String) -> Verdict {
        self.checks.fetch_add(1, Ordering::SeqCst);
        self.verdicts
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Verdict::Good)
    }
}

/// A trigger in the test's hand.
struct Hand(Looks);

impl Hand {
    fn attach<S: Source, C: Connect>(
        builder: Builder<S, C>,
    ) -> (Builder<S, C>, impl Future<Output = Hand>) {
        let (give, mut take) = mpsc::unbounded_channel();
        let builder = builder.trigger(move |looks: Looks| async move {
            looks.health(Health::Listening);
            give.send(looks).expect("the test waits for it");
            std::future::pending().await
        });
        (
            builder,
            async move { Hand(take.recv().await.expect("started")) },
        )
    }

    fn look(&self, reason: Reason) {
        self.0.look(reason);
    }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "scripted verdict")
}

async fn started(source: &Scripted, text: &Text) -> (Reloader<String>, Hand) {
    let (builder, hand) = Hand::attach(Reloader::builder(source.clone(), text.clone()).seed(1));
    let reloader = builder.start().await.expect("starts");
    (reloader, hand.await)
}

/// Waits until the live version is `version`, in at most `within` of paused time.
async fn live(reloader: &Reloader<String>, version: &str, within: Duration) {
    let mut status = reloader.watch_status();
    timeout(
        within,
        status.wait_for(|status| status.version.as_str() == version),
    )
    .await
    .unwrap_or_else(|_| panic!("{version} is not live after {within:?}"))
    .expect("running");
}

/// Lets all tasks run that can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

const SOON: Duration = Duration::from_millis(50);

// --- start -----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn start_returns_when_a_checked_value_is_live() {
    let text = Text::default();
    let reloader = Reloader::builder(Scripted::at("v1"), text.clone())
        .start()
        .await
        .expect("starts");
    assert_eq!(*reloader.lease(), "material of v1");
    assert_eq!(text.checks.load(Ordering::SeqCst), 1);
    let status = reloader.status();
    assert_eq!((status.version.as_str(), status.generation), ("v1", 1));
    assert!(status.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn start_fails_with_the_sources_error_and_leaves_nothing_running() {
    let source = Scripted::default();
    source.next(Err(ErrorKind::PermissionDenied));
    let (builder, hand) = Hand::attach(Reloader::builder(source.clone(), Text::default()));
    let error = builder.start().await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    drop(hand);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(source.fetches(), 1, "something still runs");
}

#[tokio::test(start_paused = true)]
async fn start_waits_for_a_key_that_is_not_propagated_yet_and_gives_up_after_the_bound() {
    let text = Text::default();
    text.says((0..3).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    Reloader::builder(Scripted::at("v1"), text)
        .start()
        .await
        .expect("propagated at last");

    let text = Text::default();
    text.says((0..1000).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    let begun = Instant::now();
    let failure = Reloader::builder(Scripted::at("v1"), text)
        .start()
        .await
        .expect_err("never");
    assert_eq!(failure.kind(), ErrorKind::NotPropagated);
    let took = begun.elapsed();
    assert!((120..130).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_never_connects_does_not_hold_up_the_start() {
    let reloader = Reloader::builder(Scripted::at("v1"), Text::default())
        .trigger(|looks: Looks| async move {
            looks.health(Health::deaf("the broker is not there"));
            std::future::pending().await
        })
        .start()
        .await
        .expect("starts without it");
    settle().await;
    let status = reloader.status();
    assert_eq!(
        status.triggers[0].health,
        Health::deaf("the broker is not there")
    );
    assert!(!status.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn an_event_between_the_first_read_and_the_subscription_is_not_lost() {
    let source = Scripted::at("v1");
    let rotated = source.clone();
    // The trigger subscribes only after the first read has been made, and a rotation has passed unheard.
    let reloader = Reloader::builder(source, Text::default())
        .trigger(move |looks: Looks| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            rotated.now(Ok("v2"));
            looks.look(Reason::CatchUp);
            std::future::pending().await
        })
        .start()
        .await
        .expect("starts");
    live(&reloader, "v2", Duration::from_secs(3)).await;
}

// --- what is published (rules 1 and 4) ----------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn an_event_swaps_to_the_new_version_at_once() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let old = reloader.lease();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;
    assert_eq!(*reloader.lease(), "material of v2");
    assert_eq!(*old, "material of v1");
    assert_eq!(Lease::generation(&old), 1);
    assert_eq!(reloader.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_version_is_no_swap_and_no_notice() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let mut notices = reloader.notices();
    let updates = reloader.updates();
    hand.look(Reason::Interval);
    settle().await;
    assert_eq!(
        reloader.reload().await.expect("reads"),
        Outcome::clone(&reloader.reload().await.expect("reads"))
    );
    assert_eq!(reloader.generation(), 1);
    assert_eq!(updates.latest(), 1);
    assert!(notices.try_recv().is_err(), "a notice about nothing");
    assert_eq!(
        text.checks.load(Ordering::SeqCst),
        1,
        "checked again for nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_new_version_never_replaces_a_good_one_and_is_reported() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let mut notices = reloader.notices();
    text.says([Verdict::Bad(error(ErrorKind::Rejected))]);
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    match notices.recv().await.expect("told") {
        Notice::Failed(error) => assert_eq!(error.kind(), ErrorKind::Rejected),
        other => panic!("{other:?}"),
    }
    let status = reloader.status();
    assert_eq!(
        (status.version.as_str(), status.consecutive_failures),
        ("v1", 1)
    );
    assert_eq!(
        status.last_error.expect("kept").error.kind(),
        ErrorKind::Rejected
    );
    assert_eq!(*reloader.lease(), "material of v1");
    // It is looked at again by itself, and taken when it is good.
    live(&reloader, "v2", Duration::from_secs(3)).await;
    assert_eq!(reloader.status().consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_connect_never_replaces_a_good_one() {
    let source = Scripted::at("v1");
    let connect = |secret: Secret| async move {
        match secret.version().as_str() {
            "v1" => Ok(1),
            _ => Err(Error::new(ErrorKind::Malformed, "the field is missing")),
        }
    };
    let reloader = Reloader::builder(source.clone(), connect)
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    let failure = reloader.reload().await.expect_err("malformed");
    assert_eq!(failure.kind(), ErrorKind::Malformed);
    assert_eq!(*reloader.lease(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_propagated_is_waited_for_while_the_old_one_stays() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    text.says((0..8).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*reloader.lease(), "material of v1");
    assert_eq!(
        reloader.status().consecutive_failures,
        0,
        "waiting is no failure"
    );
    live(&reloader, "v2", Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_is_taken_while_an_older_one_waits_for_its_propagation() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    text.says((0..4).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    settle().await;
    text.verdicts.lock().unwrap().clear();
    source.now(Ok("v3"));
    hand.look(Reason::Event);
    live(&reloader, "v3", SOON).await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_never_propagates_is_reported_after_the_bound_and_tried_again() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    text.says((0..60).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    let mut notices = reloader.notices();
    match timeout(Duration::from_secs(130), notices.recv())
        .await
        .expect("bounded")
        .expect("told")
    {
        Notice::Failed(error) => assert_eq!(error.kind(), ErrorKind::NotPropagated),
        other => panic!("{other:?}"),
    }
    live(&reloader, "v2", Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_genuine_key_that_may_not_is_rejected_or_accepted_as_configured() {
    for (policy, expected) in [(OnForbidden::Reject, "v1"), (OnForbidden::Accept, "v2")] {
        let (source, text) = (Scripted::at("v1"), Text::default());
        let reloader = Reloader::builder(source.clone(), text.clone())
            .on_forbidden(policy)
            .start()
            .await
            .expect("starts");
        text.says([Verdict::Forbidden(error(ErrorKind::Forbidden))]);
        source.now(Ok("v2"));
        let result = reloader.reload().await;
        assert_eq!(result.is_ok(), policy == OnForbidden::Accept, "{policy:?}");
        assert_eq!(reloader.status().version.as_str(), expected, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_that_comes_back_is_a_swap_once_reads_have_settled() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    source.now(Ok("v1"));
    hand.look(Reason::Event);
    live(&reloader, "v1", SOON).await;
    assert_eq!(reloader.generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_right_after_a_swap_does_not_swap_back_but_a_rollback_gets_through() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;
    source.now(Ok("v1"));
    let looked = reloader.reload().await.expect("reads");
    assert!(matches!(looked, Outcome::Unchanged { .. }), "{looked:?}");
    assert_eq!(reloader.status().version.as_str(), "v2");
    // The old version is still there when reads have settled, so it was no stale read: nobody has to say it again.
    live(&reloader, "v1", Duration::from_secs(31)).await;
}

// --- when it looks (rules 3 and 7) ---------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_during_a_fetch_costs_one_fetch_more() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    source.takes(Duration::from_secs(1));
    let before = source.fetches();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    tokio::time::sleep(SOON).await;
    for _ in 0..500 {
        hand.look(Reason::Interval);
    }
    live(&reloader, "v2", Duration::from_secs(2)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(source.fetches() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn after_an_event_reads_go_on_until_the_version_changes() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    // Eventually consistent: five reads still give the old version.
    for _ in 0..5 {
        source.next(Ok("v1"));
    }
    source.next(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", Duration::from_secs(15)).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_announces_nothing_costs_a_bounded_number_of_reads() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (_reloader, hand) = started(&source, &text).await;
    hand.look(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let once = source.fetches();
    assert!((5..=25).contains(&once), "{once} reads");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(source.fetches(), once, "it goes on for ever");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forged_events_is_limited_and_a_true_one_still_gets_through() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    for _ in 0..6_000 {
        hand.look(Reason::Event);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reads = source.fetches();
    assert!(reads <= 60, "{reads} reads in a minute of forged events");
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", Duration::from_secs(6)).await;
}

#[tokio::test(start_paused = true)]
async fn rotations_in_quick_succession_are_not_limited() {
    let (source, text) = (Scripted::at("v0"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    const VERSIONS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    for version in VERSIONS
        .into_iter()
        .cycle()
        .take(48)
        .collect::<Vec<_>>()
        .chunks(12)
        .next()
        .unwrap()
    {
        source.now(Ok(version));
        hand.look(Reason::Event);
        live(&reloader, version, SOON).await;
    }
}

#[tokio::test(start_paused = true)]
async fn polling_alone_brings_the_new_version() {
    let source = Scripted::at("v1");
    let reloader = Reloader::builder(source.clone(), Text::default())
        .trigger(Interval::every(Duration::from_secs(300)))
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    live(&reloader, "v2", Duration::from_secs(331)).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_tried_again_with_growing_waits_until_it_answers() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    source.now(Err(ErrorKind::Unavailable));
    hand.look(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let failures = reloader.status().consecutive_failures;
    assert!((6..=20).contains(&failures), "{failures}");
    assert_eq!(
        *reloader.lease(),
        "material of v1",
        "the last good one stays"
    );
    source.now(Ok("v2"));
    // No further event: the one that came during the outage is not lost.
    live(&reloader, "v2", Duration::from_secs(125)).await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_given_up_after_its_bound() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let mut bounds = Bounds::default();
    bounds.fetch = Duration::from_secs(3);
    let reloader = Reloader::builder(source.clone(), text)
        .bounds(bounds)
        .start()
        .await
        .expect("starts");
    source.takes(Duration::from_secs(3600));
    let begun = Instant::now();
    let failure = reloader.reload().await.expect_err("hangs");
    assert_eq!(failure.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn material_that_expires_is_read_again_before_it_does() {
    let clock = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let fetches = Arc::new(AtomicUsize::new(0));
    let source = {
        let fetches = Arc::clone(&fetches);
        move || {
            let n = fetches.fetch_add(1, Ordering::SeqCst);
            async move {
                Ok::<_, Error>(
                    Secret::new("m", format!("v{n}"))
                        .with_expires(clock + Duration::from_secs(3600)),
                )
            }
        }
    };
    let reloader = Reloader::builder(source, Text::default())
        .clock(move || clock)
        .start()
        .await
        .expect("starts");
    live(&reloader, "v1", Duration::from_secs(2800)).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_source_is_an_error_and_not_the_end() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let source = move || {
        let n = fetches.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_ne!(n, 1, "the second fetch panics");
            Ok::<_, Error>(Secret::new("m", format!("v{n}")))
        }
    };
    let reloader = Reloader::builder(source, Text::default())
        .start()
        .await
        .expect("starts");
    let failure = reloader.reload().await.expect_err("panics");
    assert_eq!(failure.kind(), ErrorKind::Panicked);
    live(&reloader, "v2", Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_panics_is_reported_and_the_others_go_on() {
    let source = Scripted::at("v1");
    let reloader = Reloader::builder(source.clone(), Text::default())
        .trigger(|_looks: Looks| async { panic!("a defect in a trigger") })
        .trigger(Interval::every(Duration::from_secs(60)))
        .start()
        .await
        .expect("starts");
    settle().await;
    assert!(matches!(
        reloader.status().triggers[0].health,
        Health::Deaf { .. }
    ));
    source.now(Ok("v2"));
    live(&reloader, "v2", Duration::from_secs(67)).await;
}

// --- by hand ---------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn reload_says_what_it_found_and_many_callers_share_one_fetch() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, _hand) = started(&source, &text).await;
    source.takes(Duration::from_secs(1));
    source.now(Ok("v2"));
    let before = source.fetches();
    let answers = futures::future::join_all((0..20).map(|_| reloader.reload())).await;
    for answer in answers {
        match answer.expect("reads") {
            Outcome::Swapped {
                generation,
                version,
                ..
            } => {
                assert_eq!((generation, version.as_str()), (2, "v2"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(source.fetches() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_asked_for_during_a_look_is_answered_by_the_next() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    source.takes(Duration::from_secs(1));
    hand.look(Reason::Interval);
    tokio::time::sleep(SOON).await; // that fetch has read "v1" already
    source.now(Ok("v2"));
    let answer = reloader.reload().await.expect("reads");
    assert!(
        matches!(answer, Outcome::Swapped { .. }),
        "answered by a look that began before: {answer:?}"
    );
}

// --- drain (rule 5) --------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_drain_is_told_once_and_only_after_the_last_lease() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let mut notices = reloader.notices();
    let lease = reloader.lease();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    assert!(matches!(
        notices.recv().await,
        Ok(Notice::Swapped { generation: 2, .. })
    ));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(notices.try_recv().is_err(), "told under a lease");
    let status = reloader.status();
    assert_eq!(status.held.len(), 1);
    assert!(status.uses(&"v1".into()) && status.uses(&"v2".into()));
    assert!(source.0.drained.lock().unwrap().is_empty());

    drop(lease);
    match notices.recv().await.expect("told") {
        Notice::Drained {
            generation,
            version,
            still_held,
            ..
        } => {
            assert_eq!((generation, version.as_str(), still_held), (1, "v1", false));
        }
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(reloader.status().held.is_empty());
    assert!(!reloader.status().uses(&"v1".into()));
    assert_eq!(*source.0.drained.lock().unwrap(), [VersionId::from("v1")]);
    assert!(notices.try_recv().is_err(), "told twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_is_never_told_before_the_swap_that_began_it() {
    let version = AtomicUsize::new(0);
    let source = move || {
        let version = version.fetch_add(1, Ordering::SeqCst).to_string();
        async { Ok::<_, Error>(Secret::new("material", version)) }
    };
    let keys = Reloader::builder(source, |_: Secret| async { Ok::<_, Error>(()) })
        .start()
        .await
        .expect("starts");
    let mut notices = keys.notices();
    // Nobody has a lease, so each drain is over as soon as it begins.
    for old in 1..=3000 {
        keys.reload().await.expect("swaps");
        match notices.recv().await.expect("keeps up") {
            Notice::Swapped { generation, .. } => assert_eq!(generation, old + 1),
            other => panic!("told before the swap: {other:?}"),
        }
        match notices.recv().await.expect("keeps up") {
            Notice::Drained { generation, .. } => assert_eq!(generation, old),
            other => panic!("told before the drain: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_came_back_is_not_said_to_be_drained() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let lease = reloader.lease();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    source.now(Ok("v1"));
    hand.look(Reason::Event);
    live(&reloader, "v1", SOON).await;
    settle().await;
    let mut notices = reloader.notices();
    drop(lease); // generation 1 is drained, but its version is live again as generation 3
    match notices.recv().await.expect("told") {
        Notice::Drained {
            generation: 1,
            still_held,
            ..
        } => assert!(still_held),
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(!source.0.drained.lock().unwrap().contains(&"v1".into()));
}

// --- the end ---------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn shutdown_stops_looking_waits_for_drains_and_leaves_the_value_usable() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let lease = reloader.lease();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;

    let still = reloader
        .shutdown(Duration::from_secs(5))
        .await
        .expect_err("leased");
    assert_eq!(still.held[0].version.as_str(), "v1");
    source.now(Ok("v3"));
    hand.look(Reason::Event);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*reloader.lease(), "material of v2");
    assert_eq!(
        reloader.reload().await.expect_err("over").kind(),
        ErrorKind::ShutDown
    );
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn shutdown_returns_as_soon_as_the_drains_are_done() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    let lease = reloader.lease();
    source.now(Ok("v2"));
    hand.look(Reason::Event);
    live(&reloader, "v2", SOON).await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(lease);
    });
    let begun = Instant::now();
    reloader
        .shutdown(Duration::from_secs(60))
        .await
        .expect("drained");
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(*source.0.drained.lock().unwrap(), [VersionId::from("v1")]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_those_who_wait_for_a_look() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, _hand) = started(&source, &text).await;
    source.takes(Duration::from_secs(20));
    let waiting = tokio::spawn({
        let reloader = reloader.clone();
        async move { reloader.reload().await }
    });
    tokio::time::sleep(SOON).await;
    reloader
        .shutdown(Duration::ZERO)
        .await
        .expect("nothing held");
    let answer = waiting.await.expect("no panic").expect_err("over");
    assert_eq!(answer.kind(), ErrorKind::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_loop() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, hand) = started(&source, &text).await;
    drop(reloader);
    settle().await;
    let before = source.fetches();
    hand.look(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(source.fetches(), before);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_that_is_live_leads_to_a_look_and_an_old_one_does_not() {
    let (source, text) = (Scripted::at("v1"), Text::default());
    let (reloader, _hand) = started(&source, &text).await;
    source.now(Ok("v2"));
    reloader.report_refused(1);
    live(&reloader, "v2", SOON).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = source.fetches();
    reloader.report_refused(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(source.fetches(), before);
}
