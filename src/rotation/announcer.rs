//! Announces to the consumers that a new version is current.

use std::future::Future;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::boxed::BoxFuture;
use crate::error::Error;
use crate::secret::VersionId;

/// Publishes the event of `finishSecret`.
///
/// [`kafka::Producer`](crate::kafka::Producer) does, with the feature `kafka`; and closures
/// `Fn(RotationEvent) -> impl Future<Output = Result<(), Error>>`:
///
/// ```
/// use credswap::{Error, rotation::{Announcer, RotationEvent}};
/// fn takes_an_announcer(_: impl Announcer) {}
/// takes_an_announcer(|event: RotationEvent| async move {
///     println!("{}", event.to_json());
///     Ok::<_, Error>(())
/// });
/// ```
#[cfg_attr(not(feature = "kafka"), allow(rustdoc::broken_intra_doc_links))]
pub trait Announcer: Send + Sync + 'static {
    /// Returns when the event can no longer be lost. May be called again with the same event.
    ///
    /// # Errors
    /// The step fails, so that the rotation is retried and the event published again.
    fn announce(&self, event: &RotationEvent) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A version has become current.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use credswap::rotation::RotationEvent;
/// let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_708_905_600_123);
/// let event = RotationEvent::new(at, "arn:aws:secretsmanager:…", "b".into()).previous_version("a".into());
/// assert_eq!(
///     event.to_json(),
///     r#"{"eventDateTime":1708905600.123,"step":"finishSecret","secretId":"arn:aws:secretsmanager:…","versionId":"b","previousVersionId":"a"}"#
/// );
/// assert_eq!(event.to_minimal_json(), r#"{"eventDateTime":1708905600.123,"step":"finishSecret"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationEvent {
    /// When the event is published.
    pub at: SystemTime,
    /// The secret's ARN.
    pub secret_id: String,
    /// The version that is current.
    pub version_id: VersionId,
    /// The version that was current before, if it is known.
    pub previous_version_id: Option<VersionId>,
}

/// Publishes events with their two fields `eventDateTime` and `step` only, as many rotation functions do: for consumers that
/// refuse other fields (see [the event](crate::docs::events)).
///
/// ```no_run
/// # fn example(sdk: aws_types::SdkConfig, kafka: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// use credswap::kafka::Producer;
/// use credswap::rotation::{MinimalEvents, Rotation};
/// let announcer = MinimalEvents::new(Producer::new(&kafka, "s3.test.secret.manager")?);
/// let rotation = Rotation::access_keys(&sdk).announcer(announcer).build();
/// # Ok(()) }
/// ```
#[cfg(feature = "kafka")]
#[derive(Debug)]
pub struct MinimalEvents(crate::kafka::Producer);

/// Publishes nothing: for consumers that poll. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAnnouncement;

impl RotationEvent {
    /// Creates the event that `version_id` has become current.
    pub fn new(at: SystemTime, secret_id: impl Into<String>, version_id: VersionId) -> Self {
        Self {
            at,
            secret_id: secret_id.into(),
            version_id,
            previous_version_id: None,
        }
    }

    /// Sets the version that was current before.
    #[must_use]
    pub fn previous_version(mut self, version_id: VersionId) -> Self {
        self.previous_version_id = Some(version_id);
        self
    }

    /// Returns the event as it is published. `eventDateTime` is in seconds since 1970, with a fraction.
    pub fn to_json(&self) -> String {
        self.json(Some(Extra {
            secret_id: &self.secret_id,
            version_id: self.version_id.as_str(),
            previous_version_id: self.previous_version_id.as_ref().map(VersionId::as_str),
        }))
    }

    /// Returns the event with the fields `eventDateTime` and `step` only.
    pub fn to_minimal_json(&self) -> String {
        self.json(None)
    }

    fn json(&self, extra: Option<Extra<'_>>) -> String {
        let since_1970 = self
            .at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let event = Wire {
            // Milliseconds, so that the number is short and exact.
            event_date_time: since_1970.as_millis() as f64 / 1000.0,
            step: "finishSecret",
            extra,
        };
        serde_json::to_string(&event).expect("strings and a finite number are always JSON")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    event_date_time: f64,
    step: &'static str,
    #[serde(flatten)]
    extra: Option<Extra<'a>>,
}

/// What the event of most rotation functions does not have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extra<'a> {
    secret_id: &'a str,
    version_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_version_id: Option<&'a str>,
}

#[cfg(feature = "kafka")]
impl MinimalEvents {
    /// Publishes with this producer.
    pub fn new(producer: crate::kafka::Producer) -> Self {
        Self(producer)
    }
}

impl<F, Fut> Announcer for F
where
    F: Fn(RotationEvent) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send,
{
    fn announce(&self, event: &RotationEvent) -> impl Future<Output = Result<(), Error>> + Send {
        self(event.clone())
    }
}

/// The record's key is the secret's ARN, so that the events of one secret stay in order. An event counts as published when
/// all in-sync replicas have it.
#[cfg(feature = "kafka")]
impl Announcer for crate::kafka::Producer {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        publish(self, event, &event.to_json()).await
    }
}

/// As a [`Producer`](crate::kafka::Producer) does.
#[cfg(feature = "kafka")]
impl Announcer for MinimalEvents {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        publish(&self.0, event, &event.to_minimal_json()).await
    }
}

#[cfg(feature = "kafka")]
async fn publish(
    producer: &crate::kafka::Producer,
    event: &RotationEvent,
    payload: &str,
) -> Result<(), Error> {
    let record = producer.send(Some(&event.secret_id), Some(payload.as_bytes()));
    record.await.map(drop)
}

impl Announcer for NoAnnouncement {
    async fn announce(&self, _: &RotationEvent) -> Result<(), Error> {
        Ok(())
    }
}

/// [`Announcer`] with boxed futures.
pub(super) trait DynAnnouncer: Send + Sync {
    fn announce<'a>(&'a self, event: &'a RotationEvent) -> BoxFuture<'a, Result<(), Error>>;
}

impl<A: Announcer> DynAnnouncer for A {
    fn announce<'a>(&'a self, event: &'a RotationEvent) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(Announcer::announce(self, event))
    }
}
