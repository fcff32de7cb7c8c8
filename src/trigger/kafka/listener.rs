//! The trigger itself: what to listen to, and the loop that never gives up.

use std::borrow::Cow;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::config::KafkaConfig;
use super::session::Ear;
use super::trouble::Target;
use crate::error::{Error, ErrorKind};
use crate::named::Named;
use crate::trigger::{Looks, Trigger};

/// Looks when the rotation function publishes that it has finished. See [the module](super).
#[derive(Debug, Clone)]
pub struct Kafka {
    pub(super) config: KafkaConfig,
    pub(super) topic: String,
    pub(super) secret: Option<Named>,
    pub(super) answer_within: Duration,
    pub(super) refresh_every: Duration,
    reconnect: (Duration, Duration),
}

impl Kafka {
    /// Listens to `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is wrong without asking a broker: empty servers, a topic name that Kafka
    /// does not allow, a CA file that cannot be read, a property that librdkafka does not know or that would
    /// break a guarantee. Values of properties are not quoted.
    pub fn new(config: KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        let topic = topic.into();
        config.check()?;
        if !is_topic_name(&topic) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{topic:?} is no topic name: 1 to 249 of letters, digits, `.`, `_`, `-`, and not `.` or `..`"
                ),
            ));
        }
        Ok(Self {
            config,
            topic,
            secret: None,
            answer_within: Duration::from_secs(10),
            refresh_every: Duration::from_secs(60),
            reconnect: (Duration::from_millis(250), Duration::from_secs(10)),
        })
    }

    /// Ignores events that name another secret than this name or ARN (with or without its six random
    /// characters, in any region). Events that name no secret are heard all the same.
    #[must_use]
    pub fn for_secret(mut self, name_or_arn: impl Into<String>) -> Self {
        self.secret = Some(Named::new(name_or_arn));
        self
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

    /// Sets the shortest and the longest wait before a new client is made after trouble; 250 milliseconds and
    /// 10 seconds by default. Each wait is twice the last, and up to as much again is added at random.
    #[must_use]
    pub fn reconnect(mut self, shortest: Duration, longest: Duration) -> Self {
        self.reconnect = (shortest, longest.max(shortest));
        self
    }

    /// What the health texts speak about.
    pub(super) fn target(&self) -> Target {
        self.config.target(&self.topic)
    }

    fn waits(&self) -> backon::ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.reconnect.0)
            .with_max_delay(self.reconnect.1)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times()
            .build()
    }
}

impl Trigger for Kafka {
    async fn run(self, looks: Looks) {
        let longest = self.reconnect.1;
        let mut waits = self.waits();
        let mut ear = Ear::new(self.clone(), looks);
        loop {
            let trouble = ear.listen().await;
            ear.tell(&trouble);
            if ear.listened {
                waits = self.waits();
            }
            tokio::time::sleep(waits.next().unwrap_or(longest)).await;
        }
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("kafka")
    }
}

/// As Kafka's own `Topic.validate` has it.
fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && !matches!(name, "." | "..")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_name_that_kafka_does_not_allow_is_refused() {
        let config = || KafkaConfig::new("localhost:9092").plaintext();
        for topic in ["", ".", "..", "a b", "a/b", "ä", "a\n"] {
            let error = Kafka::new(config(), topic).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Config, "{topic:?}");
        }
        Kafka::new(config(), "s3.test.secret.manager").expect("a topic name");
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
