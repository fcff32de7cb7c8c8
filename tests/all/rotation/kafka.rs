//! The rotation and its consumers, through a broker: what is published is understood, what is reported is believed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use credswap::fleet::{
    Assumptions, DrainingVersion, FleetTopic, Incarnation, InstanceId, LiveVersion, Report,
    ReportSink, VersionAge,
};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::rotation::*;
use credswap::{Error, Refreshable, Secret, trigger};
use credswap_testkit::Broker;
use tokio::time::{sleep, timeout};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/uploader-AbCdEf";
const TOPIC: &str = "s3.test.secret.manager";

fn config(broker: &Broker) -> KafkaConfig {
    KafkaConfig::new(broker.bootstrap_servers()).plaintext()
}

fn announcement() -> RotationEvent {
    RotationEvent {
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_708_905_600_123),
        secret_id: ARN.to_owned(),
        version_id: "v2".into(),
        previous_version_id: Some("v1".into()),
    }
}

#[tokio::test]
async fn a_consumer_understands_what_is_announced() {
    let broker = Broker::start(TOPIC, 3);
    let current = Arc::new(Mutex::new("v1"));
    let source = {
        let current = Arc::clone(&current);
        move || {
            let version = *current.lock().expect("not poisoned");
            async move { Ok::<_, Error>(Secret::new(version, version)) }
        }
    };
    let listens = trigger::Kafka::new(&config(&broker), TOPIC).expect("a trigger");
    let connect = |secret: Secret| async move { Ok::<_, Error>(secret.version().to_string()) };
    let live = Refreshable::builder(source, connect)
        .trigger(listens)
        .start()
        .await
        .expect("the first version");
    *current.lock().expect("not poisoned") = "v2";
    let producer = Producer::new(&config(&broker), TOPIC).expect("a producer");
    // Until the trigger has its position, an event may be before it; and what fails is announced again.
    let told = async {
        while *live.lease() != "v2" {
            if let Err(error) = producer.announce(&announcement()).await {
                assert!(error.is_retryable(), "{}", error.report());
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), told)
        .await
        .expect("it listens");
}

#[tokio::test]
async fn a_broker_that_is_down_fails_the_step_in_time() {
    let broker = Broker::start(TOPIC, 1);
    broker.down();
    let producer = Producer::new(&config(&broker), TOPIC).expect("a producer");
    let producer = producer.timeout(Duration::from_millis(500));
    let error = producer
        .announce(&announcement())
        .await
        .expect_err("no broker");
    assert!(error.is_retryable(), "{}", error.report());
}

#[tokio::test]
async fn the_fleets_reports_are_the_word_on_a_version() {
    let broker = Broker::start("credswap.usage", 1);
    let producer = Producer::new(&config(&broker), "credswap.usage").expect("a producer");
    let assumptions = Assumptions::default()
        .late_adoption(Duration::from_millis(1))
        .grace(Duration::from_millis(1));
    let topic = FleetTopic::new(&config(&broker), "credswap.usage").expect("a topic");
    let holders = FleetUsage::new(topic.trust_producer_clocks().assumptions(assumptions));
    let view = SecretDescription {
        arn: ARN.to_owned(),
        name: "prod/uploader".to_owned(),
        labels: [
            ("v2".to_owned(), vec![CURRENT.to_owned()]),
            ("v1".to_owned(), vec![PREVIOUS.to_owned()]),
        ]
        .into(),
        ..SecretDescription::default()
    };
    let old = "v1".into();
    let word = async || {
        let word = holders.usage_of(&view, &old).await;
        word.expect("it can be read")
    };
    assert_eq!(word().await.standing, UsageState::Unknown);

    // Consumers know the secret by its name, the rotation by its ARN.
    let mut report = Report::new(
        InstanceId::new("pod-1").expect("a name"),
        Incarnation::new(SystemTime::UNIX_EPOCH, 1),
        1,
        "prod/uploader",
        Duration::from_secs(3600),
    );
    report.live = Some(LiveVersion::new("v2", Duration::from_secs(1)));
    report.draining = vec![DrainingVersion::new("v1", 3)];
    let send = async |report: &Report| {
        let payload = report.encode().expect("a report");
        ReportSink::send(&producer, report.key(), payload)
            .await
            .expect("sent");
    };
    send(&report).await;
    let UsageState::InUse { by } = word().await.standing else {
        panic!("pod-1 holds it")
    };
    assert_eq!(
        (by[0].instance.as_str(), by[0].using.as_str()),
        ("pod-1", "3 leases")
    );

    report.sequence = 2;
    report.draining.clear();
    report.rejected = vec![VersionAge::new("v1", Duration::from_secs(5))];
    send(&report).await;
    let word = word().await;
    assert!(
        matches!(&word.standing, UsageState::Released { presumed_gone, .. } if presumed_gone.is_empty()),
        "{word:?}"
    );
    assert_eq!(word.refused[0].instance, "pod-1");
}
