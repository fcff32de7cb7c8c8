//! Receives librdkafka's callbacks: its log lines, and the messages that belong to errors.

use std::sync::Arc;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tokio::sync::watch;

use super::fault::Fault;

/// Receives librdkafka's callbacks. The lines may quote what a broker sent, so they are logged escaped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context(Arc<watch::Sender<Observed>>);

#[derive(Debug, Default)]
struct Observed {
    error_message: String,
    closed_at_first_request: bool,
    fault: Option<Fault>,
}

impl Context {
    /// Takes the message of the error that `recv` has just returned.
    pub(crate) fn take_error_message(&self) -> String {
        let mut message = String::new();
        self.0.send_if_modified(|observed| {
            message = std::mem::take(&mut observed.error_message);
            false
        });
        message
    }

    /// Returns whether a broker closed the connection at the first request, as a TLS port does to a plaintext client.
    pub(crate) fn closed_at_first_request(&self) -> bool {
        self.0.borrow().closed_at_first_request
    }

    /// Returns the most specific fault of a connection since [`Context::clear_fault`]. librdkafka repeats the same fault of
    /// the same broker only every 30 seconds.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.borrow().fault.clone()
    }

    /// Forgets the fault: the connections work.
    pub(crate) fn clear_fault(&self) {
        self.0.send_if_modified(|observed| {
            observed.fault = None;
            false
        });
    }

    /// Waits until a broker and this client fail to authenticate each other.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn authentication_failed(&self) -> Fault {
        let failed = |observed: &Observed| {
            let fault = observed.fault.as_ref();
            fault.is_some_and(Fault::is_authentication_failure)
        };
        let mut observed = self.0.subscribe();
        let fault = observed.wait_for(failed).await;
        // `self` owns the sender, so the channel is open, and the condition implies a fault.
        let fault = fault.ok().and_then(|observed| observed.fault.clone());
        fault.unwrap_or(Fault::Login)
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, line: &str) {
        // librdkafka reports this in its log only.
        if line.contains("Disconnected") && line.contains("in state APIVERSION_QUERY") {
            self.0
                .send_modify(|observed| observed.closed_at_first_request = true);
        }
        match (level, facility) {
            // Consumers and producers share one configuration: each warns about the properties of the other.
            (_, "CONFWARN") if line.contains("property and will be ignored by this") => {
                tracing::debug!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            // One connection failed. What that means as a whole is the health, which is logged when it changes.
            (_, "FAIL" | "ERROR") | (Level::Debug, _) => {
                tracing::debug!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            (Level::Notice | Level::Info, _) => {
                tracing::info!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            _ => tracing::warn!(target: "credswap::kafka", facility, ?line, "librdkafka"),
        }
    }

    // Called just before `recv` returns the same error, also for the end of a partition.
    fn error(&self, error: KafkaError, message: &str) {
        let fault = error
            .rdkafka_error_code()
            .map(|code| Fault::of(code, message))
            .filter(|fault| !matches!(fault, Fault::Code(_)));
        self.0.send_modify(|observed| {
            observed.error_message = message.to_owned();
            observed.fault = match (observed.fault.take(), fault) {
                (Some(earlier), Some(new)) if earlier.is_specific() && !new.is_specific() => {
                    Some(earlier)
                }
                (earlier, new) => new.or(earlier),
            };
        });
    }
}

impl ConsumerContext for Context {}
