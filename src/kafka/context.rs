//! What librdkafka tells by the way: its log, and the words that belong to an error.

use std::sync::Arc;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tokio::sync::watch;

use super::fault::Fault;

/// Receives librdkafka's callbacks. Its lines may quote what a broker sent, so they are logged escaped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context(Arc<watch::Sender<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    words: String,
    hung_up: bool,
    fault: Option<Fault>,
}

impl Context {
    /// The words of the error that `recv` has just returned.
    pub(crate) fn take_words(&self) -> String {
        let mut words = String::new();
        self.0.send_if_modified(|notes| {
            words = std::mem::take(&mut notes.words);
            false
        });
        words
    }

    /// Whether a broker hung up at the first request, as a TLS port does to plaintext.
    pub(crate) fn hung_up(&self) -> bool {
        self.0.borrow().hung_up
    }

    /// What was told about connections since all was well, the more specific first. librdkafka tells the same of
    /// the same broker only every 30 seconds.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.borrow().fault.clone()
    }

    /// All is well.
    pub(crate) fn forget_trouble(&self) {
        self.0.send_if_modified(|notes| {
            notes.fault = None;
            false
        });
    }

    /// Waits until a broker and this client do not come together.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn refused(&self) -> Fault {
        let refused = |notes: &Notes| notes.fault.as_ref().is_some_and(Fault::is_refusal);
        let mut notes = self.0.subscribe();
        let refused = notes
            .wait_for(refused)
            .await
            .map(|notes| notes.fault.clone());
        // `self` holds the sender, and what was waited for is there.
        refused.ok().flatten().unwrap_or(Fault::Login)
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, line: &str) {
        // librdkafka tells this in its log only.
        if line.contains("Disconnected") && line.contains("in state APIVERSION_QUERY") {
            self.0.send_modify(|notes| notes.hung_up = true);
        }
        match (level, facility) {
            // One configuration serves readers and writers: each is told what only the other knows.
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

    // Called just before `recv` returns the same error, ends of partitions among them.
    fn error(&self, error: KafkaError, words: &str) {
        let fault = error
            .rdkafka_error_code()
            .map(|code| Fault::of(code, words))
            .filter(|fault| !matches!(fault, Fault::Code(_)));
        self.0.send_modify(|notes| {
            notes.words = words.to_owned();
            notes.fault = match (notes.fault.take(), fault) {
                (Some(noted), Some(new)) if noted.is_specific() && !new.is_specific() => {
                    Some(noted)
                }
                (noted, new) => new.or(noted),
            };
        });
    }
}

impl ConsumerContext for Context {}
