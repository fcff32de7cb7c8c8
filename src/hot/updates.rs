//! Notification of swaps.

use tokio::sync::watch;

/// Generation numbers as they are published. A slow reader sees the newest, not each.
#[derive(Debug, Clone)]
pub struct Updates(pub(super) watch::Receiver<u64>);

impl Updates {
    /// Waits for a generation that this reader has not seen, and returns its number; `None` when the
    /// [`HotSwap`](super::HotSwap) has been dropped.
    ///
    /// # Cancel safety
    /// Cancel safe: a number is taken as seen only when it is returned.
    pub async fn next(&mut self) -> Option<u64> {
        self.0.changed().await.ok()?;
        Some(*self.0.borrow_and_update())
    }

    /// Waits until the current generation is newer than `generation`, and returns its number; `None` when
    /// the [`HotSwap`](super::HotSwap) has been dropped.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn newer_than(&mut self, generation: u64) -> Option<u64> {
        self.0
            .wait_for(|current| *current > generation)
            .await
            .ok()
            .map(|current| *current)
    }

    /// Returns the newest generation's number.
    pub fn latest(&self) -> u64 {
        *self.0.borrow()
    }
}
