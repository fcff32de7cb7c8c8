//! The trigger itself: what to listen to, and the loop that never gives up.

use std::borrow::Cow;
use std::time::Duration;

use fastrand::Rng;

use super::session::Session;
use crate::error::Error;
use crate::kafka::{KafkaConfig, Role, Target, topic_name};
use crate::trigger::{RefreshRequester, Trigger};
use crate::util::Backoff;

/// RefreshRequester when the rotation function publishes its event to a Kafka topic.
///
/// ```no_run
/// use credswap::kafka::{KafkaConfig, Password};
/// use credswap::trigger::Kafka;
///
/// # fn main() -> Result<(), credswap::Error> {
/// // Amazon MSK: TLS is the default, port 9096 is the one for SASL/SCRAM.
/// let config = KafkaConfig::new("b-1.events.example.kafka.eu-west-1.amazonaws.com:9096")
///     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"));
/// let trigger = Kafka::new(config, "s3.test.secret.manager")?;
/// # Ok(()) }
/// ```
///
/// How to connect (MSK, ACLs, passwords that rotate) is on [`credswap::kafka`](crate::kafka); this trigger needs
/// `Read` on the topic and nothing else.
///
/// # The event
/// `{"eventDateTime": 1708905600.123, "step": "finishSecret"}` as JSON. The time may be a number, a text or
/// absent; the steps may be spelt `createSecret` or `create_secret`; only `finishSecret` means look. Unknown
/// fields are skipped. An event may name its secret (`secretId`: name or ARN), and [`Kafka::for_secret`] ignores
/// the events that name another. Messages that are no event are counted, logged once a minute without their
/// content, and skipped. Metric: `credswap_events_total{outcome="accepted"|"ignored"|"malformed"}`.
///
/// # What is promised
/// - No event is lost between the refreshable's first read and the subscription: the offsets are fixed first, then
///   reading is proven on every partition, then [`Reason::CatchUp`](crate::trigger::Reason::CatchUp) asks for a look.
/// - No event is lost while the brokers are away: positions are kept over lost connections and new clients, and
///   the events published meanwhile are read. Positions that are gone (retention, a topic made anew) become the
///   end of the partition, and a look.
/// - Added partitions are noticed ([`Kafka::refresh_every`]) and read from their beginning.
/// - The trigger never ends and never panics because of a broker or a message. After fault it makes a new
///   client, which reads password and CA file anew.
///
/// # What the health says
/// | [`Health::Disconnected`](crate::trigger::Health::Disconnected) with | means |
/// |---|---|
/// | no broker … can be reached | address, port, security group; the brokers are down |
/// | a broker's host name is unknown | a wrong name, or no DNS from here |
/// | … is this a TLS port … | [`KafkaConfig::plaintext`] against a TLS port |
/// | the TLS handshake … failed | a plaintext port, or no common TLS version |
/// | the broker's certificate was not accepted | CA file, host name, or expired |
/// | the login … was refused | user, password, mechanism |
/// | the password could not be read | the file or closure of [`Password`](crate::kafka::Password) failed |
/// | topic … does not exist | it is never created from here |
/// | topic … may not be read | the ACL is missing; the text has the command |
/// | partition … has no leader | brokers are missing; comes back with them |
/// | … did not answer in time | overloaded or hanging brokers ([`Kafka::answer_within`]) |
#[derive(Debug, Clone)]
pub struct Kafka {
    pub(super) config: KafkaConfig,
    pub(super) topic: String,
    pub(super) answer_within: Duration,
    pub(super) refresh_every: Duration,
    reconnect: Backoff,
}

impl Kafka {
    /// Listens to `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what is wrong without asking a broker: empty servers, a topic name that Kafka
    /// does not allow, a CA file that cannot be read, a property that librdkafka does not know or that would
    /// break a guarantee. Values of properties are not quoted.
    pub fn new(config: KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        config.check()?;
        let topic = topic_name(topic)?;
        Ok(Self {
            config,
            topic,
            answer_within: Duration::from_secs(10),
            refresh_every: Duration::from_secs(60),
            reconnect: Backoff::new(Duration::from_millis(250), Duration::from_secs(10)),
        })
    }

    /// Sets the bound on the brokers' answers when a connection begins or is in doubt; 10 seconds by default.
    #[must_use]
    pub fn answer_within(mut self, bound: Duration) -> Self {
        self.answer_within = bound.max(Duration::from_millis(1));
        self
    }

    /// Sets how often the topic's partitions are asked for, in case some were added; a minute by default. New
    /// ones are read from their beginning.
    #[must_use]
    pub fn refresh_every(mut self, period: Duration) -> Self {
        self.refresh_every = period.max(Duration::from_millis(1));
        self
    }

    /// Sets the delays before a new client is made after a fault. Default 250 milliseconds to 10 seconds.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.reconnect = backoff;
        self
    }

    /// What the health texts speak about.
    pub(super) fn target(&self) -> Target {
        self.config.target(&self.topic, Role::Read)
    }
}

impl Trigger for Kafka {
    async fn run(self, requester: RefreshRequester) {
        let mut rng = Rng::new();
        let mut delays = self.reconnect.delays(&mut rng);
        let mut ear = Session::new(self.clone(), requester);
        loop {
            let fault = ear.listen().await;
            ear.tell(&fault);
            if ear.listened {
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
    fn a_topic_name_that_kafka_does_not_allow_is_refused() {
        let config = KafkaConfig::new("localhost:9092").plaintext();
        let error = Kafka::new(config, "a b").expect_err("refused");
        assert_eq!(error.kind(), crate::ErrorKind::Config);
    }

    #[test]
    fn debug_shows_the_topic_and_no_secret() {
        let config = KafkaConfig::new("b:9096").scram_sha_512("uploader", "hunter2");
        let shown = format!("{:?}", Kafka::new(config, "t").expect("fine"));
        assert!(
            shown.contains("\"t\"") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
