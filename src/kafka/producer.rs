//! Writes records to one topic and returns where each of them is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::config::KafkaConfig;
use super::delivered::Delivered;
use super::fault::Fault;
use super::role::Role;
use super::topic::topic_name;
use super::writer::Writer;
use crate::error::Error;
use crate::util::deadline::FOREVER;

/// Writes records to one topic.
///
/// A record that is delivered is on all in-sync replicas (`acks=all`), exactly once, however often the client had to send
/// it (`enable.idempotence`). It needs `Write` on the topic and nothing else; brokers before 2.8 also require
/// `IdempotentWrite` on the cluster.
///
/// The client is created at the first record, which takes up to a second longer, and kept; librdkafka reconnects by
/// itself. After a rejected login or certificate the next client is created, with password and CA file as they are then.
///
/// ```no_run
/// use credswap::kafka::{KafkaConfig, Producer};
///
/// # async fn example(config: KafkaConfig) -> Result<(), credswap::Error> {
/// let producer = Producer::new(&config, "s3.test.secret.manager")?;
/// let delivered = producer.send(Some("prod/uploader"), Some(b"{}")).await?;
/// println!("partition {}, offset {:?}", delivered.partition, delivered.offset);
/// # Ok(()) }
/// ```
pub struct Producer {
    config: KafkaConfig,
    topic: String,
    timeout: Duration,
    writer: Mutex<Option<Arc<Writer>>>,
}

impl Producer {
    /// Creates a producer for `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what is wrong without a connection: empty servers, a topic name
    /// that Kafka does not allow, a CA file that cannot be read, a property that librdkafka does not know or that would
    /// break a guarantee.
    pub fn new(config: &KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            topic: topic_name(topic)?,
            timeout: Duration::from_secs(10),
            writer: Mutex::new(None),
        })
    }

    /// Sets how long one [`Producer::send`] may take; 10 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(1), FOREVER);
        self
    }

    /// Writes a record and waits until it is delivered. Records with the same key go to one partition; no payload is a
    /// tombstone, which removes the key from a compacted topic.
    ///
    /// # Errors
    /// | [`ErrorKind`](crate::ErrorKind) | means |
    /// |---|---|
    /// | `Unavailable` | no broker can be reached, its name cannot be resolved, or TLS failed; the password cannot be read |
    /// | `Timeout` | no response within the timeout |
    /// | `Unauthenticated` | the broker rejected the login |
    /// | `PermissionDenied` | the ACL is missing; the text has the command |
    /// | `NotFound` | the topic does not exist; it is never created from here |
    /// | `Config` | the broker's certificate was not accepted; a record that is too large |
    ///
    /// After an error the record may have been written all the same, if only the response was lost.
    ///
    /// # Cancel safety
    /// Not cancel safe: when the future is dropped the record may or may not be written. It is not written after the
    /// timeout, nor after this producer was dropped.
    pub async fn send(
        &self,
        key: Option<&str>,
        payload: Option<&[u8]>,
    ) -> Result<Delivered, Error> {
        match self.deliver(key, payload).await {
            Ok(delivered) => Ok(delivered),
            Err(fault) => {
                let target = self.config.target(&self.topic, Role::Producer);
                Err(self.config.look_into(fault).await.into_error(&target))
            }
        }
    }

    /// Returns why the connection does not work, if that is known and nothing was delivered since.
    #[cfg(all(feature = "fleet", feature = "refresh"))]
    pub(crate) fn known_error(&self) -> Option<Error> {
        // Locked while a client is created.
        let fault = self.writer.try_lock().ok()?.as_ref()?.connection_fault()?;
        Some(fault.into_error(&self.config.target(&self.topic, Role::Producer)))
    }

    async fn deliver(&self, key: Option<&str>, payload: Option<&[u8]>) -> Result<Delivered, Fault> {
        let started = Instant::now();
        let deadline = started + self.timeout;
        loop {
            let writer = timeout_at(deadline, self.writer())
                .await
                // Nothing else takes long here.
                .map_err(|_| Fault::Password("reading it took too long".to_owned()))??;
            let fault = match writer.deliver(&self.topic, key, payload, deadline).await {
                Ok(delivered) => return Ok(delivered),
                Err(fault) => fault,
            };
            if fault.needs_new_client() {
                self.discard(&writer).await;
            }
            // The password may have rotated since the client was created: try once more, with the current one.
            let outdated = writer.created() < started;
            if !(outdated && fault.is_authentication_failure()) {
                return Err(fault);
            }
        }
    }

    async fn writer(&self) -> Result<Arc<Writer>, Fault> {
        let mut slot = self.writer.lock().await;
        if let Some(writer) = &*slot {
            return Ok(Arc::clone(writer));
        }
        let writer = Arc::new(Writer::new(self.config.clone(), self.timeout).await?);
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
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
