//! What a reporter sends, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::connect::Connect;
use credswap::fleet::{
    InstanceId, Ledger, LedgerTime, ReleaseQuery, ReleaseStatus, Report, Reporter,
};
use credswap::hot::Lease;
use credswap::refresh::Builder;
use credswap::source::Source;
use credswap::{Error, ErrorKind, Refreshable, Secret};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

mod content;
mod lifecycle;
mod timing;

const SECRET: &str = "prod/uploader";
const TTL: Duration = Duration::from_secs(90);

/// A secret whose version the test sets, and the refreshable that follows it.
struct Fixture {
    version: Arc<Mutex<&'static str>>,
    refreshable: Refreshable<String>,
}

impl Fixture {
    async fn new() -> Self {
        let version = Arc::new(Mutex::new("v1"));
        let refreshable = builder_of(Arc::clone(&version)).secret_id(SECRET);
        let refreshable = refreshable.start().await.expect("starts");
        Self {
            version,
            refreshable,
        }
    }

    /// Configures a refreshable of a secret that does not change and has no name.
    fn builder(version: &'static str) -> Builder<impl Source, impl Connect<Value = String>> {
        builder_of(Arc::new(Mutex::new(version)))
    }

    async fn swap(&self, version: &'static str) {
        *self.version.lock().unwrap() = version;
        self.refreshable.refresh().await.expect("swaps");
        assert_eq!(self.refreshable.status().version.as_str(), version);
    }

    /// Starts a reporter whose reports the test receives.
    fn report(&self) -> (Reporter, Mailbox) {
        let (mailbox, sink) = Mailbox::new();
        let reporter = Reporter::builder(&self.refreshable, sink)
            .instance(InstanceId::new("pod").unwrap())
            .ttl(TTL)
            .seed(7)
            .start()
            .expect("starts");
        (reporter, mailbox)
    }
}

fn builder_of(
    version: Arc<Mutex<&'static str>>,
) -> Builder<impl Source, impl Connect<Value = String>> {
    let source = move || {
        let version = *version.lock().unwrap();
        async move { Ok::<_, Error>(Secret::new("material", version)) }
    };
    let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_owned()) };
    Refreshable::builder(source, connect).seed(1)
}

type Answer = Arc<Mutex<Result<(), ErrorKind>>>;

/// Receives what a reporter sends.
struct Mailbox {
    reports: mpsc::UnboundedReceiver<(Instant, Report)>,
    /// What sending returns.
    answer: Answer,
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Mailbox {
    fn new() -> (
        Self,
        impl Fn(String, Vec<u8>) -> Sending + Send + Sync + 'static,
    ) {
        let (sender, reports) = mpsc::unbounded_channel();
        let answer: Answer = Arc::new(Mutex::new(Ok(())));
        let answers = Arc::clone(&answer);
        let sink = move |key: String, value: Vec<u8>| -> Sending {
            let report = Report::decode(key.as_bytes(), &value).expect("a report");
            let _ = sender.send((Instant::now(), report));
            let answer = *answers.lock().unwrap();
            Box::pin(async move { answer.map_err(|kind| Error::new(kind, "scripted")) })
        };
        (Self { reports, answer }, sink)
    }

    async fn next(&mut self) -> Report {
        timeout(TTL, self.reports.recv())
            .await
            .expect("in time")
            .expect("open")
            .1
    }

    fn try_next(&mut self) -> Option<Report> {
        self.reports.try_recv().ok().map(|(_, report)| report)
    }
}

fn live(report: &Report) -> &str {
    report.live.as_ref().expect("alive").version.as_str()
}

fn released(report: &Report) -> Vec<&str> {
    let released = report.released.iter();
    released.map(|entry| entry.version.as_str()).collect()
}

/// Each draining version, in how many places it is used, and whether presigned URLs pin it.
fn draining(report: &Report) -> Vec<(&str, u32, bool)> {
    let draining = report.draining.iter();
    draining
        .map(|entry| {
            (
                entry.version.as_str(),
                entry.outstanding,
                entry.pinned.is_some(),
            )
        })
        .collect()
}
