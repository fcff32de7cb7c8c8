//! Looks when the process is sent SIGHUP, as daemons do to read their configuration again.

use std::borrow::Cow;

use super::Trigger;
use super::health::Health;
use super::looks::{Looks, Reason};

/// Looks on SIGHUP. On systems without it this trigger never looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hangup;

impl Trigger for Hangup {
    #[cfg(unix)]
    async fn run(self, looks: Looks) {
        use tokio::signal::unix::{SignalKind, signal};

        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                tracing::error!(%error, "cannot listen for SIGHUP");
                looks.health(Health::Ended);
                return;
            }
        };
        looks.health(Health::Listening);
        while hangups.recv().await.is_some() {
            looks.look(Reason::Signal);
        }
        looks.health(Health::Ended);
    }

    #[cfg(not(unix))]
    async fn run(self, looks: Looks) {
        looks.health(Health::Ended);
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("sighup")
    }
}
