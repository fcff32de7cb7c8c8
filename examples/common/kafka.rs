//! The command line options of the examples that use Kafka.

use std::path::PathBuf;

use credswap::kafka::{KafkaConfig, Password};

/// The brokers, and the login.
#[derive(clap::Args)]
pub(crate) struct Kafka {
    /// Brokers as host:port,host:port.
    #[arg(long)]
    bootstrap_servers: String,
    /// SASL/SCRAM-SHA-512 user; no login without it.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// File with the user's password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// PEM file of the CA that signed the brokers' certificates; the system's CAs without it.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Connect without TLS, for local work.
    #[arg(long, conflicts_with = "ca_file")]
    plaintext: bool,
}

impl Kafka {
    /// Returns the configuration for these options.
    pub(crate) fn config(self) -> KafkaConfig {
        let mut config = KafkaConfig::new(self.bootstrap_servers);
        if let (Some(username), Some(file)) = (self.username, self.password_file) {
            config = config.scram_sha_512(username, Password::file(file));
        }
        if let Some(file) = self.ca_file {
            config = config.ca_file(file);
        }
        if self.plaintext {
            config = config.plaintext();
        }
        config
    }
}
