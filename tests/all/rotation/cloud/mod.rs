//! The rotation over the SDK's clients, against the testkit's cloud.

mod crash;
mod errors;
mod forms;
mod master;
mod old_keys;
mod pending_key;
mod rolled_back;
mod second_place;
mod steps;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use credswap::rotation::seam::CURRENT;
use credswap::rotation::{
    AccessKeys, Announcer, Builder, Policy, Rotation, RotationEvent, Step, StepRequest, Usage,
    UsageState,
};
use credswap::test_util::TestUsage;
use credswap::{Backoff, Error, ErrorKind};
use credswap_testkit::{Cloud, SecretContent};
use serde_json::Value;

use crate::support::canned::config;

const SECRET: &str = "prod/uploader";
const USER: &str = "uploader";
/// No test waits for it.
const LONG: Duration = Duration::from_secs(60);

/// Records the events, after so many failures.
#[derive(Clone, Default)]
struct Events {
    published: Arc<Mutex<Vec<RotationEvent>>>,
    failures: Arc<AtomicUsize>,
}

impl Announcer for Events {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let failing = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.failures.fetch_update(order, order, failing).is_ok() {
            return Err(Error::new(ErrorKind::Unavailable, "no broker"));
        }
        let mut published = self.published.lock().expect("not poisoned");
        published.push(event.clone());
        Ok(())
    }
}

/// A user in the testkit's cloud whose key is in a secret, and what its rotation is made of.
struct Setup {
    cloud: Cloud,
    usage: TestUsage,
    events: Events,
    /// How far the rotation's clock is ahead of the cloud's.
    ahead: Arc<AtomicU64>,
}

impl Setup {
    /// The secret has a few more fields, and some odd white space.
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_user(USER);
        let key = cloud.create_access_key(USER);
        cloud.create_secret(SECRET, format!(
            "{{ \"note\": \"é\\\"\",\n \"secretkey\":\"{}\", \"accesskey\" :\"{}\", \"username\": \"{USER}\", \"port\": 1.0}}",
            key.secret(),
            key.id()
        ));
        Self {
            cloud,
            usage: TestUsage::new(),
            events: Events::default(),
            ahead: Arc::default(),
        }
    }

    fn builder_by(&self, role: Credentials) -> Builder<AccessKeys> {
        Rotation::access_keys(&config(&self.cloud, role))
            .usage(self.usage.clone())
            .announcer(self.events.clone())
            .policy(policy())
            .clock(self.clock())
    }

    fn rotation_by(&self, role: Credentials) -> Rotation {
        self.builder_by(role).build()
    }

    fn rotation(&self) -> Rotation {
        self.rotation_by(self.cloud.root())
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the cloud's keys have the wall clock's times"
    )]
    fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let ahead = Arc::clone(&self.ahead);
        move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::SeqCst))
    }

    fn pass(&self, time: Duration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    async fn rotate(&self, rotation: &Rotation, token: &str) -> Result<(), Error> {
        for step in Step::ALL {
            rotation.step(&request(step, token)).await?;
        }
        Ok(())
    }

    fn set_usage(&self, version: &str, state: UsageState) {
        self.usage.set(version, Usage::new(state));
    }

    fn released(&self, version: &str) {
        let since = self.clock()();
        let presumed_gone = Vec::new();
        self.set_usage(
            version,
            UsageState::Released {
                since,
                presumed_gone,
            },
        );
    }

    fn events(&self) -> Vec<RotationEvent> {
        self.events.published.lock().expect("not poisoned").clone()
    }

    fn version(&self) -> String {
        self.cloud.staged(SECRET, CURRENT).expect("current")
    }

    fn current_text(&self) -> String {
        match self.cloud.current_secret(SECRET) {
            SecretContent::Text(text) => text,
            SecretContent::Binary(bytes) => String::from_utf8(bytes).expect("JSON"),
        }
    }

    fn current_key(&self) -> String {
        key_in(&self.current_text())
    }

    fn put(&self, content: Value) {
        self.cloud.put_secret(SECRET, &content);
    }
}

fn policy() -> Policy {
    Policy::default()
        .all_consumers_report()
        .attempts(1)
        .attempt_timeout(LONG)
        .test_backoff(Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ))
        .propagation(LONG)
}

fn key_in(text: &str) -> String {
    let json: Value = serde_json::from_str(text).expect("JSON");
    let key = json["accesskey"].as_str().or(json["accessKeyId"].as_str());
    key.expect("a key").to_owned()
}

fn request(step: Step, token: &str) -> StepRequest {
    StepRequest::new(step, SECRET, token.into())
}

/// Asserts the kind, and what the message must name.
fn assert_names(error: &Error, kind: ErrorKind, names: &[&str]) {
    assert_eq!(error.kind(), kind, "{}", error.report());
    for name in names {
        assert!(error.to_string().contains(name), "no {name:?} in {error}");
    }
}
