//! On Apache Kafka: `tests/real/kafka_tests.sh`.

use std::time::Duration;

use credswap::fleet::FleetTopic;
use credswap::kafka::{KafkaConfig, Password, Producer};
use credswap::trigger::{Health, Kafka, Reason};
use rdkafka::producer::Producer as _;
use tokio::time::{Instant, sleep};

use super::support::{
    FINISHED, Running, TIMEOUT, config, create, delete, of, password, producer, publish, topic,
};

fn trigger(topic: &str) -> Kafka {
    Kafka::new(&config(), topic).expect("a good config")
}

fn ledger(topic: &str) -> FleetTopic {
    FleetTopic::new(&config(), topic).expect("a topic")
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn events_of_every_compression_are_heard_and_reports_read() {
    let topic = topic("compressed", 1).await;
    let mut running = Running::listening(trigger(&topic)).await;
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in codecs {
        let producer = producer(&[("compression.type", codec)]);
        // Small records are not compressed unless there are several of the same.
        let padded = format!("{FINISHED}{}", " ".repeat(2_000));
        publish(&producer, &topic, 0, &padded).await;
        running.until_requested(Reason::Event).await;
    }
    assert!(running.health.borrow().is_listening());
    let read = ledger(&topic).read_to_end().await.expect("read");
    assert_eq!(read.records, codecs.len() as u64 + 1, "and the probe");
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn an_open_transaction_delays_nothing_and_an_aborted_one_fails_nothing() {
    let topic = topic("transactions", 1).await;
    let transactional = producer(&[("transactional.id", &topic)]);
    transactional.init_transactions(TIMEOUT).expect("begun");
    let plain = producer(&[]);
    let mut running = Running::listening(trigger(&topic)).await;
    let mut reports = ledger(&topic);
    for commit in [false, true, false] {
        transactional.begin_transaction().expect("begun");
        publish(&transactional, &topic, 0, "{}").await;
        publish(&plain, &topic, 0, FINISHED).await;
        let took = running.until_requested(Reason::Event).await;
        assert!(took < Duration::from_secs(10), "heard after {took:?}");
        reports.read_to_end().await.expect("read while it is open");
        if commit {
            transactional.commit_transaction(TIMEOUT).expect("ended");
        } else {
            transactional.abort_transaction(TIMEOUT).expect("ended");
        }
        reports.read_to_end().await.expect("read after its end");
    }
    ledger(&topic).read_to_end().await.expect("read anew");
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn a_thousand_partitions_are_surveyed_behind_parked_fetches_and_read() {
    let topic = topic("wide", 1_000).await;
    let trigger = trigger(&topic).metadata_interval(Duration::from_millis(500));
    let mut running = Running::listening(trigger).await;
    let plain = producer(&[]);
    let until = Instant::now() + Duration::from_secs(10);
    let mut partition = 0;
    while Instant::now() < until {
        publish(&plain, &topic, partition, FINISHED).await;
        running.until_requested(Reason::Event).await;
        assert!(running.health.borrow().is_listening());
        partition = (partition + 333) % 1_000;
    }
    assert_eq!(running.requests.take(), None, "no catch-up");

    let mut reports = ledger(&topic);
    for _ in 0..3 {
        let began = Instant::now();
        let read = reports.read_to_end().await.expect("read");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(30), "{read:?} in {took:?}");
        println!("{} records of 1000 partitions in {took:?}", read.records);
    }
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn a_topic_that_is_made_again_with_as_many_messages_requests_a_refresh() {
    let topic = topic("again", 1).await;
    let plain = producer(&[]);
    for _ in 0..3 {
        publish(&plain, &topic, 0, "{}").await;
    }
    let mut running = Running::listening(trigger(&topic)).await;
    let mut reports = ledger(&topic);
    for _ in 0..3 {
        let before = reports.read_to_end().await.expect("read").records;
        assert!(before >= 1);
        while running.requests.take().is_some() {}
        delete(&topic).await;
        // The broker still knows the name for a moment.
        sleep(Duration::from_millis(500)).await;
        create(&topic, 1).await;
        let again = producer(&[]);
        for _ in 0..5 {
            publish(&again, &topic, 0, FINISHED).await;
        }
        let took = running.until_requested(Reason::CatchUp).await;
        assert!(took < Duration::from_secs(30), "{took:?}");
        running.until(Health::is_listening).await;
        publish(&again, &topic, 0, FINISHED).await;
        running.until_requested(Reason::Event).await;
    }
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn what_is_wrong_with_a_certificate_or_a_login_is_said() {
    let topic = topic("faults", 1).await;
    let servers = of("BOOTSTRAP_SERVERS");
    let with = |config: KafkaConfig| config.scram_sha_512("admin", password().trim());
    let ca_file = of("CA_FILE");
    for (config, expected) in [
        (
            with(KafkaConfig::new(&servers).ca_file(of("WRONG_CA_FILE"))),
            "not signed by CA file",
        ),
        (
            // Another name of 127.0.0.1, which is not in the certificate.
            with(KafkaConfig::new(servers.replace("localhost", "127.1")).ca_file(&ca_file)),
            "does not name this host",
        ),
        (
            KafkaConfig::new(&servers)
                .ca_file(&ca_file)
                .sasl_plain("admin", "p"),
            "does not offer this login's mechanism",
        ),
        (
            KafkaConfig::new(&servers)
                .ca_file(&ca_file)
                .scram_sha_512("admin", "wrong"),
            "rejected the login of user `admin`",
        ),
    ] {
        let mut running = Running::start(Kafka::new(&config, &topic).expect("a good config"));
        let health = running
            .until(|health| matches!(health, Health::Disconnected { .. }))
            .await;
        let text = format!("{health:?}");
        assert!(text.contains(expected), "{expected}: {text}");
        let producer = Producer::new(&config, &topic).expect("a good config");
        let error = producer.send(None, Some(b"{}")).await.expect_err("refused");
        assert!(error.report().contains(expected), "{}", error.report());
    }
}

#[tokio::test]
#[ignore = "needs Apache Kafka: tests/real/kafka_tests.sh"]
async fn a_file_with_the_whole_secret_of_msk_logs_in() {
    let topic = topic("secret", 1).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let secret = format!(
        "\u{feff}{{\"username\": \"admin\", \"password\": \"{}\"}}\n",
        password().trim()
    );
    std::fs::write(file.path(), secret).expect("written");
    let config = KafkaConfig::new(of("BOOTSTRAP_SERVERS"))
        .ca_file(of("CA_FILE"))
        .scram_sha_512("admin", Password::file(file.path()));
    Running::listening(Kafka::new(&config, &topic).expect("a good config")).await;
}
