//! Vault's sources, against the testkit's Vault; most on paused time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_types::SdkConfig;
use credswap::connect::{Connect, Verdict};
use credswap::hot::DrainToken;
use credswap::refresh::Builder;
use credswap::source::vault::{LeasedSecret, Login, StsOptions, Vault};
use credswap::source::{FetchRequest, Source};
use credswap::test_util::TestTrigger;
use credswap::trigger::Reason;
use credswap::{Error, ErrorKind, Refreshable, Secret};
use credswap_testkit::Vault as Server;
use tokio::time::Instant;

use crate::support::log::Log;

mod contract;
mod failures;
mod journal;
mod leases;
mod logins;
mod minting;
#[cfg(feature = "vault-ca-file")]
mod real;
mod stored;
#[cfg(all(feature = "kafka", feature = "vault-ca-file"))]
mod tls;
mod tokens;
mod traffic;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A Vault, and the time that passes with Tokio's.
struct Fixture {
    server: Server,
    begun: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self {
            server: Server::new(),
            begun: Instant::now(),
        }
    }

    fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .http_client(self.server.http_client())
            .build()
    }

    fn connection(&self) -> Vault {
        self.with_login(Login::app_role("role", "hidden secret id"))
    }

    fn with_login(&self, login: Login) -> Vault {
        Vault::new(&self.sdk(), "http://vault.test:8200", login).clock(self.clock())
    }

    fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + use<> {
        let begun = self.begun;
        move || SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + begun.elapsed()
    }

    fn creds(&self) -> LeasedSecret {
        self.connection().aws_creds("up")
    }

    /// Configures a refreshable of the source, without polling.
    fn builder<S: Source>(&self, source: S) -> Builder<S, Material> {
        self.checked(source, Material::default())
    }

    fn checked<S: Source>(&self, source: S, connect: Material) -> Builder<S, Material> {
        Refreshable::builder(source, connect)
            .without_polling()
            .clock(self.clock())
            .seed(1)
    }

    /// Starts keys of the role, and a trigger.
    async fn start(&self) -> (Refreshable<String>, TestTrigger) {
        let trigger = TestTrigger::new();
        let builder = self.builder(self.creds()).trigger(trigger.clone());
        (builder.start().await.expect("the first key"), trigger)
    }

    /// Lets time pass in steps of a second, and asserts at each that the live key's lease is alive.
    async fn watch(&self, refreshable: &Refreshable<String>, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            tokio::time::sleep(SECOND).await;
            let version = refreshable.status().version.to_string();
            let alive = self.server.leases();
            let at = self.begun.elapsed();
            assert!(
                alive.contains(&version),
                "{at:?}: {version} is dead; alive: {alive:?}"
            );
        }
    }
}

/// Waits until `done`, for at most five minutes of paused time.
async fn until(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + 5 * MINUTE;
    while !done() {
        assert!(Instant::now() < end, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Connects to the material as text; the test sets the verdicts.
#[derive(Clone, Default)]
struct Material(Arc<Mutex<VecDeque<Verdict>>>);

impl Material {
    fn returns(self, verdict: impl Fn() -> Verdict, times: usize) -> Self {
        let verdicts = std::iter::repeat_with(verdict).take(times);
        self.0.lock().unwrap().extend(verdicts);
        self
    }
}

impl Connect for Material {
    type Value = String;

    async fn connect(&self, secret: &Secret, _: &DrainToken) -> Result<String, Error> {
        Ok(secret.expose_str()?.to_owned())
    }

    async fn check(&self, _: &String) -> Verdict {
        let verdict = self.0.lock().unwrap().pop_front();
        verdict.unwrap_or(Verdict::Good)
    }
}

fn rejected() -> Error {
    Error::new(ErrorKind::Rejected, "as the test asked")
}

/// Fetches for a reason, as when `live` is live.
async fn fetch(source: &LeasedSecret, reason: Reason, live: &Secret) -> Result<Secret, Error> {
    let request = FetchRequest::new(reason).live(live.version().as_str());
    source.fetch(&request).await
}

async fn first(source: &impl Source) -> Result<Secret, Error> {
    source.fetch(&FetchRequest::new(Reason::Start)).await
}
