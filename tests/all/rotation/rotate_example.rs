//! The example `rotate`: the real binary, as a CronJob runs it, against the cloud and broker in the process.

use std::process::{Command, Output};

use credswap_testkit::{AccessKey, Broker, Cloud, KeyStatus};

use crate::rotation::lambda::{REPORTS, ROLE, SECRET, TOPIC, USER, read_all, services};
use crate::support::runtime_api::binary;

/// The services that the binary uses.
struct Services {
    cloud: Cloud,
    broker: Broker,
    old: AccessKey,
    role: AccessKey,
}

impl Services {
    async fn new() -> Self {
        let (cloud, broker, old, role) = services().await;
        Self {
            cloud,
            broker,
            old,
            role,
        }
    }

    /// Runs the binary to its end: whether it succeeded, and what it printed.
    async fn run(&self, what: &str) -> (bool, String) {
        self.run_with(what, &["--reports-topic", REPORTS]).await
    }

    async fn run_with(&self, what: &str, options: &[&str]) -> (bool, String) {
        let mut command = Command::new(binary("rotate"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", self.cloud.endpoint_url())
            .env("AWS_REGION", self.cloud.region())
            .env("AWS_ACCESS_KEY_ID", self.role.id())
            .env("AWS_SECRET_ACCESS_KEY", self.role.secret())
            .args([what, "--secret-id", SECRET, "--plaintext"])
            .args(["--topic", TOPIC])
            .args(options)
            .args(["--bootstrap-servers", &self.broker.bootstrap_servers()]);
        let run = tokio::task::spawn_blocking(move || command.output());
        let Output {
            status,
            stdout,
            stderr,
        } = run.await.expect("joined").expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let output = text(stdout) + &text(stderr);
        for secret in [self.old.secret(), self.role.secret()] {
            assert!(!output.contains(secret));
        }
        (status.success(), output)
    }
}

#[tokio::test]
async fn a_run_rotates_the_key_and_announces_it() {
    let services = Services::new().await;
    let (done, output) = services.run("rotate").await;
    assert!(done, "{output}");
    let current = services
        .cloud
        .staged(SECRET, "AWSCURRENT")
        .expect("a version");
    assert!(output.contains(&format!("version {current} is current")));
    assert_eq!(services.cloud.keys(USER).len(), 2);
    let servers = services.broker.bootstrap_servers();
    let events = tokio::task::spawn_blocking(move || read_all(&servers));
    let events = events.await.expect("read");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["versionId"], current.as_str());
}

#[tokio::test]
async fn a_failed_run_says_what_to_change_and_the_next_continues() {
    let services = Services::new().await;
    let before = services.cloud.staged(SECRET, "AWSCURRENT");
    services.cloud.deny(ROLE, "iam:CreateAccessKey");
    let (done, output) = services.run("rotate").await;
    assert!(
        !done && output.contains("`iam:CreateAccessKey`"),
        "{output}"
    );
    assert_eq!(services.cloud.staged(SECRET, "AWSCURRENT"), before);
    services.cloud.allow(ROLE, "iam:CreateAccessKey");
    let (done, output) = services.run("rotate").await;
    assert!(done, "{output}");

    // This broker keeps the times of the records' writers, by which no consumer's TTL can be measured.
    let (done, output) = services.run("retire").await;
    assert!(
        !done && output.contains("message.timestamp.type=LogAppendTime"),
        "{output}"
    );
    let keys = services.cloud.keys(USER);
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.status == KeyStatus::Active));
}

#[tokio::test]
async fn without_reports_rotations_go_on_by_policy() {
    let services = Services::new().await;
    let (done, output) = services.run_with("rotate", &[]).await;
    assert!(
        done && output.contains("on the assumption that"),
        "{output}"
    );
    let (done, output) = services.run_with("rotate", &[]).await;
    assert!(
        !done && output.contains("`--policy assume_released=…`"),
        "{output}"
    );
    let no_time = ["assume_released=0s", "min_overlap=0s", "watch=0s"];
    let options: Vec<_> = no_time
        .iter()
        .flat_map(|policy| ["--policy", policy])
        .collect();
    for n in 0..3 {
        let (done, output) = services.run_with("rotate", &options).await;
        assert!(done, "rotation {n}: {output}");
    }
    let (done, output) = services.run_with("rotate", &["--policy", "wach=1h"]).await;
    assert!(!done && output.contains("watch"), "{output}");
}
