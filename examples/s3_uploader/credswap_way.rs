//! The way of this crate: consumers that swap keys, and an old key that goes when all of them have let go.

use anyhow::{Context, anyhow};
use aws_sdk_s3::Client;
use credswap::rotation::FleetUsage;
use futures::future::{join_all, try_join_all};

use crate::flights::Flights;
use crate::instance::Instance;
use crate::meter::{self, Readings};
use crate::site::Site;
use crate::way::{Live, Way};

/// The way of this crate.
#[derive(Debug)]
pub(crate) struct Credswap {
    /// One at least.
    instances: Vec<Instance>,
}

impl Way for Credswap {
    const NAME: &'static str = "credswap";

    const WAITS: bool = true;

    type UsageSource = FleetUsage;

    async fn start(site: &Site, flights: &Flights) -> anyhow::Result<Self> {
        meter::install();
        let starting = (0..site.instances).map(|_| Instance::start(site, flights));
        let instances = try_join_all(starting).await?;
        Ok(Self { instances })
    }

    fn holders(site: &Site) -> anyhow::Result<FleetUsage> {
        let reports = site.reports.as_ref().context("nobody reports")?;
        let read = reports.read_in_process();
        read.map_err(|error| anyhow!(error.report()))
    }

    async fn s3(&self, lane: u16) -> Client {
        self.instances[usize::from(lane) % self.instances.len()].s3()
    }

    fn live(&self) -> Live {
        let mut lives: Vec<_> = self.instances.iter().map(Instance::live).collect();
        let deaf = lives.iter_mut().find_map(|live| live.deaf.take());
        // The first to have it shows what is new.
        let newest = lives.into_iter().max_by_key(|live| live.generation);
        Live {
            deaf,
            ..newest.expect("one instance at least")
        }
    }

    fn readings(&self) -> Readings {
        Readings {
            consumers: self.instances.len(),
            // The others swap at the same events.
            swapped: self.instances[0].swapped(),
            ..meter::read()
        }
    }

    async fn close(&self) {
        join_all(self.instances.iter().map(Instance::close)).await;
    }
}

#[cfg(test)]
impl Credswap {
    /// Uses the key of one instance until the lease is dropped.
    pub(crate) fn hold(&self, instance: usize) -> credswap::hot::Lease<credswap::aws::LiveKey> {
        self.instances[instance].hold()
    }
}
