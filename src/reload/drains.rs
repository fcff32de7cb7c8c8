//! Waits for one generation's drain and tells everybody: the status, the notices, the metrics, and the source.

use std::sync::Arc;

use tokio::time::Instant;

use super::metrics::Metrics;
use super::notice::Notice;
use super::read::Parts;
use super::supervisor::{Clock, Shared};
use crate::hot::Drain;
use crate::secret::VersionId;
use crate::source::Source;

pub(super) async fn announce<S: Source, C>(
    drain: Drain,
    version: VersionId,
    swapped: Instant,
    parts: Arc<Parts<S, C>>,
    shared: Arc<Shared>,
    metrics: Metrics,
    clock: Clock,
) {
    let generation = drain.generation();
    drain.released().await;
    if let Some(left) = drain
        .horizon()
        .and_then(|at| at.checked_duration_since(Instant::now()))
    {
        let horizon = clock() + left;
        tracing::info!(%version, generation, ?left, "released; waiting for what was presigned with it to expire");
        shared.status.send_modify(|status| {
            for held in status
                .held
                .iter_mut()
                .filter(|held| held.generation == generation)
            {
                held.horizon = Some(horizon);
            }
        });
    }
    drain.wait().await;
    let mut still_held = false;
    shared.status.send_modify(|status| {
        status.held.retain(|held| held.generation != generation);
        still_held = status.uses(&version);
        metrics.state(status);
    });
    metrics.drained(swapped.elapsed());
    tracing::info!(%version, generation, still_held, "drained");
    let _ = shared.notices.send(Notice::Drained {
        generation,
        version: version.clone(),
        still_held,
    });
    if !still_held {
        let told = parts.source.drained(&version);
        if tokio::time::timeout(parts.bounds.fetch, told)
            .await
            .is_err()
        {
            tracing::warn!(%version, "telling the source of the drain took too long");
        }
    }
}
