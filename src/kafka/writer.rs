//! A producer of librdkafka: one client, from the password it was made with to its refusal.

use std::time::Duration;

use rdkafka::Timestamp;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::time::{Instant, sleep_until};

use super::blocking::{drop_on_thread, on_thread};
use super::config::KafkaConfig;
use super::context::Context;
use super::fault::Fault;
use super::producer::Delivered;
use super::role::Role;

/// What librdkafka takes for a time at most.
const MOST_MS: u128 = i32::MAX as u128;

/// One client. Dropping it returns at once; records that are not delivered by then are given up.
pub(crate) struct Writer {
    producer: Option<FutureProducer<Context>>,
    pub(super) context: Context,
    plaintext: bool,
    made: Instant,
}

impl Writer {
    /// Makes a client with the password and the CA file as they are now. It gives up each record after the bound.
    pub(crate) async fn new(config: KafkaConfig, bound: Duration) -> Result<Self, Fault> {
        let made = Instant::now();
        on_thread(move |_| {
            // A process that exits in the middle of a handshake would crash in OpenSSL's exit handler.
            openssl_sys::init();
            let plaintext = config.is_plaintext();
            let mut config = config.to_client_config(Role::Write)?;
            config.set(
                "message.timeout.ms",
                bound.as_millis().min(MOST_MS).to_string(),
            );
            let context = Context::default();
            match FutureProducer::from_config_and_context(&config, context.clone()) {
                Ok(producer) => Ok(Self {
                    producer: Some(producer),
                    context,
                    plaintext,
                    made,
                }),
                Err(error) => Err(Fault::of_call(&error)),
            }
        })
        .await?
    }

    /// When it was begun to be made: the password was read after that.
    pub(crate) fn made(&self) -> Instant {
        self.made
    }

    /// Writes a record and waits until it is delivered, at most until the deadline.
    pub(crate) async fn deliver(
        &self,
        topic: &str,
        key: Option<&str>,
        payload: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<Delivered, Fault> {
        // Refused while nobody was sending: the record is better sent by the next client alone.
        if let Some(refusal) = self.noted().filter(Fault::is_refusal) {
            return Err(refusal);
        }
        let mut record = FutureRecord::<str, [u8]>::to(topic);
        record.key = key;
        record.payload = payload;
        let sent = self
            .producer()
            .send_result(record)
            .map_err(|(error, _)| self.fault(&error))?;
        tokio::select! {
            biased;
            outcome = sent => match outcome {
                Ok(Ok(delivery)) => {
                    self.context.forget_trouble();
                    Ok(Delivered::from(delivery))
                }
                Ok(Err((error, _))) => Err(self.fault(&error)),
                Err(_) => Err(Fault::Thread),
            },
            fault = self.context.refused() => Err(fault),
            () = sleep_until(deadline) => Err(self.noted().unwrap_or(Fault::Slow)),
        }
    }

    /// What it means that a record was not delivered.
    fn fault(&self, error: &KafkaError) -> Fault {
        // A client that can no longer promise anything gives its records up and says why here.
        if let Some((code, _)) = self.producer().client().fatal_error() {
            return Fault::of(code, "");
        }
        match error.rdkafka_error_code() {
            Some(Code::MessageTimedOut | Code::PurgeQueue | Code::PurgeInflight) => {
                self.noted().unwrap_or(Fault::Slow)
            }
            _ => Fault::of_call(error),
        }
    }

    fn noted(&self) -> Option<Fault> {
        match self.context.fault()? {
            Fault::Unreachable if self.plaintext && self.context.hung_up() => {
                Some(Fault::PlainToTls)
            }
            fault => Some(fault),
        }
    }

    fn producer(&self) -> &FutureProducer<Context> {
        self.producer.as_ref().expect("only drop takes it")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop_on_thread(self.producer.take());
    }
}

impl From<Delivery> for Delivered {
    fn from(delivery: Delivery) -> Self {
        Self {
            partition: delivery.partition,
            offset: delivery.offset,
            timestamp_ms: delivery.timestamp.to_millis(),
            log_append_time: matches!(delivery.timestamp, Timestamp::LogAppendTime(_)),
        }
    }
}
