//! Two refreshables in one process: what happens to one is reported of that one alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::fleet::{InstanceId, Report, Reporter};
use credswap::{Error, ErrorKind, Refreshable};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::fixture::{Fixture, ManualTrigger, ScriptedSource, TextConnector, settle};
use crate::support::log::Log;

/// Starts a refreshable of the secret `prod/{name}`.
async fn start(name: &'static str) -> Fixture {
    let (source, connector) = (ScriptedSource::at("v1"), TextConnector::default());
    let builder = Refreshable::builder(source.clone(), connector.clone())
        .name(name)
        .secret_id(format!("prod/{name}"))
        .without_polling()
        .seed(1);
    let (builder, trigger) = ManualTrigger::attach(builder);
    let refreshable = builder.start().await.expect("starts");
    Fixture {
        source,
        connector,
        refreshable,
        trigger: trigger.await,
    }
}

/// What happens to the first: a swap whose old generation stays in use, and then drains. To the second: its source fails, and
/// its value is rejected.
async fn happen(uploads: &Fixture, billing: &Fixture) {
    let lease = uploads.refreshable.lease();
    uploads.swap("v2").await;
    billing.source.now(Err(ErrorKind::Unavailable));
    let failed = billing.refreshable.refresh().await;
    failed.expect_err("its source is down");
    billing.refreshable.report_rejected(1);
    settle().await;
    assert_eq!(uploads.refreshable.status().draining.len(), 1);
    drop(lease);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn each_has_its_own_status_and_source() {
    let (uploads, billing) = (start("uploads").await, start("billing").await);
    let fetches = uploads.source.fetches();
    happen(&uploads, &billing).await;
    assert_eq!(uploads.source.fetches(), fetches + 1, "its own event");
    assert_eq!(uploads.source.notified_drained(), ["v1".into()]);
    assert!(billing.source.notified_drained().is_empty());

    let status = uploads.refreshable.status();
    assert!(status.is_healthy(), "{status:?}");
    assert_eq!((status.version.as_str(), status.generation), ("v2", 2));
    assert!(status.rejected.is_empty() && status.source_failing_since.is_none());
    let status = billing.refreshable.status();
    assert_eq!((status.version.as_str(), status.generation), ("v1", 1));
    assert!(!status.is_ready() && status.source_failing_since.is_some());

    billing.source.now(Ok("v2"));
    billing.refreshable.refresh().await.expect("it is back");
    let end = uploads.refreshable.shutdown(Duration::ZERO);
    end.await.expect("nothing drains");
    let status = billing.refreshable.status();
    assert!(status.is_running() && status.is_ready(), "{status:?}");
}

/// Each metric by its name and labels.
fn read(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, _, value)| {
            let mut name = key.key().name().to_owned();
            for label in key.key().labels() {
                name += &format!(" {}={}", label.key(), label.value());
            }
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (name, value)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn their_metrics_have_a_label() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: all tasks run on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);
    let (uploads, billing) = (start("uploads").await, start("billing").await);
    assert_eq!(uploads.refreshable.name(), "uploads");
    happen(&uploads, &billing).await;
    let metrics = read(&snapshotter);
    let of = |name: &str, set: &str| metrics.get(&format!("{name} refreshable={set}")).copied();
    for (name, of_uploads, of_billing) in [
        ("credswap_generation", Some(2.0), Some(1.0)),
        ("credswap_swaps_total", Some(1.0), Some(0.0)),
        ("credswap_drain_seconds", Some(1.0), None),
        ("credswap_ready", Some(1.0), Some(0.0)),
        ("credswap_live_rejected", Some(0.0), Some(1.0)),
        ("credswap_source_failing", Some(0.0), Some(1.0)),
    ] {
        let found = (of(name, "uploads"), of(name, "billing"));
        assert_eq!(found, (of_uploads, of_billing), "{name}: {metrics:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn their_log_lines_are_in_a_span_with_the_name() {
    let (log, collecting) = Log::collect();
    let (uploads, billing) = (start("uploads").await, start("billing").await);
    happen(&uploads, &billing).await;
    drop(collecting);
    let log = log.text();
    for (what, name) in [
        ("swapped version=v2", "uploads"),
        ("drained version=v1", "uploads"),
        ("the live value was rejected version=v1", "billing"),
        ("scripted failure", "billing"),
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(what)).collect();
        assert!(!lines.is_empty(), "{what} is not in {log}");
        let span = format!("credswap{{refreshable={name}}}");
        assert!(lines.iter().all(|line| line.contains(&span)), "{lines:#?}");
    }
    let outside = log.lines().find(|line| !line.contains("refreshable="));
    assert_eq!(outside, None, "whose is it?");
}

#[tokio::test(start_paused = true)]
async fn each_is_reported_under_its_own_secret() {
    let (uploads, billing) = (start("uploads").await, start("billing").await);
    // As in a service: one sink for both, and one name for the process.
    let sent = Arc::new(Mutex::new(Vec::new()));
    let report = |fixture: &Fixture| {
        let sent = Arc::clone(&sent);
        let sink = move |key: String, value: Vec<u8>| {
            let report = Report::decode(key.as_bytes(), &value).expect("a report");
            sent.lock().unwrap().push((key, report));
            std::future::ready(Ok::<_, Error>(()))
        };
        Reporter::builder(&fixture.refreshable, sink)
            .instance(InstanceId::new("pod").expect("a name"))
            .start()
            .expect("starts")
    };
    let reporters = [report(&uploads), report(&billing)];
    settle().await;
    happen(&uploads, &billing).await;
    for reporter in &reporters {
        reporter.report_now();
    }
    // Paused time: reports have a distance.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for reporter in reporters {
        reporter
            .shutdown(Duration::from_secs(1))
            .await
            .expect("sent");
    }
    let sent = sent.lock().unwrap();
    let of = |secret: &str| {
        let reports = sent
            .iter()
            .filter(|(_, report)| report.secret_id.matches(secret));
        reports.collect::<Vec<_>>()
    };
    let (of_uploads, of_billing) = (of("prod/uploads"), of("prod/billing"));
    assert_eq!(of_uploads.len() + of_billing.len(), sent.len());
    let keys = [&of_uploads, &of_billing].map(|reports| {
        let keys = reports.iter().map(|(key, _)| key.as_str());
        keys.collect::<BTreeSet<_>>()
    });
    assert!(
        keys[0].is_disjoint(&keys[1]),
        "compaction must not replace one by the other: {keys:?}"
    );
    let any = |reports: &[&(String, Report)], is: fn(&Report) -> bool| {
        // The final report releases all.
        let mut reports = reports.iter().filter(|(_, report)| !report.is_final());
        reports.any(|(_, report)| is(report))
    };
    let released = |report: &Report| report.released.iter().any(|v| v.version.as_str() == "v1");
    let rejected = |report: &Report| report.rejected.iter().any(|v| v.version.as_str() == "v1");
    assert!(any(&of_uploads, released) && !any(&of_uploads, rejected));
    assert!(any(&of_billing, rejected) && !any(&of_billing, released));
    assert!(!any(&of_billing, |report| !report.draining.is_empty()));
}
