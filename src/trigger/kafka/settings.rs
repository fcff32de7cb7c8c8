//! What the trigger listens to, and how long it waits for the brokers.

use std::time::Duration;

use crate::kafka::{KafkaConfig, Role, Target};

/// The settings of a session.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) config: KafkaConfig,
    pub(super) topic: String,
    pub(super) response_timeout: Duration,
    pub(super) metadata_interval: Duration,
}

impl Settings {
    /// Returns what the messages about faults refer to.
    pub(super) fn target(&self) -> Target {
        self.config.target(&self.topic, Role::Consumer)
    }
}
