//! The way of this crate: one client for life, whose key is what changes.

use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_sdk_s3::Client;
use aws_sdk_secretsmanager::Client as SecretsManagerClient;
use credswap::aws::{self, LiveKey};
use credswap::reload::Notice;
use credswap::source::SecretsManager;
use credswap::trigger::{Health, Interval};
use credswap::{Reloader, VersionId};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};

use crate::flights::Flights;
use crate::meter::{self, Readings};
use crate::site::Site;
use crate::way::{Live, Way};

/// How long the brokers may take until they are listened to.
const LISTENING: Duration = Duration::from_secs(15);
/// How long a drain may take before the rotation gives up: longer than any request here.
const DRAIN: Duration = Duration::from_secs(60);

/// The way of this crate.
#[derive(Debug)]
pub(crate) struct Credswap {
    keys: Reloader<LiveKey>,
    s3: Client,
    heard: watch::Receiver<Heard>,
}

/// What the reloader has told.
#[derive(Debug, Default)]
struct Heard {
    swapped: Vec<Instant>,
    drained: Vec<VersionId>,
}

/// All of the crate that an uploader needs.
async fn adopt(
    site: &Site,
    flights: &Flights,
) -> Result<(Reloader<LiveKey>, Client), credswap::Error> {
    let secrets = SecretsManagerClient::new(&site.sdk);
    let source = SecretsManager::new(secrets, &site.secret_id);
    let keys = Reloader::builder(source, aws::credentials(&site.sdk))
        .trigger(site.kafka.clone())
        .trigger(Interval::every(Duration::from_secs(300)))
        .start()
        .await?;
    let edge = aws::Edge::new(&keys);
    let builder = credswap::configure!(edge, site.s3.clone());
    let s3 = Client::from_conf(builder.interceptor(flights.clone()).build());
    Ok((keys, s3))
}

impl Way for Credswap {
    const NAME: &'static str = "credswap";

    async fn start(site: &Site, flights: &Flights) -> anyhow::Result<Self> {
        meter::install();
        let (keys, s3) = adopt(site, flights)
            .await
            .map_err(|error| anyhow!(error.report()))?;
        let (tell, heard) = watch::channel(Heard::default());
        tokio::spawn(collect(keys.notices(), tell));
        let way = Self { keys, s3, heard };
        way.listening().await?;
        Ok(way)
    }

    async fn s3(&self) -> Client {
        self.s3.clone()
    }

    fn live(&self) -> Live {
        Live {
            generation: self.keys.generation(),
            access_key_id: self.keys.peek(|key| key.access_key_id().to_owned()),
            deaf: self.deaf(),
        }
    }

    async fn released(&self, version: &str) -> anyhow::Result<()> {
        let version = VersionId::from(version);
        let mut heard = self.heard.clone();
        let announced = timeout(DRAIN, heard.wait_for(|h| h.drained.contains(&version))).await;
        announced
            .with_context(|| format!("no drain of version {version} within {DRAIN:?}"))?
            .context("the reloader has ended")?;
        Ok(())
    }

    fn readings(&self) -> Readings {
        Readings {
            swapped: self.heard.borrow().swapped.clone(),
            ..meter::read()
        }
    }

    async fn close(&self) {
        // Whatever is still held then, nothing is signed with it any more: the work is over.
        let _ = self.keys.shutdown(Duration::from_secs(5)).await;
    }
}

impl Credswap {
    /// Waits until no event would be missed.
    async fn listening(&self) -> anyhow::Result<()> {
        let mut status = self.keys.watch_status();
        let all = status.wait_for(|s| s.triggers.iter().all(|t| t.health.is_listening()));
        if let Ok(all) = timeout(LISTENING, all).await {
            all.context("the reloader has ended")?;
            return Ok(());
        }
        let reason = self
            .deaf()
            .unwrap_or_else(|| "no answer from the brokers".to_owned());
        Err(anyhow!("rotation events are not heard: {reason}"))
    }

    fn deaf(&self) -> Option<String> {
        let status = self.keys.status();
        status
            .triggers
            .iter()
            .find_map(|trigger| match &trigger.health {
                Health::Deaf { reason } => Some(format!("{}: {reason}", trigger.name)),
                _ => None,
            })
    }
}

/// Collects what the reloader tells.
async fn collect(mut notices: broadcast::Receiver<Notice>, tell: watch::Sender<Heard>) {
    loop {
        match notices.recv().await {
            Ok(Notice::Swapped { .. }) => {
                tell.send_modify(|heard| heard.swapped.push(Instant::now()))
            }
            // Nobody here uses the key of this version any more, and nobody will.
            Ok(Notice::Drained {
                version,
                still_held: false,
                ..
            }) => {
                tell.send_modify(|heard| heard.drained.push(version));
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
