//! Listens to the topic of rotation events, and prints what the Kafka trigger requests and its health: a check of
//! addresses, logins, certificates and ACLs, on Amazon MSK or elsewhere.
//!
//! ```text
//! cargo run --example kafka_listen -- --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --username uploader --password-file /run/secrets/msk-password
//! ```

#[path = "common/kafka.rs"]
mod kafka;

use clap::Parser;
use credswap::trigger::{self, Health, Kafka, Trigger};

/// Listens to rotation events until Ctrl-C. `RUST_LOG=credswap=debug` shows librdkafka's messages, too.
#[derive(Parser)]
struct Args {
    /// Topic of the rotation events.
    #[arg(long)]
    topic: String,
    #[command(flatten)]
    kafka: kafka::Kafka,
    /// Name or ARN of the secret: events that name another one are ignored.
    #[arg(long)]
    secret_id: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let args = Args::parse();
    let kafka = Kafka::new(&args.kafka.config(), args.topic)?;

    // A refreshable does this with each trigger: it runs it, serves its requests, and publishes its health.
    let (requester, mut requests) = match args.secret_id {
        Some(secret_id) => trigger::channel_for(secret_id),
        None => trigger::channel(),
    };
    let mut health = requester.subscribe_health();
    tokio::spawn(kafka.run(requester));
    loop {
        tokio::select! {
            Ok(()) = health.changed() => match &*health.borrow_and_update() {
                Health::Disconnected { reason } => println!("disconnected: {reason}"),
                health => println!("{health:?}"),
            },
            request = requests.next() => match request.expected_version {
                Some(version) => println!("refresh requested: {:?}, version {version}", request.reasons),
                None => println!("refresh requested: {:?}", request.reasons),
            },
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
