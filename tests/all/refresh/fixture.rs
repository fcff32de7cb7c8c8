//! A refreshable whose source, verdicts and trigger the test drives.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use credswap::connect::{Connect, Verdict};
use credswap::hot::DrainToken;
use credswap::refresh::Builder;
use credswap::source::{FetchRequest, Source};
use credswap::trigger::{Health, Reason, RefreshRequester};
use credswap::{Error, ErrorKind, Refreshable, Secret, VersionId};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A refreshable that was started at some version, and all that it depends on.
pub(super) struct Fixture {
    pub(super) source: ScriptedSource,
    pub(super) connector: TextConnector,
    pub(super) refreshable: Refreshable<String>,
    pub(super) trigger: ManualTrigger,
}

impl Fixture {
    pub(super) async fn at(version: &'static str) -> Self {
        let (source, connector) = (ScriptedSource::at(version), TextConnector::default());
        let (builder, trigger) = ManualTrigger::attach(
            Refreshable::builder(source.clone(), connector.clone())
                .without_polling()
                .seed(1),
        );
        let refreshable = builder.start().await.expect("starts");
        Self {
            source,
            connector,
            refreshable,
            trigger: trigger.await,
        }
    }

    /// Another version is current, and an event says so.
    pub(super) fn rotate(&self, version: &'static str) {
        self.source.now(Ok(version));
        self.trigger.request(Reason::Event);
    }

    /// The same, and it is live at once.
    pub(super) async fn swap(&self, version: &'static str) {
        self.rotate(version);
        self.live(version, SOON).await;
    }

    /// Waits until the live version is `version`, in at most `within` of paused time.
    pub(super) async fn live(&self, version: &str, within: Duration) {
        live(&self.refreshable, version, within).await;
    }
}

/// A source whose answers the test sets. The last answer stays.
#[derive(Clone, Default)]
pub(super) struct ScriptedSource(Arc<Inner>);

#[derive(Default)]
struct Inner {
    answers: Mutex<VecDeque<Result<&'static str, ErrorKind>>>,
    fetches: AtomicUsize,
    running: AtomicUsize,
    delay: Mutex<Duration>,
    drained: Mutex<Vec<VersionId>>,
    discarded: Mutex<Vec<VersionId>>,
    shutdowns: AtomicUsize,
    expires: Mutex<Option<SystemTime>>,
    requests: Mutex<Vec<FetchRequest>>,
}

impl ScriptedSource {
    pub(super) fn at(version: &'static str) -> Self {
        let source = Self::default();
        source.next(Ok(version));
        source
    }

    /// Adds an answer, which is given once, unless it stays the last.
    pub(super) fn next(&self, answer: Result<&'static str, ErrorKind>) -> &Self {
        self.0.answers.lock().unwrap().push_back(answer);
        self
    }

    /// Replaces all answers.
    pub(super) fn now(&self, answer: Result<&'static str, ErrorKind>) {
        let mut answers = self.0.answers.lock().unwrap();
        answers.clear();
        answers.push_back(answer);
    }

    pub(super) fn expires(&self, at: SystemTime) {
        *self.0.expires.lock().unwrap() = Some(at);
    }

    pub(super) fn takes(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    pub(super) fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    /// The versions of which the source was notified that they drained.
    pub(super) fn notified_drained(&self) -> Vec<VersionId> {
        self.0.drained.lock().unwrap().clone()
    }

    /// The versions of which the source was notified that they were discarded.
    pub(super) fn notified_discarded(&self) -> Vec<VersionId> {
        self.0.discarded.lock().unwrap().clone()
    }

    pub(super) fn shutdowns(&self) -> usize {
        self.0.shutdowns.load(Ordering::SeqCst)
    }

    /// Why the last fetch was made.
    pub(super) fn last_request(&self) -> FetchRequest {
        self.0
            .requests
            .lock()
            .unwrap()
            .last()
            .expect("fetched")
            .clone()
    }
}

impl Source for ScriptedSource {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        self.0.requests.lock().unwrap().push(request.clone());
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
        let expires = *self.0.expires.lock().unwrap();
        answer
            .map(|version| {
                let secret = Secret::new(format!("material of {version}"), version);
                match expires {
                    Some(at) => secret.with_expires(at),
                    None => secret,
                }
            })
            .map_err(|kind| Error::new(kind, "scripted failure"))
    }

    async fn drained(&self, version: &VersionId) {
        self.0.drained.lock().unwrap().push(version.clone());
    }

    async fn discarded(&self, version: &VersionId) {
        self.0.discarded.lock().unwrap().push(version.clone());
    }

    async fn shutdown(&self) {
        self.0.shutdowns.fetch_add(1, Ordering::SeqCst);
    }
}

/// Connects to the material as connector; the test sets the verdicts.
#[derive(Clone, Default)]
pub(super) struct TextConnector {
    verdicts: Arc<Mutex<VecDeque<Verdict>>>,
    checks: Arc<AtomicUsize>,
}

impl TextConnector {
    pub(super) fn returns(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        self.verdicts.lock().unwrap().extend(verdicts);
    }

    /// The next so many checks find that the key is not propagated.
    pub(super) fn rejects_as_new(&self, times: usize) {
        self.returns((0..times).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    }

    /// From now on every check is passed.
    pub(super) fn accepts_all(&self) {
        self.verdicts.lock().unwrap().clear();
    }

    pub(super) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }
}

impl Connect for TextConnector {
    type Value = String;

    async fn connect(&self, secret: &Secret, _token: &DrainToken) -> Result<String, Error> {
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

/// A trigger that the test drives.
pub(super) struct ManualTrigger(RefreshRequester);

impl ManualTrigger {
    pub(super) fn attach<S: Source, C: Connect>(
        builder: Builder<S, C>,
    ) -> (Builder<S, C>, impl Future<Output = ManualTrigger>) {
        let (give, mut take) = mpsc::unbounded_channel();
        let builder = builder.trigger(move |requester: RefreshRequester| async move {
            requester.set_health(Health::Listening);
            give.send(requester).expect("the test waits for it");
            std::future::pending().await
        });
        (builder, async move {
            ManualTrigger(take.recv().await.expect("started"))
        })
    }

    pub(super) fn request(&self, reason: Reason) {
        self.0.request(reason);
    }

    /// An event names `version` as the current one.
    pub(super) fn request_version(&self, version: &str) {
        self.0.request_version(Reason::Event, version.into());
    }
}

pub(super) fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "scripted verdict")
}

/// Waits until the live version is `version`, in at most `within` of paused time.
pub(super) async fn live(refreshable: &Refreshable<String>, version: &str, within: Duration) {
    let mut status = refreshable.subscribe_status();
    timeout(
        within,
        status.wait_for(|status| status.version.as_str() == version),
    )
    .await
    .unwrap_or_else(|_| panic!("{version} is not live after {within:?}"))
    .expect("running");
}

/// Lets all tasks run that can.
pub(super) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

pub(super) const SOON: Duration = Duration::from_millis(50);
