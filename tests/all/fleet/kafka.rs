//! Reports over Kafka: librdkafka's mock cluster, whose records have their producers' times.

use std::time::{Duration, SystemTime};

use credswap::fleet::{
    Assumptions, FleetTopic, Incarnation, InstanceId, LedgerTime, LiveVersion, ReleaseQuery,
    ReleaseStatus, Report, ReportSink, Reporter,
};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::{Error, ErrorKind, Refreshable, Secret};
use credswap_testkit::{BadBatch, Broker};
use tokio::time::{Instant, timeout};

const TOPIC: &str = "credswap.usage";
const SECRET: &str = "prod/uploader";

fn config(broker: &Broker) -> KafkaConfig {
    KafkaConfig::new(broker.bootstrap_servers()).plaintext()
}

fn topic(broker: &Broker) -> FleetTopic {
    let assumptions = Assumptions::default()
        .late_adoption(Duration::from_millis(1))
        .grace(Duration::from_millis(1));
    FleetTopic::new(&config(broker), TOPIC)
        .expect("a topic")
        .trust_producer_clocks()
        .assumptions(assumptions)
}

fn producer(broker: &Broker) -> Producer {
    Producer::new(&config(broker), TOPIC).expect("a topic")
}

fn report(name: &str, sequence: u64, live: &str) -> Report {
    let mut report = Report::new(
        InstanceId::new(name).unwrap(),
        Incarnation::new(SystemTime::UNIX_EPOCH, 1),
        sequence,
        SECRET,
        Duration::from_secs(3600),
    );
    report.live = Some(LiveVersion::new(live, Duration::from_secs(1)));
    report
}

async fn send(producer: &Producer, report: &Report) {
    ReportSink::send(producer, report.key(), report.encode().unwrap())
        .await
        .expect("sent");
}

/// The status of "v1", while "v2" is current.
fn status(topic: &FleetTopic, now: LedgerTime) -> ReleaseStatus {
    topic.ledger().release_status(&ReleaseQuery {
        secret_id: SECRET.into(),
        version: "v1".into(),
        current_version: "v2".into(),
        now,
    })
}

#[tokio::test]
async fn all_partitions_are_read_to_their_end_and_then_what_is_new() {
    let broker = Broker::start(TOPIC, 3);
    let producer = producer(&broker);
    for n in 0..40 {
        send(&producer, &report(&format!("pod-{n}"), 1, "v1")).await;
    }
    let mut reports = topic(&broker);
    let read = reports.read_to_end().await.expect("read");
    assert_eq!((read.records, read.malformed), (41, 0), "and the probe");
    assert!(
        matches!(status(&reports, read.now), ReleaseStatus::InUse { by, .. } if by.len() == 40)
    );

    for n in 0..40 {
        send(&producer, &report(&format!("pod-{n}"), 2, "v2")).await;
    }
    let read = reports.read_to_end().await.expect("read");
    assert_eq!(read.records, 41, "nothing twice");
    assert!(matches!(
        status(&reports, read.now),
        ReleaseStatus::Released { .. }
    ));
    let again = reports.read_to_end().await.expect("read");
    assert_eq!(again.records, 1);
    assert!(again.now >= read.now);

    let mut anew = topic(&broker);
    let read = anew.read_to_end().await.expect("read");
    assert_eq!(read.records, 84);
    assert!(
        matches!(status(&anew, read.now), ReleaseStatus::Released { .. }),
        "as the first"
    );
}

#[tokio::test]
async fn an_empty_topic_is_read_at_once_and_releases_nothing() {
    let broker = Broker::start(TOPIC, 3);
    let mut reports = topic(&broker);
    let now = reports.read_to_end().await.expect("read").now;
    assert_eq!(status(&reports, now), ReleaseStatus::Unknown);
}

