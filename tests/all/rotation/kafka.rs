//! The rotation and its consumers, through a broker: events one way, usage reports the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use credswap::fleet::{
    Assumptions, DrainingVersion, FleetTopic, Incarnation, InstanceId, LiveVersion, Report,
    ReportSink, VersionAge,
};
use credswap::kafka::{KafkaConfig, Producer};
use credswap::rotation::{
    Announcer, FleetUsage, RotationEvent, SecretDescription, UsageSource, UsageState,
};
use credswap::{Error, Refreshable, Secret, trigger};
use credswap_testkit::Broker;
use tokio::time::{sleep, timeout};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/uploader-AbCdEf";
const TOPIC: &str = "s3.test.secret.manager";

fn config(broker: &Broker) -> KafkaConfig {
    KafkaConfig::new(broker.bootstrap_servers()).plaintext()
}

fn event() -> RotationEvent {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_708_905_600_123);
    RotationEvent::new(at, ARN, "v2".into()).previous_version("v1".into())
}

#[tokio::test]
async fn a_consumer_understands_the_event() {
    let broker = Broker::start(TOPIC, 3);
    let current = Arc::new(Mutex::new("v1"));
    let source = {
        let current = Arc::clone(&current);
        move || {
            let version = *current.lock().expect("not poisoned");
            async move { Ok::<_, Error>(Secret::new(version, version)) }
        }
    };
    let trigger = trigger::Kafka::new(&config(&broker), TOPIC).expect("a trigger");
    let connect = |secret: Secret| async move { Ok::<_, Error>(secret.version().to_string()) };
    let live = Refreshable::builder(source, connect)
        .trigger(trigger)
        .start()
        .await
        .expect("the first version");
    *current.lock().expect("not poisoned") = "v2";
    let producer = Producer::new(&config(&broker), TOPIC).expect("a producer");
    // Until the trigger has its position, an event may come before it; and what fails is announced again.
    let swapped = async {
        while *live.lease() != "v2" {
            if let Err(error) = producer.announce(&event()).await {
                assert!(error.is_retryable(), "{}", error.report());
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), swapped)
        .await
        .expect("it swaps");
}

#[tokio::test]
async fn a_broker_that_is_down_fails_the_step_in_time() {
    let broker = Broker::start(TOPIC, 1);
    broker.down();
    let producer = Producer::new(&config(&broker), TOPIC).expect("a producer");
    let producer = producer.timeout(Duration::from_millis(500));
    let error = producer.announce(&event()).await.expect_err("no broker");
    assert!(error.is_retryable(), "{}", error.report());
}

#[tokio::test]
async fn the_usage_of_a_version_is_what_the_fleet_reports() {
    let broker = Broker::start("credswap.usage", 1);
    let producer = Producer::new(&config(&broker), "credswap.usage").expect("a producer");
    let assumptions = Assumptions::default()
        .late_adoption(Duration::from_millis(1))
        .grace(Duration::from_millis(1));
    let topic = FleetTopic::new(&config(&broker), "credswap.usage").expect("a topic");
    let usage = FleetUsage::new(topic.trust_producer_clocks().assumptions(assumptions));
    let mut secret = SecretDescription::default();
    secret.arn = ARN.to_owned();
    secret.name = "prod/uploader".to_owned();
    secret.labels = [("v2", "AWSCURRENT"), ("v1", "AWSPREVIOUS")]
        .map(|(version, label)| (version.to_owned(), vec![label.to_owned()]))
        .into();
    let old = "v1".into();
    let usage_of_old = async || {
        let usage = usage.usage_of(&secret, &old).await;
        usage.expect("it can be read")
    };
    assert_eq!(usage_of_old().await.state, UsageState::Unknown);

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
    let UsageState::InUse { by } = usage_of_old().await.state else {
        panic!("pod-1 uses it")
    };
    assert_eq!(
        (by[0].instance.as_str(), by[0].reason.as_str()),
        ("pod-1", "3 leases")
    );

    report.sequence = 2;
    report.draining.clear();
    report.rejected = vec![VersionAge::new("v1", Duration::from_secs(5))];
    send(&report).await;
    let usage = usage_of_old().await;
    assert!(
        matches!(&usage.state, UsageState::Released { presumed_gone, .. } if presumed_gone.is_empty()),
        "{usage:?}"
    );
    assert_eq!(usage.rejections[0].instance, "pod-1");
    assert_eq!(usage.adopted_by, ["pod-1".to_owned()].into());
}
