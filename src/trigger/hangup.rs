//! SIGHUP, on which daemons read their configuration again.

use std::borrow::Cow;

use super::Trigger;
use super::health::Health;
#[cfg(unix)]
use super::reason::Reason;
use super::requests::RefreshRequester;

/// Requests a refresh on SIGHUP. On systems without it this trigger ends at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hangup;

impl Trigger for Hangup {
    #[cfg(unix)]
    async fn run(self, requester: RefreshRequester) {
        use tokio::signal::unix::{SignalKind, signal};

        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                tracing::error!(%error, "cannot listen for SIGHUP");
                requester.set_health(Health::Ended);
                return;
            }
        };
        requester.set_health(Health::Listening);
        while hangups.recv().await.is_some() {
            requester.request(Reason::Signal);
        }
        requester.set_health(Health::Ended);
    }

    #[cfg(not(unix))]
    async fn run(self, requester: RefreshRequester) {
        requester.set_health(Health::Ended);
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("sighup")
    }
}
