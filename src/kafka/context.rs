//! What librdkafka tells by the way: its log, and the words that belong to an error.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// Receives librdkafka's callbacks. Its lines may quote what a broker sent, so they are logged escaped.
#[derive(Debug, Default)]
pub(crate) struct Context(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    words: String,
    hung_up: bool,
}

impl Context {
    /// The words of the error that `recv` has just returned.
    pub(crate) fn take_words(&self) -> String {
        std::mem::take(&mut self.notes().words)
    }

    /// Whether a broker hung up at the first request, as a TLS port does to plaintext.
    pub(crate) fn hung_up(&self) -> bool {
        self.notes().hung_up
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, line: &str) {
        // librdkafka tells this in its log only.
        if line.contains("Disconnected") && line.contains("in state APIVERSION_QUERY") {
            self.notes().hung_up = true;
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
    fn error(&self, _error: KafkaError, words: &str) {
        self.notes().words = words.to_owned();
    }
}

impl ConsumerContext for Context {}
