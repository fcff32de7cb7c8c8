//! One consumer: a client that is kept for life, whose key is swapped, and the reports of the key it uses.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use credswap::RefreshableCredentials;
use credswap::fleet::Reporter;
use credswap::refresh::RefreshEvent;
use credswap::trigger::Health;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};

use crate::environment::Environment;
use crate::in_flight::InFlight;
use crate::strategy::CurrentKey;
use crate::usage_reports::Reporting;

/// How long the connection to the brokers may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long the refresh loop may take to stop.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// One consumer.
#[derive(Debug)]
pub(crate) struct Instance {
    credentials: RefreshableCredentials,
    s3: Client,
    reporting: Option<Reporting>,
    swaps: watch::Receiver<Vec<Swap>>,
}

/// A new key that went live.
#[derive(Clone, Debug)]
pub(crate) struct Swap {
    /// When the event arrived that led to it.
    pub(crate) requested: Instant,
    pub(crate) access_key_id: String,
}

/// Adopts the crate: all that an uploader needs of it.
async fn adopt(
    environment: &Environment,
    in_flight: &InFlight,
) -> Result<(RefreshableCredentials, Client, Option<Reporter>), credswap::Error> {
    let (sdk, secret_id) = (&environment.sdk, &environment.secret_id);
    let credentials = RefreshableCredentials::from_secrets_manager(sdk, secret_id)
        .trigger(environment.kafka.clone())
        .start()
        .await?;
    let builder = credswap::configure!(credentials, environment.s3.clone());
    let s3 = Client::from_conf(builder.interceptor(in_flight.clone()).build());
    let reporter = match &environment.reports {
        Some(reports) => {
            let reporter = Reporter::builder(&credentials, reports.producer()?);
            Some(reporter.ttl(reports.ttl).start()?)
        }
        None => None,
    };
    Ok((credentials, s3, reporter))
}

impl Instance {
    /// Fetches the first key, and returns when every later rotation event will be received.
    pub(crate) async fn start(
        environment: &Environment,
        in_flight: &InFlight,
    ) -> anyhow::Result<Self> {
        let (credentials, s3, reporter) = adopt(environment, in_flight).await?;
        let (publish, swaps) = watch::channel(Vec::new());
        tokio::spawn(record_swaps(credentials.clone(), publish));
        let interval = environment.reports.as_ref().and_then(|r| r.interval);
        let instance = Self {
            credentials,
            s3,
            reporting: reporter.map(|reporter| Reporting::new(reporter, interval)),
            swaps,
        };
        instance.wait_until_listening().await?;
        if let Some(reporting) = &instance.reporting {
            reporting.wait_until_sent().await?;
        }
        Ok(instance)
    }

    /// Returns the client.
    pub(crate) fn s3(&self) -> Client {
        self.s3.clone()
    }

    /// Returns the key that is live.
    pub(crate) fn current(&self) -> CurrentKey {
        CurrentKey {
            generation: self.credentials.generation(),
            access_key_id: self.credentials.with(|key| key.access_key_id().to_owned()),
            disconnected: self.disconnected(),
        }
    }

    /// Returns the new keys that went live.
    pub(crate) fn swaps(&self) -> Vec<Swap> {
        self.swaps.borrow().clone()
    }

    /// Keeps the live key in use until the lease is dropped.
    #[cfg(test)]
    pub(crate) fn lease(&self) -> credswap::hot::Lease<credswap::aws::LiveKey> {
        self.credentials.lease()
    }

    /// Stops the consumer, and reports that it uses no key any more.
    pub(crate) async fn close(&self) {
        // The uploads have ended: a lease that is left signs nothing.
        let _ = self.credentials.shutdown(SHUTDOWN).await;
        if let Some(reporting) = &self.reporting {
            reporting.close().await;
        }
    }

    async fn wait_until_listening(&self) -> anyhow::Result<()> {
        let mut status = self.credentials.subscribe_status();
        let all = status.wait_for(|s| s.triggers.iter().all(|t| t.health.is_listening()));
        if let Ok(listening) = timeout(CONNECT, all).await {
            listening.context("the refresh loop ended")?;
            return Ok(());
        }
        let reason = self.disconnected();
        let reason = reason.unwrap_or_else(|| "no answer from the brokers".to_owned());
        bail!("rotation events cannot be received: {reason}");
    }

    fn disconnected(&self) -> Option<String> {
        let status = self.credentials.status();
        let mut triggers = status.triggers.iter();
        triggers.find_map(|trigger| match &trigger.health {
            Health::Disconnected { reason } => Some(format!("{}: {reason}", trigger.name)),
            _ => None,
        })
    }
}

/// Records the new keys that go live, until the consumer is closed.
async fn record_swaps(credentials: RefreshableCredentials, swaps: watch::Sender<Vec<Swap>>) {
    let mut events = credentials.events();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = swaps.closed() => return,
        };
        match event {
            Ok(RefreshEvent::Swapped { delay, .. }) => {
                let swap = Swap {
                    requested: Instant::now() - delay,
                    access_key_id: credentials.with(|key| key.access_key_id().to_owned()),
                };
                swaps.send_modify(|swaps| swaps.push(swap));
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
