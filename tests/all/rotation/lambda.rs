//! The example `rotation_lambda`: the real binary, called as Lambda calls it, against the cloud and broker in the process.

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
pub(crate) async fn services() -> (Cloud, Broker, AccessKey, AccessKey) {
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

/// The function, and the services that it uses.
struct Deployment {
    cloud: Cloud,
    broker: Broker,
    /// The user's first key.
    old: AccessKey,
    /// The key of the function's role.
    role: AccessKey,
    function: Function,
}

impl Deployment {
    /// All consumers report.
    async fn new() -> Self {
        Self::with(&[
            ("REPORTS_TOPIC", REPORTS),
            ("REPORTS_SETTLE", "0s"),
            ("REPORTS_GRACE", "0s"),
            // The mock cluster does not know the broker's times.
            ("REPORTS_TRUST_CLOCKS", "true"),
            ("ALL_CONSUMERS_REPORT", "true"),
            ("WATCH", "0s"),
        ])
        .await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let (cloud, broker, old, role) = services().await;
        let (endpoint, servers) = (cloud.endpoint_url(), broker.bootstrap_servers());
        let required = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_REGION", cloud.region()),
            ("AWS_ACCESS_KEY_ID", role.id()),
            ("AWS_SECRET_ACCESS_KEY", role.secret()),
            ("BOOTSTRAP_SERVERS", servers.as_str()),
            ("TOPIC", TOPIC),
            ("KAFKA_PLAINTEXT", "true"),
        ];
        let function = Function::start("rotation_lambda", &[&required, settings].concat()).await;
        Self {
            cloud,
            broker,
            old,
            role,
            function,
        }
    }

    /// What Secrets Manager does, once: the label, and the steps in order. Returns the version, and the first error.
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
            "RotationToken": "redact-me"
        });
        let answer = self.function.invoke(&event).await;
        let answer = answer.map_err(|failure| format!("{}: {}", failure.kind, failure.message))?;
        assert_eq!(answer, Value::Null);
        Ok(())
    }

    /// What was done with the old key, and reason.
    async fn retire(&mut self) -> (String, String) {
        let event = json!({"Step": "retireSecret", "SecretId": SECRET});
        let answer = self.function.invoke(&event).await.expect("retired");
        let keys = answer["keys"].as_array().expect("a list");
        let shown = format!("…{}", &self.old.id()[self.old.id().len() - 4..]);
        let old = keys.iter().find(|key| key["key"] == shown.as_str());
        let old = old.unwrap_or_else(|| panic!("{shown} in {answer}"));
        let text = |field: &str| old[field].as_str().expect("text").to_owned();
        (text("action"), text("reason"))
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
        for secret in [live, self.old.secret(), self.role.secret(), "redact-me"] {
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
async fn the_four_steps_rotate_and_retire_waits_for_the_consumer() {
    let mut deployment = Deployment::new().await;
    let before = deployment.current();
    let (token, rotated) = deployment.rotate().await;
    rotated.expect("rotated");
    assert_eq!(deployment.current(), token);
    let events = deployment.events().await;
    let [event] = &events[..] else {
        panic!("one event: {events:?}")
    };
    assert!(event["eventDateTime"].as_f64().expect("seconds") > 1.7e9);
    assert_eq!(event["step"], "finishSecret");
    assert_eq!(
        event["secretId"],
        deployment.cloud.secret_arn(SECRET).as_str()
    );
    assert_eq!(event["versionId"], token.as_str());
    assert_eq!(event["previousVersionId"], before.as_str());

    let (action, reason) = deployment.retire().await;
    assert_eq!(action, "kept");
    assert!(reason.contains("no consumer has reported"), "{reason}");
    deployment.report(1, &before).await;
    let (action, reason) = deployment.retire().await;
    assert_eq!(action, "kept");
    assert!(reason.contains("pod-1"), "{reason}");
    assert_eq!(deployment.cloud.keys(USER).len(), 2);

    deployment.report(2, &token).await;
    let (action, reason) = deployment.retire().await;
    assert_eq!(action, "deactivated", "{reason}");
    let (action, reason) = deployment.retire().await;
    assert_eq!(action, "deleted", "{reason}");
    assert_eq!(deployment.cloud.keys(USER).len(), 1);
    deployment.log_is_clean();
}

#[tokio::test]
async fn a_retry_publishes_an_event_that_was_not_published() {
    let mut deployment = Deployment::new().await;
    let token = deployment.cloud.begin_rotation(SECRET);
    for step in &STEPS[..3] {
        deployment.step(step, &token).await.expect(step);
    }
    deployment.broker.down();
    let failure = deployment.step("finishSecret", &token).await;
    let failure = failure.expect_err("it is not published");
    assert!(failure.starts_with("unavailable: "), "{failure}");
    deployment.broker.up();
    assert_eq!(deployment.current(), token, "moved all the same");
    assert!(deployment.events().await.is_empty());
    for step in STEPS {
        deployment.step(step, &token).await.expect(step);
    }
    assert_eq!(deployment.events().await.len(), 1);
    deployment.log_is_clean();
}

#[tokio::test]
async fn errors_have_a_type_and_say_what_to_change() {
    let mut deployment = Deployment::new().await;
    let failure = deployment
        .step("dropSecret", "t")
        .await
        .expect_err("not a step");
    assert!(
        failure.starts_with("invalid_request: ") && failure.contains("`dropSecret` is unknown"),
        "{failure}"
    );
    let failure = deployment.step("createSecret", "never-staged").await;
    let failure = failure.expect_err("not staged");
    assert!(
        failure.starts_with("invalid_request: ") && failure.contains("never-staged"),
        "{failure}"
    );
    let failure = deployment.function.invoke(&json!("what?")).await;
    assert_eq!(failure.expect_err("not an object").kind, "invalid_request");

    deployment.cloud.deny(ROLE, "iam:CreateAccessKey");
    let (token, refused) = deployment.rotate().await;
    let refused = refused.expect_err("denied");
    assert!(
        refused.starts_with("permission_denied: ") && refused.contains("`iam:CreateAccessKey`"),
        "{refused}"
    );
    deployment.cloud.allow(ROLE, "iam:CreateAccessKey");
    for step in STEPS {
        deployment.step(step, &token).await.expect(step);
    }
    assert_eq!(deployment.current(), token);
    deployment.log_is_clean();
}

#[tokio::test]
async fn without_reports_an_assumption_makes_room_and_is_logged() {
    let mut deployment = Deployment::with(&[]).await;
    let (_, rotated) = deployment.rotate().await;
    rotated.expect("rotated");
    let (_, refused) = deployment.rotate().await;
    let refused = refused.expect_err("the assumed time has not passed");
    for words in [
        "in_use: ",
        "`ASSUME_RELEASED` (the template's parameter `AssumeReleased`)",
    ] {
        assert!(refused.contains(words), "{refused}");
    }
    let log = deployment.function.log();
    let warned = log
        .lines()
        .any(|line| line.contains("WARN") && line.contains("3d after"));
    assert!(warned && log.contains("`AssumeReleased`"), "{log}");

    let no_time = [
        ("ASSUME_RELEASED", "0s"),
        ("MIN_OVERLAP", "0s"),
        ("WATCH", "0s"),
    ];
    let mut deployment = Deployment::with(&no_time).await;
    for n in 0..4 {
        let (_, rotated) = deployment.rotate().await;
        rotated.unwrap_or_else(|error| panic!("rotation {n}: {error}"));
    }
    let log = deployment.function.log();
    assert!(log.contains("key retired on an assumption"), "{log}");
}

#[tokio::test]
async fn an_event_may_have_its_two_fields_only() {
    let mut deployment = Deployment::with(&[("MINIMAL_EVENTS", "true")]).await;
    let (_, rotated) = deployment.rotate().await;
    rotated.expect("rotated");
    let events = deployment.events().await;
    let fields: Vec<_> = events[0].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["eventDateTime", "step"]);
}

#[tokio::test]
async fn a_missing_or_wrong_setting_is_named() {
    let servers = ("BOOTSTRAP_SERVERS", "localhost:9096");
    for (variables, name) in [
        (&[servers][..], "`TOPIC` is not set"),
        (&[servers, ("TOPIC", " ")], "`TOPIC` is not set"),
        (&[servers, ("TOPIC", "t"), ("WATCH", "1 day")], "`WATCH`"),
        (
            &[servers, ("TOPIC", "t"), ("EXPECTED_CONSUMERS", "all")],
            "`ExpectedConsumers`",
        ),
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
