//! The trigger: its settings, and the loop that reconnects for ever.

use std::borrow::Cow;
use std::time::Duration;

use fastrand::Rng;

use super::session::Session;
use super::settings::Settings;
use crate::error::Error;
use crate::kafka::{KafkaConfig, topic_name};
use crate::trigger::{RefreshRequester, Trigger};
use crate::util::Backoff;

/// Requests a refresh when the rotation function publishes its event to a Kafka topic.
///
/// ```no_run
/// use credswap::kafka::{KafkaConfig, Password};
/// use credswap::trigger::Kafka;
///
/// # fn main() -> Result<(), credswap::Error> {
/// // Amazon MSK: TLS is the default, port 9096 is the one for SASL/SCRAM.
/// let config = KafkaConfig::new("b-1.events.example.kafka.eu-west-1.amazonaws.com:9096")
///     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"));
/// let trigger = Kafka::new(&config, "s3.test.secret.manager")?;
/// # Ok(()) }
/// ```
///
/// [`credswap::kafka`](crate::kafka) documents the connection (MSK, ACLs, passwords that rotate). The trigger needs `Read`
/// on the topic and nothing else.
///
/// # The event
/// JSON such as `{"eventDateTime": 1708905600.123, "step": "finishSecret"}`:
///
/// | field | meaning |
/// |---|---|
/// | `step` | `finishSecret` requests a refresh; `createSecret`, `setSecret` and `testSecret` are ignored |
/// | `eventDateTime` | optional, unused, of any form |
/// | `secretId` | name or ARN, optional. An event that names another secret than [the source's](crate::source::Source::secret_id) is ignored |
/// | `versionId` | optional. The source receives it as [`FetchRequest::expected_version`](crate::source::FetchRequest::expected_version) if it is 1 to 64 visible ASCII characters |
///
/// Names of fields and steps are compared without case, `_`, `-` and `.`. Other fields are skipped. The event may be inside
/// of other objects, arrays, and strings that hold JSON, as in the envelopes of Kafka Connect, CloudEvents and SNS. Secrets
/// Manager's own event "Secret Label Updated", as EventBridge delivers it, is understood, too.
///
/// Any other message may have been an event that this version of the crate cannot read. It is counted, logged once a minute
/// without its content, and leads to a refresh within 15 seconds, at most one in that time. Metric:
/// `credswap_events_total{refreshable, outcome="accepted"|"ignored"|"unrecognized"}`.
///
/// # Guarantees
/// - No event is lost between the first fetch of the secret and the subscription: the trigger fixes the offsets, proves on
///   every partition that it can read, and then requests a refresh with [`Reason::CatchUp`](crate::trigger::Reason::CatchUp).
/// - No event is lost while the brokers are down: positions survive lost connections and new clients, and events that were
///   published meanwhile are read. If a position no longer exists (retention), or the topic was deleted and made again, the
///   trigger continues at the end of the partition and requests a refresh.
/// - A partition that cannot be read (no leader, a leader that does not respond) does not make the trigger deaf: it is
///   [`Health::Disconnected`](crate::trigger::Health::Disconnected), names the partition, and listens to the others.
/// - A batch that cannot be read (an unknown compression, a wrong checksum) is skipped: the trigger continues at the end of
///   its partition and requests a refresh. gzip, snappy, lz4 and zstd are built in.
/// - An event counts when it is written, not when its producer's transaction is committed; one that is aborted costs a fetch.
/// - Partitions that are added are detected ([`Kafka::metadata_interval`]) and read from their beginning. That takes three
///   requests, however many partitions there are, and one per broker more.
/// - No broker and no message ends the trigger or makes it panic. After a fault it creates a new client, which reads
///   password and CA file anew.
///
/// # Health
/// | reason of [`Health::Disconnected`](crate::trigger::Health::Disconnected) | what to check |
/// |---|---|
/// | no broker … can be reached, broker … cannot be reached | address, port, security group; whether the broker is up |
/// | … the cluster … advertises this address | `advertised.listeners` of the cluster: clients are sent there |
/// | the host name of … cannot be resolved | the name, and the DNS |
/// | … closed the connection at the first request | [`KafkaConfig::plaintext`] is set, and the port is a TLS port |
/// | the TLS handshake … failed | a plaintext port, or no common TLS version |
/// | the certificate of … was not accepted | CA file and expiry, or the host name: the text says which |
/// | … wants a certificate of the client | `ssl.certificate.location` and `ssl.key.location`, or the port for SASL/SCRAM |
/// | the broker rejected the login … | user, password |
/// | … does not offer this login's mechanism | the port and the mechanism; MSK IAM is not supported yet |
/// | the password could not be read | the file or closure of [`Password`](crate::kafka::Password) |
/// | topic … does not exist | the topic's name; the trigger never creates a topic |
/// | no permission to read topic … | the ACL; the text has the command |
/// | partition … cannot be read: no broker leads it | whether all brokers are up; resolves with them. The other partitions are listened to |
/// | … did not respond in time | overloaded brokers, the network; [`Kafka::response_timeout`] |
///
/// A broker that stops responding is noticed after at most 20 seconds, by default.
#[derive(Debug, Clone)]
pub struct Kafka {
    settings: Settings,
    reconnect: Backoff,
}

impl Kafka {
    /// Creates a trigger that listens to `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what is wrong without a connection: empty servers, a topic name
    /// that Kafka does not allow, a CA file that cannot be read, a property that librdkafka does not know or that would
    /// break a guarantee. Values of properties are not quoted.
    pub fn new(config: &KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            settings: Settings {
                config: config.clone(),
                topic: topic_name(topic)?,
                response_timeout: Duration::from_secs(10),
                metadata_interval: Duration::from_secs(60),
            },
            reconnect: Backoff::new(Duration::from_millis(500), Duration::from_secs(20)),
        })
    }

    /// Sets how long the brokers may take to respond when a connection begins or may be lost; 10 seconds by default.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.settings.response_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Sets how often the topic's partitions are fetched, in case some were added; a minute by default. New ones are read
    /// from their beginning.
    #[must_use]
    pub fn metadata_interval(mut self, interval: Duration) -> Self {
        self.settings.metadata_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the delays before a new client is created after a fault. Default 0.5 s to 20 s.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.reconnect = backoff;
        self
    }
}

impl Trigger for Kafka {
    async fn run(self, requester: RefreshRequester) {
        let mut rng = Rng::new();
        let mut delays = self.reconnect.delays(&mut rng);
        let config = self.settings.config.clone();
        let mut session = Session::new(self.settings, requester);
        loop {
            let fault = session.listen().await;
            let fault = config.look_into(fault).await;
            session.report_health(&fault);
            if session.has_listened() {
                delays = self.reconnect.delays(&mut rng);
            }
            tokio::time::sleep(delays.next()).await;
        }
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("kafka")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_name_that_kafka_does_not_allow_is_an_error() {
        let config = KafkaConfig::new("localhost:9092").plaintext();
        let error = Kafka::new(&config, "a b").expect_err("not a topic name");
        assert_eq!(error.kind(), crate::ErrorKind::Config);
    }

    #[test]
    fn debug_shows_the_topic_and_no_secret() {
        let config = KafkaConfig::new("b:9096").scram_sha_512("uploader", "hunter2");
        let shown = format!("{:?}", Kafka::new(&config, "t").expect("valid"));
        assert!(
            shown.contains("\"t\"") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
