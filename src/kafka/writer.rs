//! One producer client of librdkafka, with the password that it was created with.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::time::{Instant, sleep_until};

use super::blocking::{drop_on_thread, on_thread};
use super::config::KafkaConfig;
use super::context::Context;
use super::delivered::Delivered;
use super::fault::Fault;
use super::role::Role;

/// The longest time that librdkafka accepts in a property.
const MAX_MS: u128 = i32::MAX as u128;

/// One client. Dropping it returns at once; records that are not delivered by then are abandoned.
pub(crate) struct Writer {
    producer: Option<FutureProducer<Context>>,
    pub(super) context: Context,
    plaintext: bool,
    created: Instant,
}

impl Writer {
    /// Creates a client with the password and the CA file as they are now. It abandons each record after the timeout.
    pub(crate) async fn new(config: KafkaConfig, timeout: Duration) -> Result<Self, Fault> {
        let created = Instant::now();
        on_thread(move |_| {
            // A process that exits in the middle of a handshake would crash in OpenSSL's exit handler.
            openssl::init();
            let plaintext = config.is_plaintext();
            let context = config.context();
            let mut config = config.to_client_config(Role::Producer)?;
            config.set(
                "message.timeout.ms",
                timeout.as_millis().min(MAX_MS).to_string(),
            );
            match FutureProducer::from_config_and_context(&config, context.clone()) {
                Ok(producer) => Ok(Self {
                    producer: Some(producer),
                    context,
                    plaintext,
                    created,
                }),
                Err(error) => Err(Fault::of_call(&error)),
            }
        })
        .await?
    }

    /// Returns when its creation began: the password was read after that.
    pub(crate) fn created(&self) -> Instant {
        self.created
    }

    /// Writes a record and waits until it is delivered, at most until the deadline.
    pub(crate) async fn deliver(
        &self,
        topic: &str,
        key: Option<&str>,
        payload: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<Delivered, Fault> {
        // Authentication failed while nothing was being sent: let the next client alone send the record.
        let earlier = self.connection_fault();
        if let Some(fault) = earlier.filter(Fault::is_authentication_failure) {
            return Err(fault);
        }
        let mut record = FutureRecord::<str, [u8]>::to(topic);
        record.key = key;
        record.payload = payload;
        let delivery = self
            .producer()
            .send_result(record)
            .map_err(|(error, _)| self.fault(&error))?;
        tokio::select! {
            biased;
            result = delivery => match result {
                Ok(Ok(delivery)) => {
                    self.context.clear_fault();
                    Ok(Delivered::from(delivery))
                }
                Ok(Err((error, _))) => Err(self.fault(&error)),
                Err(_) => Err(Fault::Thread),
            },
            fault = self.context.authentication_failed() => Err(fault),
            () = sleep_until(deadline) => Err(self.connection_fault().unwrap_or(Fault::Timeout(None))),
        }
    }

    /// Classifies the error of a record that was not delivered.
    fn fault(&self, error: &KafkaError) -> Fault {
        // A client that has lost its guarantees abandons its records, and has the reason here.
        if let Some((code, _)) = self.producer().client().fatal_error() {
            return Fault::of(code, "");
        }
        match error.rdkafka_error_code() {
            Some(Code::MessageTimedOut | Code::PurgeQueue | Code::PurgeInflight) => {
                self.connection_fault().unwrap_or(Fault::Timeout(None))
            }
            _ => Fault::of_call(error),
        }
    }

    /// Returns why its connections do not work, if that is known and nothing was delivered since.
    pub(crate) fn connection_fault(&self) -> Option<Fault> {
        match self.context.fault()? {
            Fault::Unreachable(_) if self.plaintext && self.context.closed_at_first_request() => {
                Some(Fault::PlaintextToTls)
            }
            fault => Some(fault),
        }
    }

    fn producer(&self) -> &FutureProducer<Context> {
        self.producer.as_ref().expect("taken by drop only")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop_on_thread(self.producer.take());
    }
}
