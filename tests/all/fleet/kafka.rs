//! Reports through a broker: librdkafka's mock cluster, whose records have their writers' times.

use std::time::{Duration, SystemTime};

use credswap::fleet::{
    Assumptions, FleetTopic, Incarnation, InstanceId, LiveVersion, ReleaseStatus, Report,
    ReportSink, Reporter,
};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::{Error, ErrorKind, Refreshable, Secret};
use credswap_testkit::Broker;
use tokio::time::{Instant, sleep};

const TOPIC: &str = "credswap.fleet";
const SECRET: &str = "prod/uploader";

fn config(broker: &Broker) -> KafkaConfig {
    KafkaConfig::new(broker.bootstrap_servers()).plaintext()
}

fn topic(broker: &Broker) -> FleetTopic {
    let mut limits = Assumptions::default();
    limits.settle = Duration::from_millis(1);
    limits.grace = Duration::from_millis(1);
    FleetTopic::new(&config(broker), TOPIC)
        .expect("a topic")
        .trust_producer_clocks()
        .limits(limits)
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
    report.live = Some(LiveVersion {
        version: live.into(),
        age: Duration::from_secs(1),
    });
    report
}

async fn send(producer: &Producer, report: &Report) {
    ReportSink::send(producer, report.key(), report.encode().unwrap())
        .await
        .expect("sent");
}

fn verdict(topic: &FleetTopic, now: u64) -> ReleaseStatus {
    topic
        .ledger()
        .verdict(SECRET, &"v1".into(), &"v2".into(), now)
}

#[tokio::test]
async fn all_partitions_are_read_to_their_end_and_then_what_is_new() {
    let broker = Broker::start(TOPIC, 3);
    let producer = producer(&broker);
    for n in 0..40 {
        send(&producer, &report(&format!("pod-{n}"), 1, "v1")).await;
    }
    let mut fleet = topic(&broker);
    let reading = fleet.refresh().await.expect("read");
    assert_eq!(
        (reading.records, reading.malformed),
        (41, 0),
        "and the probe"
    );
    assert!(
        matches!(verdict(&fleet, reading.now), ReleaseStatus::InUse { by, .. } if by.len() == 40)
    );

    for n in 0..40 {
        send(&producer, &report(&format!("pod-{n}"), 2, "v2")).await;
    }
    let reading = fleet.refresh().await.expect("read");
    assert_eq!(reading.records, 41, "nothing twice");
    assert!(matches!(
        verdict(&fleet, reading.now),
        ReleaseStatus::Released { .. }
    ));
    let again = fleet.refresh().await.expect("read");
    assert_eq!(again.records, 1);
    assert!(again.now >= reading.now);

    let mut anew = topic(&broker);
    let reading = anew.refresh().await.expect("read");
    assert_eq!(reading.records, 84);
    assert!(
        matches!(verdict(&anew, reading.now), ReleaseStatus::Released { .. }),
        "as the first"
    );
}

#[tokio::test]
async fn an_empty_topic_is_read_at_once_and_consents_to_nothing() {
    let broker = Broker::start(TOPIC, 3);
    let mut fleet = topic(&broker);
    let now = fleet.refresh().await.expect("read").now;
    assert_eq!(verdict(&fleet, now), ReleaseStatus::Unknown);
}

#[tokio::test]
async fn what_is_no_report_is_counted_and_skipped() {
    let broker = Broker::start(TOPIC, 1);
    broker.publish("hunter2").await.expect("published");
    let producer = producer(&broker);
    let forged = report("pod", 1, "v1");
    producer
        .send(Some("another's key"), Some(&forged.encode().unwrap()))
        .await
        .expect("sent");
    send(&producer, &report("pod", 2, "v1")).await;
    let mut fleet = topic(&broker);
    let reading = fleet.refresh().await.expect("read");
    assert_eq!((reading.malformed, fleet.ledger().len()), (2, 1));
}

#[tokio::test]
async fn a_tombstone_removes_a_consumer() {
    let broker = Broker::start(TOPIC, 1);
    let producer = producer(&broker);
    let gone = report("gone", 1, "v1");
    send(&producer, &gone).await;
    let mut fleet = topic(&broker);
    fleet.refresh().await.expect("read");
    assert_eq!(fleet.ledger().len(), 1);
    producer.send(Some(&gone.key()), None).await.expect("sent");
    fleet.refresh().await.expect("read");
    assert!(fleet.ledger().is_empty());
}

