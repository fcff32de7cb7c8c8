//! What librdkafka tells by the way: its log, and the words that belong to an error.

use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// Receives librdkafka's callbacks. Its lines may quote what a broker sent, so they are logged escaped.
#[derive(Debug, Default)]
pub(super) struct Context {
    words: Mutex<String>,
}

impl Context {
    /// The words of the error that `recv` has just returned.
    pub(super) fn take_words(&self) -> String {
        std::mem::take(&mut *self.words.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, line: &str) {
        match level {
            // librdkafka's errors are about one connection and pass; what they mean as a whole is the health.
            Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
                tracing::warn!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            Level::Notice | Level::Info => {
                tracing::info!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            Level::Debug => {
                tracing::debug!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
        }
    }

    // Called just before `recv` returns the same error, ends of partitions among them.
    fn error(&self, _error: KafkaError, words: &str) {
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = words.to_owned();
    }
}

impl ConsumerContext for Context {}
