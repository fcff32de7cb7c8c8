//! The example `rotate`: the real binary, as a CronJob runs it, against the embedded cloud and broker.

use std::process::{Command, Output};

use credswap_testkit::{AccessKey, Broker, Cloud, KeyStatus};

use crate::rotation::lambda::{REPORTS, ROLE, SECRET, TOPIC, USER, read_all, site};
use crate::support::runtime_api::binary;

struct World {
    cloud: Cloud,
    broker: Broker,
    old: AccessKey,
    role: AccessKey,
}

impl World {
    async fn new() -> Self {
        let (cloud, broker, old, role) = site().await;
        Self {
            cloud,
            broker,
            old,
            role,
        }
    }

    /// Runs the binary to its end: whether it succeeded, and what it printed.
    async fn run(&self, what: &str) -> (bool, String) {
        let mut command = Command::new(binary("rotate"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", self.cloud.endpoint_url())
            .env("AWS_REGION", self.cloud.region())
            .env("AWS_ACCESS_KEY_ID", self.role.id())
            .env("AWS_SECRET_ACCESS_KEY", self.role.secret())
            .args([what, "--secret-id", SECRET, "--plaintext"])
            .args(["--topic", TOPIC, "--reports-topic", REPORTS])
            .args(["--bootstrap-servers", &self.broker.bootstrap_servers()]);
        let run = tokio::task::spawn_blocking(move || command.output());
        let Output {
            status,
            stdout,
            stderr,
        } = run.await.expect("joined").expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let said = text(stdout) + &text(stderr);
        for secret in [self.old.secret(), self.role.secret()] {
            assert!(!said.contains(secret));
        }
        (status.success(), said)
    }
}

#[tokio::test]
async fn a_run_rotates_the_key_and_tells_everyone() {
    let world = World::new().await;
    let (done, said) = world.run("rotate").await;
    assert!(done, "{said}");
    let current = world.cloud.staged(SECRET, "AWSCURRENT").expect("a version");
    assert!(said.contains(&format!("version {current} is current")));
    assert_eq!(world.cloud.keys(USER).len(), 2);
    let servers = world.broker.bootstrap_servers();
    let events = tokio::task::spawn_blocking(move || read_all(&servers));
    let events = events.await.expect("read");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["versionId"], current.as_str());
}

#[tokio::test]
async fn a_run_that_fails_says_what_to_change_and_the_next_one_goes_on() {
    let world = World::new().await;
    let before = world.cloud.staged(SECRET, "AWSCURRENT");
    world.cloud.deny(ROLE, "iam:CreateAccessKey");
    let (done, said) = world.run("rotate").await;
    assert!(!done && said.contains("`iam:CreateAccessKey`"), "{said}");
    assert_eq!(world.cloud.staged(SECRET, "AWSCURRENT"), before);
    world.cloud.allow(ROLE, "iam:CreateAccessKey");
    let (done, said) = world.run("rotate").await;
    assert!(done, "{said}");

    // This broker leaves records the times of their writers, which say nothing about silence.
    let (done, said) = world.run("retire").await;
    assert!(
        !done && said.contains("message.timestamp.type=LogAppendTime"),
        "{said}"
    );
    let keys = world.cloud.keys(USER);
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.status == KeyStatus::Active));
}
