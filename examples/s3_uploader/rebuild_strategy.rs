//! The strategy to compare with: a client that is destroyed and rebuilt at each event, as a refreshed Spring bean is.
//!
//! The client is behind a lock and has a connection pool of its own. An event takes the lock: uploads that need the client
//! wait until the secret has been fetched and another client has been built. Requests in flight keep the old client's
//! key, and nothing tracks them: the rotation deletes that key at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_secretsmanager::Client as SecretsManagerClient;
use credswap::rotation::NoUsageReports;
use credswap::trigger::{self, Health, Reason, RefreshRequests, Trigger};
use serde_json::Value;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::environment::Environment;
use crate::in_flight::InFlight;
use crate::local_services::http_client;
use crate::metrics_reader::StrategyMetrics;
use crate::sdk_error;
use crate::strategy::{CurrentKey, Strategy};

/// How long the connection to the brokers may take.
const CONNECT: Duration = Duration::from_secs(15);

/// A client behind a lock, and the task that rebuilds it.
#[derive(Debug)]
pub(crate) struct RebuildStrategy {
    client: Arc<RwLock<Client>>,
    current: watch::Receiver<CurrentKey>,
    rebuilds: Arc<Mutex<Vec<Duration>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Strategy for RebuildStrategy {
    const NAME: &'static str = "client rebuilt at each event";

    const WAITS_FOR_RELEASE: bool = false;

    type UsageSource = NoUsageReports;

    async fn start(environment: &Environment, in_flight: &InFlight) -> anyhow::Result<Self> {
        let (client, current) = build(environment, in_flight, 1).await?;
        let client = Arc::new(RwLock::new(client));
        let (publish, current) = watch::channel(current);
        let rebuilds = Arc::default();

        let (requester, requests) = trigger::channel();
        let mut health = requester.subscribe_health();
        let mut tasks = JoinSet::new();
        tasks.spawn(environment.kafka.clone().run(requester));
        let rebuilder = Rebuilder {
            environment: environment.clone(),
            in_flight: in_flight.clone(),
            client: Arc::clone(&client),
            current: publish,
            rebuilds: Arc::clone(&rebuilds),
        };
        tasks.spawn(rebuilder.run(requests));
        timeout(CONNECT, health.wait_for(Health::is_listening))
            .await
            .map_err(|_| anyhow!("rotation events cannot be received within {CONNECT:?}"))?
            .context("the trigger ended")?;
        Ok(Self {
            client,
            current,
            rebuilds,
            tasks: Mutex::new(tasks),
        })
    }

    fn usage_source(_environment: &Environment) -> anyhow::Result<NoUsageReports> {
        Ok(NoUsageReports)
    }

    async fn s3(&self, _worker: u16) -> Client {
        self.client.read().await.clone()
    }

    fn current(&self) -> CurrentKey {
        self.current.borrow().clone()
    }

    fn metrics(&self) -> StrategyMetrics {
        let rebuilds = self.rebuilds.lock();
        StrategyMetrics {
            consumers: 1,
            swaps: rebuilds.unwrap_or_else(PoisonError::into_inner).clone(),
            ..StrategyMetrics::default()
        }
    }

    async fn close(&self) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

/// Replaces the client at each event.
struct Rebuilder {
    environment: Environment,
    in_flight: InFlight,
    client: Arc<RwLock<Client>>,
    current: watch::Sender<CurrentKey>,
    rebuilds: Arc<Mutex<Vec<Duration>>>,
}

impl Rebuilder {
    async fn run(self, mut requests: RefreshRequests) {
        loop {
            if !requests.next().await.has(Reason::Event) {
                continue;
            }
            let received = Instant::now();
            let mut client = self.client.write().await;
            let generation = self.current.borrow().generation + 1;
            // A secret that cannot be fetched leaves the client as it was.
            if let Ok((built, current)) =
                build(&self.environment, &self.in_flight, generation).await
            {
                *client = built;
                self.current.send_replace(current);
                let rebuilds = self.rebuilds.lock();
                let mut rebuilds = rebuilds.unwrap_or_else(PoisonError::into_inner);
                rebuilds.push(received.elapsed());
            }
        }
    }
}

/// Fetches the secret and builds a client from it, with a new connection pool.
async fn build(
    environment: &Environment,
    in_flight: &InFlight,
    generation: u64,
) -> anyhow::Result<(Client, CurrentKey)> {
    let secrets = SecretsManagerClient::new(&environment.sdk);
    let get = secrets.get_secret_value();
    let answer = get.secret_id(&environment.secret_id).send().await;
    let secret = answer.map_err(|error| anyhow!(sdk_error::describe(error)))?;
    // serde's error may quote the secret.
    let fields: Value = serde_json::from_str(secret.secret_string().unwrap_or_default())
        .map_err(|_| anyhow!("secret `{}` is not JSON", environment.secret_id))?;
    let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    let access_key_id = field("accessKeyId");
    let secret_access_key = field("secretAccessKey");
    let key = Credentials::new(&access_key_id, secret_access_key, None, None, "rebuild");
    let builder = environment.s3.clone().http_client(http_client());
    let builder = builder.credentials_provider(key);
    let client = Client::from_conf(builder.interceptor(in_flight.clone()).build());
    let current = CurrentKey {
        generation,
        access_key_id,
        disconnected: None,
    };
    Ok((client, current))
}