#[tokio::test]
async fn records_that_are_not_reports_are_counted_and_skipped() {
    let broker = Broker::start(TOPIC, 1);
    broker.publish("hunter2").await.expect("published");
    let producer = producer(&broker);
    let forged = report("pod", 1, "v1");
    producer
        .send(Some("the key of another"), Some(&forged.encode().unwrap()))
        .await
        .expect("sent");
    send(&producer, &report("pod", 2, "v1")).await;
    let mut reports = topic(&broker);
    let read = reports.read_to_end().await.expect("read");
    assert_eq!((read.malformed, reports.ledger().len()), (2, 1));
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_left_out_alone() {
    for bad in BadBatch::ALL {
        // Noise is no error of librdkafka, and it is found when nothing more is read.
        if bad == BadBatch::Noise {
            continue;
        }
        let broker = Broker::start(TOPIC, 2);
        let producer = producer(&broker);
        for n in 0..10 {
            send(&producer, &report(&format!("before-{n}"), 1, "v1")).await;
        }
        for partition in 0..2 {
            bad.publish(&broker.bootstrap_servers(), TOPIC, partition, 5)
                .await;
        }
        for n in 0..40 {
            send(&producer, &report(&format!("after-{n}"), 1, "v1")).await;
        }
        let mut reports = topic(&broker);
        let read = reports.read_to_end().await.expect("read");
        assert_eq!(read.malformed, 2, "{bad:?}");
        // Where a batch ends is found by trying: a few records after it may be lost, as any report may.
        let found = reports.ledger().len();
        assert!((42..=50).contains(&found), "{bad:?}: {found}");
        send(&producer, &report("later", 1, "v1")).await;
        let read = reports.read_to_end().await.expect("read");
        assert_eq!((read.records, read.malformed), (2, 0), "{bad:?}");
    }
}

#[tokio::test]
async fn a_thousand_partitions_are_read() {
    let broker = Broker::start(TOPIC, 1_000);
    let producer = producer(&broker);
    for n in 0..20 {
        send(&producer, &report(&format!("pod-{n}"), 1, "v1")).await;
    }
    let mut reports = topic(&broker);
    let read = reports.read_to_end().await.expect("read");
    assert_eq!(read.records, 21);
    let read = reports.read_to_end().await.expect("read");
    assert_eq!(read.records, 1);
}

#[tokio::test]
async fn a_reporter_says_why_its_broker_cannot_be_reached() {
    let broker = Broker::start(TOPIC, 1);
    let producer = producer(&broker);
    send(&producer, &report("pod", 1, "v1")).await;
    broker.down();
    let report = report("pod", 2, "v1");
    let sending = ReportSink::send(&producer, report.key(), report.encode().unwrap());
    // Less than the producer's timeout.
    let error = timeout(Duration::from_secs(8), sending).await;
    let error = error.expect("in time").expect_err("down");
    let address = broker.bootstrap_servers();
    assert!(error.report().contains(&address), "{}", error.report());
    assert!(error.report().contains("be reached"), "{}", error.report());
}

#[tokio::test]
async fn a_tombstone_removes_a_consumer() {
    let broker = Broker::start(TOPIC, 1);
    let producer = producer(&broker);
    let gone = report("gone", 1, "v1");
    send(&producer, &gone).await;
    let mut reports = topic(&broker);
    reports.read_to_end().await.expect("read");
    assert_eq!(reports.ledger().len(), 1);
    producer.send(Some(&gone.key()), None).await.expect("sent");
    reports.read_to_end().await.expect("read");
    assert!(reports.ledger().is_empty());
}

#[tokio::test]
async fn producers_times_are_an_error_unless_they_are_trusted() {
    let broker = Broker::start(TOPIC, 1);
    let mut reports = FleetTopic::new(&config(&broker), TOPIC).expect("a topic");
    let error = reports
        .read_to_end()
        .await
        .expect_err("the mock cluster's times are the producers'");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.report().contains("LogAppendTime"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn a_broker_that_is_down_is_an_error_and_what_was_read_is_kept() {
    let broker = Broker::start(TOPIC, 1);
    send(&producer(&broker), &report("pod", 1, "v1")).await;
    let mut reports = topic(&broker).timeout(Duration::from_secs(2));
    reports.read_to_end().await.expect("read");
    broker.down();
    let error = reports.read_to_end().await.expect_err("down");
    assert!(error.is_retryable(), "{}", error.report());
    assert_eq!(reports.ledger().len(), 1);
    broker.up();
    // It may take a moment to reconnect.
    let deadline = Instant::now() + Duration::from_secs(30);
    let read = loop {
        match reports.read_to_end().await {
            Ok(read) => break read,
            Err(error) => assert!(Instant::now() < deadline, "{}", error.report()),
        }
    };
    assert!(matches!(
        status(&reports, read.now),
        ReleaseStatus::InUse { .. }
    ));
}

#[tokio::test]
async fn a_reporter_writes_what_the_ledger_reads() {
    let broker = Broker::start(TOPIC, 3);
    let source = || async { Ok::<_, Error>(Secret::new("material", "v2")) };
    let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_owned()) };
    let refreshable = Refreshable::builder(source, connect)
        .secret_id(SECRET)
        .start()
        .await
        .expect("starts");
    let reporter = Reporter::builder(&refreshable, producer(&broker))
        .start()
        .expect("starts");
    let mut reporting = reporter.subscribe_status();
    let mut reports = topic(&broker);
    for sent in 0.. {
        // The first report may come before the last adoption, and the next regular one is half a minute away.
        let next = reporting.wait_for(|status| status.sent > sent);
        timeout(Duration::from_secs(10), next)
            .await
            .expect("in time")
            .expect("running");
        let now = reports.read_to_end().await.expect("read").now;
        match status(&reports, now) {
            ReleaseStatus::InUse { by, .. } => {
                assert_eq!(by[0].instance, *reporter.instance());
                reporter.report_now();
            }
            ReleaseStatus::Released { .. } => break,
            other => panic!("{other:?}"),
        }
        assert!(sent < 100, "not released by a hundred reports");
    }
    reporter
        .shutdown(Duration::from_secs(10))
        .await
        .expect("sent");
    reports.read_to_end().await.expect("read");
    let consumer = reports
        .ledger()
        .consumers(&SECRET.into(), LedgerTime::default())
        .next()
        .expect("one");
    assert_eq!(consumer.live, None, "it sent its final report");
}

/// On Apache Kafka with ACLs, where the records have the broker's time: `tests/real/kafka_tests.sh`.
mod real {
    use super::*;
    use credswap::kafka::Password;

    fn user(name: &str) -> KafkaConfig {
        let of =
            |name: &str| std::env::var(format!("CREDSWAP_KAFKA_{name}")).expect("kafka.sh env");
        let password = Password::file(of(&format!("{}_PASSWORD_FILE", name.to_uppercase())));
        KafkaConfig::new(of("BOOTSTRAP_SERVERS"))
            .ca_file(of("CA_FILE"))
            .scram_sha_512(name, password)
    }

    #[tokio::test]
    #[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
    async fn consumers_need_write_and_the_authority_both() {
        let producer = Producer::new(&user("publisher"), TOPIC).expect("a topic");
        let mut first = report("pod", 1, "v1");
        first.incarnation = Incarnation::new(SystemTime::UNIX_EPOCH, u64::from(std::process::id()));
        let mut mine = first.clone();
        send(&producer, &first).await;

        let mut reports = FleetTopic::new(&user("admin"), TOPIC).expect("a topic");
        let read = reports.read_to_end().await.expect("read");
        let ReleaseStatus::InUse { by, .. } = status(&reports, read.now) else {
            panic!("in use")
        };
        let my_usage = by
            .iter()
            .find(|usage| usage.incarnation == mine.incarnation)
            .expect("mine");
        let age = read.now.duration_since(my_usage.last_report);
        assert!(age < Duration::from_secs(10), "the times are the broker's");
        assert_eq!(read.malformed, 0);

        mine.sequence = 2;
        mine.live = None;
        send(&producer, &mine).await;
        let read = reports.read_to_end().await.expect("read");
        assert_eq!(read.records, 2, "what is new");

        for (name, operation) in [("publisher", "Read"), ("consumer", "Write")] {
            let mut reports = FleetTopic::new(&user(name), TOPIC).expect("a topic");
            let error = reports.read_to_end().await.expect_err("not permitted");
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}");
            assert!(error.report().contains(operation), "{}", error.report());
        }
    }
}
