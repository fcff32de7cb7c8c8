//! How an uploader follows rotations: what the compared strategies have in common.

use aws_sdk_s3::Client;
use credswap::rotation::UsageSource;

use crate::environment::Environment;
use crate::in_flight::InFlight;
use crate::metrics_reader::StrategyMetrics;

/// A way for an uploader to follow rotations.
pub(crate) trait Strategy: Sized + Send + Sync + 'static {
    /// The name in the table, the plot and the progress lines.
    const NAME: &'static str;

    /// Whether an old key is kept until no consumer uses it. Otherwise it is deleted right after the rotation, as common
    /// rotation functions do.
    const WAITS_FOR_RELEASE: bool;

    /// Knows whether an old key is in use.
    type UsageSource: UsageSource;

    /// Fetches the first key, and returns when every later rotation event will be received.
    fn start(
        environment: &Environment,
        in_flight: &InFlight,
    ) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Returns what to ask before an old key is retired.
    fn usage_source(environment: &Environment) -> anyhow::Result<Self::UsageSource>;

    /// Returns the client for one object of `worker`.
    fn s3(&self, worker: u16) -> impl Future<Output = Client> + Send;

    /// Returns the key that is live.
    fn current(&self) -> CurrentKey;

    /// Returns what the strategy measured about itself since the last call.
    fn metrics(&self) -> StrategyMetrics;

    /// Stops the strategy's tasks.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The key that signs new requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurrentKey {
    /// How many keys there have been, including this one.
    pub(crate) generation: u64,
    /// The access key id.
    pub(crate) access_key_id: String,
    /// Why rotation events cannot be received at the moment, if they cannot.
    pub(crate) disconnected: Option<String>,
}

impl CurrentKey {
    /// Returns the last four characters of the access key id, which may be shown.
    pub(crate) fn id_suffix(&self) -> &str {
        let id = &self.access_key_id;
        id.get(id.len().saturating_sub(4)..).unwrap_or_default()
    }
}
