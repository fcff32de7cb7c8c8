//! The old way: a client that is destroyed and rebuilt in place at each event, as a refreshed Spring bean is.
//!
//! The client sits in a slot behind a lock, with a connection pool of its own. An event empties the slot: whoever wants
//! the client waits until the secret has been read and another client been built. What is in flight goes on with the
//! old client's key, which nobody asks about: the rotation deletes it at once.

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

use crate::embedded::http_client;
use crate::flights::Flights;
use crate::meter::Readings;
use crate::site::Site;
use crate::way::{Live, Way, failure};

const LISTENING: Duration = Duration::from_secs(15);

/// The old way.
#[derive(Debug)]
pub(crate) struct OldWay {
    slot: Arc<RwLock<Client>>,
    live: watch::Receiver<Live>,
    swaps: Arc<Mutex<Vec<Duration>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Way for OldWay {
    const NAME: &'static str = "old way";

    const WAITS: bool = false;

    type UsageSource = NoUsageReports;

    async fn start(site: &Site, flights: &Flights) -> anyhow::Result<Self> {
        let (client, live) = build(site, flights, 1).await?;
        let slot = Arc::new(RwLock::new(client));
        let (lives, live) = watch::channel(live);
        let swaps = Arc::default();

        let (requester, requests) = trigger::channel();
        let mut health = requester.subscribe_health();
        let mut tasks = JoinSet::new();
        tasks.spawn(site.kafka.clone().run(requester));
        let refresher = Refresher {
            site: site.clone(),
            flights: flights.clone(),
            slot: Arc::clone(&slot),
            lives,
            swaps: Arc::clone(&swaps),
        };
        tasks.spawn(refresher.run(requests));
        timeout(LISTENING, health.wait_for(Health::is_listening))
            .await
            .map_err(|_| anyhow!("rotation events are not heard"))?
            .context("the trigger has ended")?;
        Ok(Self {
            slot,
            live,
            swaps,
            tasks: Mutex::new(tasks),
        })
    }

    fn holders(_site: &Site) -> anyhow::Result<NoUsageReports> {
        Ok(NoUsageReports)
    }

    async fn s3(&self, _lane: u16) -> Client {
        self.slot.read().await.clone()
    }

    fn live(&self) -> Live {
        self.live.borrow().clone()
    }

    fn readings(&self) -> Readings {
        let swaps = self.swaps.lock().unwrap_or_else(PoisonError::into_inner);
        Readings {
            consumers: 1,
            swaps: swaps.clone(),
            ..Readings::default()
        }
    }

    async fn close(&self) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

struct Refresher {
    site: Site,
    flights: Flights,
    slot: Arc<RwLock<Client>>,
    lives: watch::Sender<Live>,
    swaps: Arc<Mutex<Vec<Duration>>>,
}

impl Refresher {
    async fn run(self, mut requests: RefreshRequests) {
        loop {
            if !requests.next().await.has(Reason::Event) {
                continue;
            }
            let heard = Instant::now();
            let mut slot = self.slot.write().await;
            let generation = self.lives.borrow().generation + 1;
            // A secret that cannot be read leaves the client as it was.
            if let Ok((client, live)) = build(&self.site, &self.flights, generation).await {
                *slot = client;
                self.lives.send_replace(live);
                let mut swaps = self.swaps.lock().unwrap_or_else(PoisonError::into_inner);
                swaps.push(heard.elapsed());
            }
        }
    }
}

/// Reads the secret and builds a client of it, with a new pool.
async fn build(site: &Site, flights: &Flights, generation: u64) -> anyhow::Result<(Client, Live)> {
    let secrets = SecretsManagerClient::new(&site.sdk);
    let answer = secrets
        .get_secret_value()
        .secret_id(&site.secret_id)
        .send()
        .await;
    let secret = answer.map_err(|error| anyhow!(failure(error)))?;
    let fields: Value = serde_json::from_str(secret.secret_string().unwrap_or_default())
        .map_err(|_| anyhow!("the secret is not JSON"))?;
    let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    let access_key_id = field("accessKeyId");
    let key = Credentials::new(
        &access_key_id,
        field("secretAccessKey"),
        None,
        None,
        "old way",
    );
    let builder = site
        .s3
        .clone()
        .http_client(http_client())
        .credentials_provider(key);
    let client = Client::from_conf(builder.interceptor(flights.clone()).build());
    let live = Live {
        generation,
        access_key_id,
        deaf: None,
    };
    Ok((client, live))
}
