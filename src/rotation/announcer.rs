//! Tells the consumers that there is a new version.

use std::future::Future;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::error::Error;
use crate::secret::VersionId;

/// Publishes what `finishSecret` has done.
///
/// Closures `Fn(RotationEvent) -> impl Future<Output = Result<(), Error>>` announce:
///
/// ```
/// use credswap::{Error, rotation::{Announcer, RotationEvent}};
/// fn announces(_: impl Announcer) {}
/// announces(|event: RotationEvent| async move {
///     println!("{}", event.to_json());
///     Ok::<_, Error>(())
/// });
/// ```
pub trait Announcer: Send + Sync + 'static {
    /// Returns when the event cannot be lost any more. It may be called again with the same event.
    ///
    /// # Errors
    /// The step fails, so that the rotation is retried and the event published again.
    fn announce(&self, event: &RotationEvent) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A version has become current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationEvent {
    /// When it is announced.
    pub at: SystemTime,
    /// The secret's ARN.
    pub secret_id: String,
    /// The version that is current.
    pub version_id: VersionId,
    /// The version that was current before.
    pub previous_version_id: Option<VersionId>,
}

/// Tells nobody: for consumers that poll.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAnnouncement;

impl RotationEvent {
    /// The event as it is published. `eventDateTime` is in seconds since 1970, with a fraction.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # let event = credswap::rotation::RotationEvent {
    /// #     at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_708_905_600_123),
    /// #     secret_id: "arn:aws:secretsmanager:…".to_owned(),
    /// #     version_id: "b".into(),
    /// #     previous_version_id: Some("a".into()),
    /// # };
    /// assert_eq!(
    ///     event.to_json(),
    ///     r#"{"eventDateTime":1708905600.123,"step":"finishSecret","secretId":"arn:aws:secretsmanager:…","versionId":"b","previousVersionId":"a"}"#
    /// );
    /// ```
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Event<'a> {
            event_date_time: f64,
            step: &'static str,
            secret_id: &'a str,
            version_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            previous_version_id: Option<&'a str>,
        }
        let since_1970 = self
            .at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let event = Event {
            // Milliseconds, so that the number is short and exact.
            event_date_time: since_1970.as_millis() as f64 / 1000.0,
            step: "finishSecret",
            secret_id: &self.secret_id,
            version_id: self.version_id.as_str(),
            previous_version_id: self.previous_version_id.as_ref().map(VersionId::as_str),
        };
        serde_json::to_string(&event).expect("texts and a finite number are always JSON")
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

/// Written with the secret's ARN as the key, so that the events of one secret stay in their order. An event is announced
/// when it is on all replicas in sync.
#[cfg(feature = "kafka")]
impl Announcer for crate::kafka::Producer {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let payload = event.to_json();
        self.send(Some(&event.secret_id), Some(payload.as_bytes()))
            .await
            .map(drop)
    }
}

impl Announcer for NoAnnouncement {
    async fn announce(&self, _: &RotationEvent) -> Result<(), Error> {
        Ok(())
    }
}
