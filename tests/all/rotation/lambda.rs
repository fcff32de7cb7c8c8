//! The example `rotation_lambda`: the real binary, called as Lambda calls it, against the embedded cloud and broker.

use std::time::{Duration, SystemTime};

use credswap::fleet::{Incarnation, InstanceId, LiveVersion, Report, ReportSink};
use credswap::kafka::{KafkaConfig, Producer};
use credswap_testkit::{AccessKey, Broker, Cloud, SecretContent};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::support::runtime_api::Function;

pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const USER: &str = "uploader";
pub(crate) const ROLE: &str = "role";
pub(crate) const TOPIC: &str = "s3.test.secret.manager";
pub(crate) const REPORTS: &str = "credswap.usage";
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// A cloud with a user, its key in a secret, and a role's key; and a broker with both topics.
pub(crate) async fn site() -> (Cloud, Broker, AccessKey, AccessKey) {
    let cloud = Cloud::start().await;
    cloud.create_user(USER);
    let old = cloud.create_access_key(USER);
    let content = json!({"username": USER, "accesskey": old.id(), "secretkey": old.secret()});
    cloud.create_secret(SECRET, content.to_string());
    cloud.create_user(ROLE);
    let role = cloud.create_access_key(ROLE);
    let broker = Broker::start(TOPIC, 3);
    broker.create_topic(REPORTS, 3);
    (cloud, broker, old, role)
}

struct World {
    cloud: Cloud,
    broker: Broker,
    /// The user's first key.
    old: AccessKey,
    /// The key of the function's role.
    role: AccessKey,
    function: Function,
}

impl World {
    async fn new() -> Self {
        let (cloud, broker, old, role) = site().await;
        let function = Function::start(
            "rotation_lambda",
            &[
                ("AWS_ENDPOINT_URL", &cloud.endpoint_url()),
                ("AWS_REGION", cloud.region()),
                ("AWS_ACCESS_KEY_ID", role.id()),
                ("AWS_SECRET_ACCESS_KEY", role.secret()),
                ("BOOTSTRAP_SERVERS", &broker.bootstrap_servers()),
                ("TOPIC", TOPIC),
                ("KAFKA_PLAINTEXT", "true"),
                ("REPORTS_TOPIC", REPORTS),
                ("REPORTS_SETTLE", "0s"),
                ("REPORTS_GRACE", "0s"),
                // The mock cluster does not know the broker's times.
                ("REPORTS_TRUST_CLOCKS", "true"),
                ("WATCH", "0s"),
            ],
        )
        .await;
        Self {
            cloud,
            broker,
            old,
            role,
            function,
        }
    }

    /// What Secrets Manager does, once: the label, and the steps in their order. Gives the version, and the first error.
    async fn rotate(&mut self) -> (String, Result<(), String>) {
        let token = self.cloud.begin_rotation(SECRET);
        for step in STEPS {
            if let Err(failure) = self.step(step, &token).await {
                return (token, Err(failure));
            }
        }
        (token, Ok(()))
    }

    async fn step(&mut self, step: &str, token: &str) -> Result<(), String> {
        let event = json!({
            "Step": step, "SecretId": self.cloud.secret_arn(SECRET), "ClientRequestToken": token,
            "RotationToken": "hush-hush"
        });
        let answer = self.function.invoke(&event).await;
        let answer = answer.map_err(|failure| format!("{}: {}", failure.kind, failure.message))?;
        assert_eq!(answer, Value::Null);
        Ok(())
    }

    /// What became of the old key, and why.
    async fn retire(&mut self) -> (String, String) {
        let event = json!({"Step": "retireSecret", "SecretId": SECRET});
        let answer = self.function.invoke(&event).await.expect("retired");
        let keys = answer["keys"].as_array().expect("a list");
        let shown = format!("…{}", &self.old.id()[self.old.id().len() - 4..]);
        let old = keys.iter().find(|key| key["key"] == shown.as_str());
        let old = old.unwrap_or_else(|| panic!("{shown} in {answer}"));
        let text = |field: &str| old[field].as_str().expect("text").to_owned();
        (text("did"), text("why"))
    }

    async fn report(&self, sequence: u64, live: &str) {
        let mut report = Report::new(
            InstanceId::new("pod-1").expect("a name"),
            Incarnation::new(SystemTime::UNIX_EPOCH, 1),
            sequence,
            SECRET,
            Duration::from_secs(3600),
        );
        report.live = Some(LiveVersion::new(live, Duration::ZERO));
        let config = KafkaConfig::new(self.broker.bootstrap_servers()).plaintext();
        let producer = Producer::new(&config, REPORTS).expect("a topic");
        let encoded = report.encode().expect("it fits");
        ReportSink::send(&producer, report.key(), encoded)
            .await
            .expect("sent");
    }

    /// All that was published.
    async fn events(&self) -> Vec<Value> {
        let servers = self.broker.bootstrap_servers();
        let read = tokio::task::spawn_blocking(move || read_all(&servers));
        read.await.expect("read")
    }

    fn current(&self) -> String {
        self.cloud.staged(SECRET, "AWSCURRENT").expect("a version")
    }

