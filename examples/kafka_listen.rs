//! Listens to the topic of rotation events and prints what the Kafka trigger hears and how it fares: for trying
//! out addresses, logins, certificates and ACLs, on Amazon MSK or elsewhere.
//!
//! ```text
//! cargo run --example kafka_listen -- --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --username uploader --password-file /run/secrets/msk-password
//! ```

use std::path::PathBuf;

use clap::Parser;
use credswap::kafka::{KafkaConfig, Password};
use credswap::trigger::{self, Health, Kafka, Trigger};

/// Listens to rotation events until Ctrl-C. `RUST_LOG=credswap=debug` shows librdkafka's words, too.
#[derive(Parser)]
struct Args {
    /// Brokers as host:port,host:port.
    #[arg(long)]
    bootstrap_servers: String,
    /// The topic of the rotation events.
    #[arg(long)]
    topic: String,
    /// SASL/SCRAM-SHA-512 user; without it there is no login.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// The file with the user's password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// PEM file of the CA that signed the brokers' certificates; the system's CAs without it.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// No TLS.
    #[arg(long)]
    plaintext: bool,
    /// Hear only events of this secret (name or ARN), and those that name none.
    #[arg(long)]
    secret_id: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), credswap::Error> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let args = Args::parse();

    let mut config = KafkaConfig::new(args.bootstrap_servers);
    if let (Some(username), Some(password_file)) = (args.username, args.password_file) {
        config = config.scram_sha_512(username, Password::file(password_file));
    }
    if let Some(ca_file) = args.ca_file {
        config = config.ca_file(ca_file);
    }
    if args.plaintext {
        config = config.plaintext();
    }
    let mut kafka = Kafka::new(config, args.topic)?;
    if let Some(secret_id) = args.secret_id {
        kafka = kafka.for_secret(secret_id);
    }

    // What a reloader does with a trigger: run it, heed its looks, watch its health.
    let (looks, mut lookout) = trigger::channel();
    let mut health = looks.watch_health();
    tokio::spawn(kafka.run(looks));
    loop {
        tokio::select! {
            Ok(()) = health.changed() => match &*health.borrow_and_update() {
                Health::Deaf { reason } => println!("deaf: {reason}"),
                health => println!("{health:?}"),
            },
            wanted = lookout.next() => println!("look: {wanted:?}"),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
