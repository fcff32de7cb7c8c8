//! Sends usage reports with a [`Producer`].

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::Error;
use crate::fleet::reporter::ReportSink;
use crate::kafka::Producer;

/// How long a report is waited for, at least, when it is known that the connection does not work.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

impl ReportSink for Producer {
    /// Writes the record once, in its order among those of the same key. The producer's timeout must be shorter than
    /// [`Assumptions::grace`](crate::fleet::Assumptions::grace), as its default is.
    ///
    /// # Errors
    /// As [`Producer::send`]; after a second already where it is known that the connection does not work: the reporter may
    /// not wait for the producer's timeout, and the reason says more than that it took too long.
    async fn send(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        let mut sent = pin!(Self::send(self, Some(&key), Some(&value)));
        loop {
            if let Ok(sent) = timeout(SEND_TIMEOUT, &mut sent).await {
                return sent.map(drop);
            }
            if let Some(error) = self.known_error() {
                return Err(error);
            }
        }
    }
}
