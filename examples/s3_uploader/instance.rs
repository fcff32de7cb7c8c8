//! One consumer: a client for life, whose key is what changes, and the word of what it uses.

use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_sdk_s3::Client;
use aws_sdk_secretsmanager::Client as SecretsManagerClient;
use credswap::Refreshable;
use credswap::aws::{self, LiveKey};
use credswap::fleet::Reporter;
use credswap::refresh::RefreshEvent;
use credswap::source::SecretsManager;
use credswap::trigger::{Health, Interval};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};

use crate::flights::Flights;
use crate::reports::Reporting;
use crate::site::Site;
use crate::way::Live;

/// How long the brokers may take until they are listened to.
const LISTENING: Duration = Duration::from_secs(15);

/// One consumer.
#[derive(Debug)]
pub(crate) struct Instance {
    keys: Refreshable<LiveKey>,
    s3: Client,
    reporting: Option<Reporting>,
    swapped: watch::Receiver<Vec<Instant>>,
}

/// All of the crate that an uploader needs.
async fn adopt(
    site: &Site,
    flights: &Flights,
) -> Result<(Refreshable<LiveKey>, Client, Option<Reporter>), credswap::Error> {
    let secrets = SecretsManagerClient::new(&site.sdk);
    let source = SecretsManager::from_client(secrets, &site.secret_id);
    let keys = Refreshable::builder(source, aws::AccessKeyConnector::new(&site.sdk))
        .trigger(site.kafka.clone())
        .trigger(Interval::every(Duration::from_secs(300)))
        .start()
        .await?;
    let builder = credswap::configure!(keys, site.s3.clone());
    let s3 = Client::from_conf(builder.interceptor(flights.clone()).build());
    let reporter = match &site.reports {
        Some(reports) => {
            let reporter = Reporter::builder(&keys, reports.producer()?);
            Some(reporter.ttl(reports.ttl).start()?)
        }
        None => None,
    };
    Ok((keys, s3, reporter))
}

impl Instance {
    /// Reads the first key, and returns when no event would be missed any more.
    pub(crate) async fn start(site: &Site, flights: &Flights) -> anyhow::Result<Self> {
        let (keys, s3, reporter) = adopt(site, flights)
            .await
            .map_err(|error| anyhow!(error.report()))?;
        let (tell, swapped) = watch::channel(Vec::new());
        tokio::spawn(collect(keys.events(), tell));
        let often = site.reports.as_ref().and_then(|reports| reports.often);
        let instance = Self {
            keys,
            s3,
            reporting: reporter.map(|reporter| Reporting::new(reporter, often)),
            swapped,
        };
        instance.listening().await?;
        Ok(instance)
    }

    /// Its client.
    pub(crate) fn s3(&self) -> Client {
        self.s3.clone()
    }

    /// What is live in it.
    pub(crate) fn live(&self) -> Live {
        Live {
            generation: self.keys.generation(),
            access_key_id: self.keys.with(|key| key.access_key_id().to_owned()),
            deaf: self.deaf(),
        }
    }

    /// When new keys went live.
    pub(crate) fn swapped(&self) -> Vec<Instant> {
        self.swapped.borrow().clone()
    }

    /// Uses its key until the lease is dropped.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> credswap::hot::Lease<LiveKey> {
        self.keys.lease()
    }

    /// Ends it, and says goodbye.
    pub(crate) async fn close(&self) {
        // Whatever is still held then, nothing is signed with it any more: the work is over.
        let _ = self.keys.shutdown(Duration::from_secs(5)).await;
        if let Some(reporting) = &self.reporting {
            reporting.end().await;
        }
    }

    /// Waits until no event would be missed.
    async fn listening(&self) -> anyhow::Result<()> {
        let mut status = self.keys.subscribe_status();
        let all = status.wait_for(|s| s.triggers.iter().all(|t| t.health.is_listening()));
        if let Ok(all) = timeout(LISTENING, all).await {
            all.context("the refreshable has ended")?;
        } else {
            let reason = self
                .deaf()
                .unwrap_or_else(|| "no answer from the brokers".to_owned());
            return Err(anyhow!("rotation events are not heard: {reason}"));
        }
        match &self.reporting {
            Some(reporting) => reporting.heard().await,
            None => Ok(()),
        }
    }

    fn deaf(&self) -> Option<String> {
        let status = self.keys.status();
        status
            .triggers
            .iter()
            .find_map(|trigger| match &trigger.health {
                Health::Disconnected { reason } => Some(format!("{}: {reason}", trigger.name)),
                _ => None,
            })
    }
}

/// Collects when new keys went live.
async fn collect(mut events: broadcast::Receiver<RefreshEvent>, tell: watch::Sender<Vec<Instant>>) {
    loop {
        match events.recv().await {
            Ok(RefreshEvent::Swapped { .. }) => {
                tell.send_modify(|swapped| swapped.push(Instant::now()))
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
