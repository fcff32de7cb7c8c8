//! The strategy of this crate: clients whose key is swapped, and an old key that is retired when every consumer released it.

use anyhow::Context;
use aws_sdk_s3::Client;
use credswap::rotation::FleetUsage;
use futures::future::{join_all, try_join_all};

use crate::environment::Environment;
use crate::in_flight::InFlight;
use crate::instance::Instance;
use crate::metrics_reader::{MetricsReader, StrategyMetrics};
use crate::strategy::{CurrentKey, Strategy};

/// The consumers of one process.
#[derive(Debug)]
pub(crate) struct CredswapStrategy {
    /// At least one.
    instances: Vec<Instance>,
    metrics: MetricsReader,
}

impl Strategy for CredswapStrategy {
    const NAME: &'static str = "credswap";

    const WAITS_FOR_RELEASE: bool = true;

    type UsageSource = FleetUsage;

    async fn start(environment: &Environment, in_flight: &InFlight) -> anyhow::Result<Self> {
        let metrics = MetricsReader::install();
        let starting = (0..environment.instances).map(|_| Instance::start(environment, in_flight));
        let instances = try_join_all(starting).await?;
        Ok(Self { instances, metrics })
    }

    fn usage_source(environment: &Environment) -> anyhow::Result<FleetUsage> {
        let reports = environment.reports.as_ref();
        let reports = reports.context("the consumers send no usage reports")?;
        Ok(reports.usage_within_process()?)
    }

    async fn s3(&self, worker: u16) -> Client {
        self.instances[usize::from(worker) % self.instances.len()].s3()
    }

    fn current(&self) -> CurrentKey {
        let mut keys: Vec<_> = self.instances.iter().map(Instance::current).collect();
        let disconnected = keys.iter_mut().find_map(|key| key.disconnected.take());
        let newest = keys.into_iter().max_by_key(|key| key.generation);
        CurrentKey {
            disconnected,
            ..newest.expect("at least one instance")
        }
    }

    fn metrics(&self) -> StrategyMetrics {
        StrategyMetrics {
            consumers: self.instances.len(),
            // The other instances swap at the same events.
            rotations: self.instances[0].swaps(),
            ..self.metrics.read()
        }
    }

    async fn close(&self) {
        join_all(self.instances.iter().map(Instance::close)).await;
    }
}

#[cfg(test)]
impl CredswapStrategy {
    /// Keeps the key of one instance in use until the lease is dropped.
    pub(crate) fn lease(&self, instance: usize) -> credswap::hot::Lease<credswap::aws::LiveKey> {
        self.instances[instance].lease()
    }
}
