//! The status as others see it, up to its end.

use tokio::sync::watch;

use super::metrics::Metrics;
use super::status::{EndReason, Status};

/// Publishes copies of the status. When it is dropped, the status says that the loop has ended, and why: also where no code
/// of the loop could say it, because it panicked or its runtime is gone.
pub(super) struct Published {
    sender: watch::Sender<Status>,
    metrics: Metrics,
}

impl Published {
    pub(super) fn new(status: &Status, metrics: Metrics) -> Self {
        Self {
            sender: watch::Sender::new(status.clone()),
            metrics,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.sender.subscribe()
    }

    pub(super) fn publish(&self, status: &Status) {
        self.metrics.state(status);
        self.sender.send_replace(status.clone());
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let reason = match std::thread::panicking() {
            true => EndReason::Panicked,
            false => EndReason::RuntimeGone,
        };
        self.sender.send_if_modified(|status| {
            let is_new = status.ended.is_none();
            status.ended.get_or_insert(reason);
            is_new
        });
        self.metrics.state(&self.sender.borrow());
    }
}
