//! Writes records to one topic and says where each of them is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::config::KafkaConfig;
use super::fault::Fault;
use super::role::Role;
use super::topic::topic_name;
use super::writer::Writer;
use crate::error::Error;

/// Writes records to one topic.
///
/// A record that is delivered is on all replicas in sync (`acks=all`), and is there once, however often the
/// client had to send it (`enable.idempotence`). It needs `Write` on the topic and nothing else; brokers before
/// 2.8 also want `IdempotentWrite` on the cluster.
///
/// One client is made at the first record, which takes up to a second longer, and kept: connections come and go
/// beneath it. After a refused login or
/// certificate the next one is made, with password and CA file as they are then.
///
/// ```no_run
/// use credswap::kafka::{KafkaConfig, Producer};
///
/// # async fn example(config: KafkaConfig) -> Result<(), credswap::Error> {
/// let producer = Producer::new(&config, "s3.test.secret.manager")?;
/// let delivered = producer.send(Some("prod/uploader"), Some(b"{}")).await?;
/// println!("{}:{}", delivered.partition, delivered.offset);
/// # Ok(()) }
/// ```
pub struct Producer {
    config: KafkaConfig,
    topic: String,
    deadline: Duration,
    writer: Mutex<Option<Arc<Writer>>>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// Its partition.
    pub partition: i32,
    /// Its offset there; negative if the broker did not say, which happens when it was sent twice.
    pub offset: i64,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// Whether that is the time at which the broker appended it: so it is on topics with
    /// `message.timestamp.type=LogAppendTime`. Otherwise it is the time of this machine.
    pub log_append_time: bool,
}

impl Producer {
    /// Writes to `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what is wrong without asking a broker: empty servers, a
    /// topic name that Kafka does not allow, a CA file that cannot be read, a property that librdkafka does not
    /// know or that would break a guarantee.
    pub fn new(config: &KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            topic: topic_name(topic)?,
            deadline: Duration::from_secs(10),
            writer: Mutex::new(None),
        })
    }

    /// Sets the bound on [`Producer::send`]; 10 seconds by default.
    #[must_use]
    pub fn deadline(mut self, bound: Duration) -> Self {
        self.deadline = bound.max(Duration::from_millis(1));
        self
    }

    /// Writes a record and waits until it is delivered. Records with the same key are in one partition; no payload
    /// is a tombstone, which removes the key from a compacted topic.
    ///
    /// # Errors
    /// | [`ErrorKind`](crate::ErrorKind) | means |
    /// |---|---|
    /// | `Unavailable` | no broker can be reached, its name is unknown, or TLS broke off; the password cannot be read |
    /// | `Timeout` | no answer within the bound |
    /// | `Unauthenticated` | the login was refused |
    /// | `PermissionDenied` | the ACL is missing; the text has the command |
    /// | `NotFound` | the topic does not exist; it is never created from here |
    /// | `Config` | the broker's certificate was not accepted; a record that is too large |
    ///
    /// After an error the record may be there all the same, if only the answer was lost.
    ///
    /// # Cancel safety
    /// Not cancel safe: when the future is dropped the record may be written or not. It is not written after the
    /// bound, nor after this producer was dropped.
    pub async fn send(
        &self,
        key: Option<&str>,
        payload: Option<&[u8]>,
    ) -> Result<Delivered, Error> {
        self.deliver(key, payload)
            .await
            .map_err(|fault| fault.into_error(&self.config.target(&self.topic, Role::Write)))
    }

    async fn deliver(&self, key: Option<&str>, payload: Option<&[u8]>) -> Result<Delivered, Fault> {
        let started = Instant::now();
        let deadline = started + self.deadline;
        loop {
            let writer = timeout_at(deadline, self.writer())
                .await
                // Nothing else takes long here.
                .map_err(|_| Fault::Password("that took too long".to_owned()))??;
            let fault = match writer.deliver(&self.topic, key, payload, deadline).await {
                Ok(delivered) => return Ok(delivered),
                Err(fault) => fault,
            };
            if fault.ends_the_client() {
                self.discard(&writer).await;
            }
            // A password that has rotated: once more, with the one that is true now.
            let stale = writer.made() < started;
            if !(stale && fault.is_refusal()) {
                return Err(fault);
            }
        }
    }

    async fn writer(&self) -> Result<Arc<Writer>, Fault> {
        let mut slot = self.writer.lock().await;
        if let Some(writer) = &*slot {
            return Ok(Arc::clone(writer));
        }
        let writer = Arc::new(Writer::new(self.config.clone(), self.deadline).await?);
        *slot = Some(Arc::clone(&writer));
        Ok(writer)
    }

    #[cfg(test)]
    pub(super) async fn current(&self) -> Arc<Writer> {
        Arc::clone(self.writer.lock().await.as_ref().expect("a writer"))
    }

    async fn discard(&self, writer: &Arc<Writer>) {
        let mut slot = self.writer.lock().await;
        if slot.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, writer)) {
            *slot = None;
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("config", &self.config)
            .field("topic", &self.topic)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
