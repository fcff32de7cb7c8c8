//! Measures the time from an event to the first upload that is signed with the new key.
//!
//! ```text
//! cargo bench --bench event_to_use                    # 100 rotations per row
//! cargo bench --bench event_to_use -- --rotations 20
//! ```
//!
//! The complete path of a service: a Kafka broker, the [`Kafka`] trigger, the secret fetched from Secrets Manager over
//! HTTP, the key checked by STS over HTTP, the swap, and eight tasks that upload to S3 all the time. The clock starts
//! before the event is passed to the producer and stops when the first request signed with the new key arrives at S3.
//!
//! How to read it: *to the swap* ends when the new key is live, *to the first use* when the first request arrives. The
//! broker is librdkafka's mock cluster. A real broker answers a waiting fetch as soon as there is a message; the mock
//! answers when the fetch's wait (`fetch.wait.max.ms`, 500 by default) has passed. Nearly the whole wait is in the numbers,
//! because each rotation starts right after the one before. Each row has another wait: the first row is closest to a real
//! broker, and the difference between the rows comes from the mock. Two more things differ from AWS: the servers are on
//! this machine, and new keys need no time to propagate.
//!
//! For comparison, not measured: polling every N seconds takes N/2 on average and N at most; the SDK's own cache takes up
//! to 15 minutes.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use clap::Parser;
use common::cloud::{self, BUCKET, SECRET};
use credswap::aws::{self, LiveKey};
use credswap::kafka::KafkaConfig;
use credswap::source::SecretsManager;
use credswap::trigger::Kafka;
use credswap::{Refreshable, refresh::RefreshEvent};
use credswap_testkit::{Action, Broker, Cloud};
use hdrhistogram::Histogram;
use tokio::sync::oneshot;

const EVENT: &str = r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#;
const UPLOADS: usize = 8;
/// Longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Args {
    /// Rotations per row.
    #[arg(long, default_value_t = 100)]
    rotations: usize,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let args = Args::parse();
    let mut rows = Vec::new();
    for wait in [5, 100, 500] {
        let measured = tokio::time::timeout(TIMEOUT * 10, run(wait, args.rotations))
            .await
            .expect("the rotations end in time");
        rows.push([
            format!("{wait} ms"),
            common::quantile(&measured.swap, 0.5),
            common::quantile(&measured.swap, 0.99),
            common::quantile(&measured.first_use, 0.5),
            common::quantile(&measured.first_use, 0.99),
            common::quantile(&measured.first_use, 1.0),
        ]);
    }
    common::table(
        [
            "fetch wait of the mock broker",
            "event to the swap p50",
            "p99",
            "event to the first use p50",
            "p99",
            "max",
        ],
        rows,
    );
}

struct Measured {
    swap: Histogram<u64>,
    first_use: Histogram<u64>,
}

/// The key whose first use is awaited, and where to send its time.
type Awaited = Arc<Mutex<Option<(String, oneshot::Sender<Instant>)>>>;

async fn run(fetch_wait: u32, rotations: usize) -> Measured {
    let (cloud, mut old) = cloud::start().await;
    let broker = Broker::start("rotations", 1);
    let keys = start(&cloud, &broker, fetch_wait).await;
    let config = credswap::configure!(keys, cloud::s3(&cloud, cloud::pool()));
    let uploads = upload(&Client::from_conf(config.build()));

    let awaited = Awaited::default();
    cloud.on_call({
        let awaited = Arc::clone(&awaited);
        move |call| {
            let mut awaited = awaited.lock().expect("the lock is not poisoned");
            if let Some((_, used)) = awaited.take_if(|(id, _)| {
                call.name() == "s3:PutObject" && call.access_key_id() == Some(id)
            }) {
                let _ = used.send(Instant::now());
            }
            Action::Pass
        }
    });

    let mut measured = Measured {
        swap: common::nanoseconds(),
        first_use: common::nanoseconds(),
    };
    let mut events = keys.events();
    for number in 1..=rotations {
        let key = cloud::new_key(&cloud, number);
        cloud.put_secret(SECRET, key.to_json());
        let (used, first_use) = oneshot::channel();
        let id = key.id().to_owned();
        *awaited.lock().expect("the lock is not poisoned") = Some((id, used));

        let begun = Instant::now();
        broker.publish(EVENT).await.expect("the event is published");
        loop {
            match events.recv().await.expect("the refresh loop runs") {
                RefreshEvent::Swapped { .. } => break,
                RefreshEvent::Failed(error) => panic!("{error:#}"),
                _ => {}
            }
        }
        common::record(&mut measured.swap, begun.elapsed());
        let used = first_use.await.expect("the hook sends the time");
        common::record(&mut measured.first_use, used - begun);
        loop {
            if let RefreshEvent::Drained { .. } =
                events.recv().await.expect("the refresh loop runs")
            {
                break;
            }
        }
        cloud.delete_key(old.id());
        old = key;
    }
    uploads.abort();
    cloud.clear_faults(); // removes the hook
    measured
}

async fn start(cloud: &Cloud, broker: &Broker, fetch_wait: u32) -> Refreshable<LiveKey> {
    let sdk = cloud::sdk(cloud);
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let config = KafkaConfig::new(broker.bootstrap_servers())
        .plaintext()
        .property("fetch.wait.max.ms", fetch_wait.to_string());
    let kafka = Kafka::new(&config, broker.topic()).expect("a valid configuration");
    let keys = Refreshable::builder(
        SecretsManager::from_client(secrets, SECRET),
        aws::AccessKeyConnector::new(&sdk),
    )
    .trigger(kafka)
    .start()
    .await
    .expect("the first key is valid");
    let mut status = keys.subscribe_status();
    tokio::time::timeout(TIMEOUT, status.wait_for(|status| status.is_healthy()))
        .await
        .expect("the trigger connects in time")
        .expect("the refresh loop runs");
    keys
}

/// Uploads without pause until the task is aborted.
fn upload(s3: &Client) -> tokio::task::JoinHandle<()> {
    let s3 = s3.clone();
    tokio::spawn(async move {
        let tasks = (0..UPLOADS).map(|task| {
            let s3 = s3.clone();
            async move {
                loop {
                    s3.put_object()
                        .bucket(BUCKET)
                        .key(format!("{task}"))
                        .body(ByteStream::from_static(&[7; 1024]))
                        .send()
                        .await
                        .expect("uploads do not fail");
                }
            }
        });
        let _: Vec<()> = futures::future::join_all(tasks).await;
    })
}