#[tokio::test]
async fn writers_times_are_refused_unless_they_are_trusted() {
    let broker = Broker::start(TOPIC, 1);
    let mut fleet = FleetTopic::new(&config(&broker), TOPIC).expect("a topic");
    let error = fleet
        .refresh()
        .await
        .expect_err("the mock cluster's times are the writers'");
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
    let mut fleet = topic(&broker).within(Duration::from_secs(2));
    fleet.refresh().await.expect("read");
    broker.down();
    let error = fleet.refresh().await.expect_err("down");
    assert!(error.is_retryable(), "{}", error.report());
    assert_eq!(fleet.ledger().len(), 1);
    broker.up();
    // It may take a moment to reconnect.
    let deadline = Instant::now() + Duration::from_secs(30);
    let reading = loop {
        match fleet.refresh().await {
            Ok(reading) => break reading,
            Err(error) => assert!(Instant::now() < deadline, "{}", error.report()),
        }
    };
    assert!(matches!(
        verdict(&fleet, reading.now),
        ReleaseStatus::InUse { .. }
    ));
}

#[tokio::test]
async fn a_reporter_writes_what_the_ledger_reads() {
    let broker = Broker::start(TOPIC, 3);
    let source = || async { Ok::<_, Error>(Secret::new("material", "v2")) };
    let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_owned()) };
    let keys = Refreshable::builder(source, connect)
        .start()
        .await
        .expect("starts");
    let reporter = Reporter::builder(&keys, SECRET, producer(&broker))
        .start()
        .expect("starts");
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut status = reporter.subscribe_status();
    status
        .wait_for(|status| status.sent > 0)
        .await
        .expect("sent");

    let mut fleet = topic(&broker);
    loop {
        let now = fleet.refresh().await.expect("read").now;
        match verdict(&fleet, now) {
            // The word came before things had settled, and the next one is half a minute away.
            ReleaseStatus::InUse { by, .. } => {
                assert_eq!(by[0].instance, *reporter.instance());
                reporter.report_now();
            }
            ReleaseStatus::Released { .. } => break,
            other => panic!("{other:?}"),
        }
        assert!(Instant::now() < deadline, "not in ten seconds");
        sleep(Duration::from_millis(20)).await;
    }
    reporter
        .shutdown(Duration::from_secs(10))
        .await
        .expect("sent");
    fleet.refresh().await.expect("read");
    let consumer = fleet.ledger().consumers(SECRET, 0).next().expect("one");
    assert_eq!(consumer.live, None, "it said goodbye");
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
    async fn a_consumer_needs_write_and_the_authority_both_and_times_are_the_brokers() {
        let producer = Producer::new(&user("publisher"), TOPIC).expect("a topic");
        let mut held = report("pod", 1, "v1");
        held.incarnation = Incarnation::new(SystemTime::UNIX_EPOCH, u64::from(std::process::id()));
        let mut mine = held.clone();
        send(&producer, &held).await;

        let mut fleet = FleetTopic::new(&user("admin"), TOPIC).expect("a topic");
        let reading = fleet.refresh().await.expect("read");
        let ReleaseStatus::InUse { by, .. } = verdict(&fleet, reading.now) else {
            panic!("held")
        };
        let mine_held = by
            .iter()
            .find(|h| h.incarnation == mine.incarnation)
            .expect("mine");
        assert!(reading.now - mine_held.last_heard < 10_000);
        assert_eq!(reading.malformed, 0);

        mine.sequence = 2;
        mine.live = None;
        send(&producer, &mine).await;
        let reading = fleet.refresh().await.expect("read");
        assert_eq!(reading.records, 2, "what is new");

        for (name, operation) in [("publisher", "Read"), ("consumer", "Write")] {
            let mut fleet = FleetTopic::new(&user(name), TOPIC).expect("a topic");
            let error = fleet.refresh().await.expect_err("not permitted");
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}");
            assert!(error.report().contains(operation), "{}", error.report());
        }
    }
}
