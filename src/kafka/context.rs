//! Receives librdkafka's callbacks: its log lines, and the messages that belong to errors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::broker::Broker;
use super::fault::Fault;
use crate::util::lock::lock;
use crate::util::log_throttle::LogThrottle;

/// How often lines of the same kind are logged.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// The part of librdkafka's debug log that says when a topic is another one than before.
pub(super) const DEBUG: &str = "metadata";

/// Receives librdkafka's callbacks. The lines may quote what a broker sent, so they are logged escaped.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    observed: Arc<watch::Sender<Observed>>,
    log: Arc<Mutex<BTreeMap<String, LogThrottle>>>,
    /// Whether the user wants librdkafka's debug log.
    debug: bool,
}

#[derive(Debug, Default)]
struct Observed {
    error_message: String,
    closed_at_first_request: bool,
    fault: Option<Fault>,
    unanswered: Option<Fault>,
    topic_id: Option<String>,
}

/// What only librdkafka's log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A broker has left a request unanswered.
    Unanswered(Fault),
    /// The topic has this id, which each topic of the same name has another one of.
    TopicId(String),
}

impl Context {
    pub(super) fn new(debug: bool) -> Self {
        Self {
            observed: Arc::default(),
            log: Arc::default(),
            debug,
        }
    }

    /// Waits for a notice, and takes it.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub(crate) async fn noticed(&self) -> Notice {
        let mut observed = self.observed.subscribe();
        loop {
            let mut notice = None;
            self.observed.send_if_modified(|observed| {
                let topic_id = || observed.topic_id.take().map(Notice::TopicId);
                notice = observed.unanswered.take().map(Notice::Unanswered);
                notice = notice.take().or_else(topic_id);
                false
            });
            if let Some(notice) = notice {
                return notice;
            }
            // `self` owns the sender: it does not close.
            let _ = observed.changed().await;
        }
    }

    /// Takes the message of the error that `recv` has just returned.
    pub(crate) fn take_error_message(&self) -> String {
        let mut message = String::new();
        self.observed.send_if_modified(|observed| {
            message = std::mem::take(&mut observed.error_message);
            false
        });
        message
    }

    /// Returns whether a broker closed the connection at the first request, as a TLS port does to a plaintext client.
    pub(crate) fn closed_at_first_request(&self) -> bool {
        self.observed.borrow().closed_at_first_request
    }

    /// Returns the most specific fault of a connection since [`Context::clear_fault`]. librdkafka repeats the same fault of
    /// the same broker only every 30 seconds.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.observed.borrow().fault.clone()
    }

    /// Forgets the fault: the connections work.
    pub(crate) fn clear_fault(&self) {
        self.observed.send_if_modified(|observed| {
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
        let mut observed = self.observed.subscribe();
        let fault = observed.wait_for(failed).await;
        // `self` owns the sender, so the channel is open, and the condition implies a fault.
        let fault = fault.ok().and_then(|observed| observed.fault.clone());
        fault.unwrap_or(Fault::Login)
    }
}

/// Returns the id in the debug line about a topic whose id is new to this client: `Topic t changed id from … to …`.
fn topic_id(line: &str) -> Option<&str> {
    let (before, id) = line.rsplit_once(" to ")?;
    let is_id = id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_graphic());
    (is_id && before.contains(" changed id from ")).then_some(id)
}

impl Context {
    /// Returns whether to log a line of this kind; if so, how many were suppressed.
    fn may_log(&self, facility: &str) -> Option<u64> {
        let mut log = lock(&self.log);
        let throttle = log.entry(facility.to_owned());
        let throttle = throttle.or_insert_with(|| LogThrottle::every(LOG_PERIOD));
        throttle.poll(Instant::now())
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, line: &str) {
        // librdkafka reports this in its log only.
        if line.contains("Disconnected") && line.contains("in state APIVERSION_QUERY") {
            self.observed
                .send_modify(|observed| observed.closed_at_first_request = true);
        }
        if facility == "REQTMOUT" {
            let fault = Fault::Timeout(Broker::named_in(line));
            self.observed
                .send_modify(|observed| observed.unanswered = Some(fault));
        }
        if let Some(id) = topic_id(line) {
            self.observed
                .send_modify(|observed| observed.topic_id = Some(id.to_owned()));
        }
        match (level, facility) {
            (Level::Debug, _) if !self.debug => {}
            // Consumers and producers share one configuration: each warns about the properties of the other.
            (_, "CONFWARN") if line.contains("property and will be ignored by this") => {
                tracing::debug!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            // One connection failed. What that means as a whole is the health, which is logged when it changes.
            (_, "FAIL" | "ERROR" | "REQTMOUT") | (Level::Debug, _) => {
                tracing::debug!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            (Level::Notice | Level::Info, _) => {
                tracing::info!(target: "credswap::kafka", facility, ?line, "librdkafka");
            }
            _ => {
                if let Some(suppressed) = self.may_log(facility) {
                    tracing::warn!(target: "credswap::kafka", facility, ?line, suppressed, "librdkafka");
                }
            }
        }
    }

    // Called just before `recv` returns the same error, also for the end of a partition.
    fn error(&self, error: KafkaError, message: &str) {
        let fault = error
            .rdkafka_error_code()
            .map(|code| Fault::of(code, message))
            .filter(|fault| !matches!(fault, Fault::Code(_)));
        self.observed.send_modify(|observed| {
            observed.error_message = message.to_owned();
            let earlier = observed.fault.take();
            observed.fault = match fault {
                Some(new) => Some(Fault::more_specific(earlier, new)),
                None => earlier,
            };
        });
    }
}

impl ConsumerContext for Context {}