    /// No secret access key, and no token, is in what the function wrote; and each line is JSON.
    fn log_is_clean(&self) {
        let log = self.function.log();
        assert!(!log.is_empty());
        for line in log.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
        let SecretContent::Text(current) = self.cloud.current_secret(SECRET) else {
            panic!("it was a text")
        };
        let current: Value = serde_json::from_str(&current).expect("JSON");
        let live = current["secretkey"].as_str().expect("a text");
        for secret in [live, self.old.secret(), self.role.secret(), "hush-hush"] {
            assert!(!log.contains(secret));
        }
    }
}

/// All that was published on `TOPIC`.
pub(crate) fn read_all(servers: &str) -> Vec<Value> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "test")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..3 {
        partitions
            .add_partition_offset(TOPIC, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&partitions).expect("assigned");
    let (mut events, mut ends) = (Vec::new(), 0);
    while ends < 3 {
        match consumer.poll(Duration::from_secs(10)) {
            Some(Ok(message)) => {
                let payload = message.payload().expect("a payload");
                events.push(serde_json::from_slice(payload).expect("JSON"));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            other => panic!("not read to the end: {:?}", other.map(|_| ())),
        }
    }
    events
}

#[tokio::test]
async fn four_steps_rotate_tell_everyone_and_retire_waits_for_the_consumer() {
    let mut world = World::new().await;
    let before = world.current();
    let (token, rotated) = world.rotate().await;
    rotated.expect("rotated");
    assert_eq!(world.current(), token);
    let events = world.events().await;
    let [event] = &events[..] else {
        panic!("one event: {events:?}")
    };
    assert!(event["eventDateTime"].as_f64().expect("seconds") > 1.7e9);
    assert_eq!(event["step"], "finishSecret");
    assert_eq!(event["secretId"], world.cloud.secret_arn(SECRET).as_str());
    assert_eq!(event["versionId"], token.as_str());
    assert_eq!(event["previousVersionId"], before.as_str());

    let (did, why) = world.retire().await;
    assert_eq!(did, "nothing");
    assert!(why.contains("no consumer has ever said a word"), "{why}");
    world.report(1, &before).await;
    let (did, why) = world.retire().await;
    assert_eq!(did, "nothing");
    assert!(why.contains("pod-1"), "{why}");
    assert_eq!(world.cloud.keys(USER).len(), 2);

    world.report(2, &token).await;
    let (did, why) = world.retire().await;
    assert_eq!(did, "deactivated", "{why}");
    let (did, why) = world.retire().await;
    assert_eq!(did, "deleted", "{why}");
    assert_eq!(world.cloud.keys(USER).len(), 1);
    world.log_is_clean();
}

#[tokio::test]
async fn an_event_that_was_not_published_fails_the_step_and_the_retry_publishes_it() {
    let mut world = World::new().await;
    let token = world.cloud.begin_rotation(SECRET);
    for step in &STEPS[..3] {
        world.step(step, &token).await.expect(step);
    }
    world.broker.down();
    let failure = world.step("finishSecret", &token).await;
    let failure = failure.expect_err("nobody was told");
    assert!(failure.starts_with("unavailable: "), "{failure}");
    world.broker.up();
    assert_eq!(world.current(), token, "moved all the same");
    assert!(world.events().await.is_empty());
    for step in STEPS {
        world.step(step, &token).await.expect(step);
    }
    assert_eq!(world.events().await.len(), 1);
    world.log_is_clean();
}

#[tokio::test]
async fn errors_have_a_type_and_say_what_to_change_and_the_function_goes_on() {
    let mut world = World::new().await;
    let failure = world.step("dropSecret", "t").await.expect_err("no step");
    assert!(
        failure.starts_with("invalid_request: ") && failure.contains("`dropSecret` is unknown"),
        "{failure}"
    );
    let failure = world.step("createSecret", "never-staged").await;
    let failure = failure.expect_err("not staged");
    assert!(
        failure.starts_with("invalid_request: ") && failure.contains("never-staged"),
        "{failure}"
    );
    let failure = world.function.invoke(&json!("what?")).await;
    assert_eq!(failure.expect_err("no object").kind, "invalid_request");

    world.cloud.deny(ROLE, "iam:CreateAccessKey");
    let (token, refused) = world.rotate().await;
    let refused = refused.expect_err("denied");
    assert!(
        refused.starts_with("permission_denied: ") && refused.contains("`iam:CreateAccessKey`"),
        "{refused}"
    );
    world.cloud.allow(ROLE, "iam:CreateAccessKey");
    for step in STEPS {
        world.step(step, &token).await.expect(step);
    }
    assert_eq!(world.current(), token);
    world.log_is_clean();
}

#[tokio::test]
async fn a_setting_that_is_missing_or_wrong_ends_the_function_and_is_named() {
    let servers = ("BOOTSTRAP_SERVERS", "localhost:9096");
    for (variables, name) in [
        (&[servers][..], "`TOPIC` is not set"),
        (&[servers, ("TOPIC", " ")], "`TOPIC` is not set"),
        (&[servers, ("TOPIC", "t"), ("WATCH", "1 day")], "`WATCH`"),
        (
            &[servers, ("TOPIC", "t"), ("KAFKA_PLAINTEXT", "yes")],
            "`KAFKA_PLAINTEXT`",
        ),
        (
            &[servers, ("TOPIC", "t"), ("KAFKA_USERNAME", "u")],
            "`KAFKA_PASSWORD_FILE`",
        ),
    ] {
        let mut function = Function::start("rotation_lambda", variables).await;
        assert!(!function.ended().await.success());
        let log = function.log();
        assert!(log.contains(name), "{name}: {log}");
    }
}
