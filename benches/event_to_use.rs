//! From the message on the broker to the first upload signed with the new key.
//!
//! ```text
//! cargo bench --bench event_to_use                    # 100 rotations with each fetch wait
//! cargo bench --bench event_to_use -- --rotations 20
//! ```
//!
//! The whole way, as a service has it: a Kafka broker, the [`Kafka`] trigger, the secret read from Secrets Manager over
//! HTTP, the key proven by STS over HTTP, the swap, and eight tasks that upload to S3 all the time. The clock starts
//! before the event is handed to the producer and stops when the first request signed with the new key arrives at S3.
//!
//! How to read it: *to the swap* is the event's way, *to the first use* the whole. The broker is librdkafka's mock
//! cluster, and there it differs from a real one: a real broker answers a waiting fetch as soon as a message is there,
//! the mock holds it until the fetch's wait (`fetch.wait.max.ms`, 500 by default) is over. So the wait is in the
//! numbers, nearly all of it, since each rotation here begins right after the one before; and each row has another
//! one: the first row is closest to a real broker,
//! and the difference between the rows is the mock's, not credswap's. Two more things are not as on AWS: the
//! servers are on this machine, and new keys need no time to propagate.
//!
//! For comparison, without measuring: polling each N seconds takes N/2 on average and N at worst; the SDK's own cache
//! takes up to 15 minutes.
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
/// Longer than any of it can take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Args {
    /// How often the key rotates for each row.
    #[arg(long, default_value_t = 100)]
    rotations: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let args = Args::parse();
    let mut rows = Vec::new();
    for wait in [5, 100, 500] {
        let measured = tokio::time::timeout(PATIENCE * 10, run(wait, args.rotations))
            .await
            .expect("the rotations come through");
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
            "mock broker's fetch wait",
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

/// Who waits for the first use of which key.
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
            let mut awaited = awaited.lock().expect("nothing panics with it");
            if let Some((_, told)) = awaited.take_if(|(id, _)| {
                call.name() == "s3:PutObject" && call.access_key_id() == Some(id)
            }) {
                let _ = told.send(Instant::now());
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
        let (told, first_use) = oneshot::channel();
        *awaited.lock().expect("nothing panics with it") = Some((key.id().to_owned(), told));

        let begun = Instant::now();
        broker.publish(EVENT).await.expect("the broker is up");
        loop {
            match events.recv().await.expect("the refreshable is there") {
                RefreshEvent::Swapped { .. } => break,
                RefreshEvent::Failed(error) => panic!("{}", error.report()),
                _ => {}
            }
        }
        common::record(&mut measured.swap, begun.elapsed());
        let used = first_use.await.expect("the hook keeps it until then");
        common::record(&mut measured.first_use, used - begun);
        loop {
            if let RefreshEvent::Drained { .. } =
                events.recv().await.expect("the refreshable is there")
            {
                break;
            }
        }
        cloud.delete_key(old.id());
        old = key;
    }
    uploads.abort();
    cloud.clear_faults(); // the hook
    measured
}

async fn start(cloud: &Cloud, broker: &Broker, fetch_wait: u32) -> Refreshable<LiveKey> {
    let sdk = cloud::sdk(cloud);
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let config = KafkaConfig::new(broker.bootstrap_servers())
        .plaintext()
        .property("fetch.wait.max.ms", fetch_wait.to_string());
    let kafka = Kafka::new(&config, broker.topic()).expect("a good configuration");
    let keys = Refreshable::builder(
        SecretsManager::from_client(secrets, SECRET),
        aws::AccessKeyConnector::new(&sdk),
    )
    .trigger(kafka)
    .start()
    .await
    .expect("the first key is good");
    let mut status = keys.subscribe_status();
    tokio::time::timeout(PATIENCE, status.wait_for(|status| status.is_healthy()))
        .await
        .expect("the trigger hears soon")
        .expect("the refreshable is there");
    keys
}

/// Uploads without a pause until it is aborted.
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
                        .expect("no upload fails");
                }
            }
        });
        let _: Vec<()> = futures::future::join_all(tasks).await;
    })
}
