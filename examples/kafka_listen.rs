//! Listens to the topic of rotation events and prints what the Kafka trigger hears and how it fares: for trying
//! out addresses, logins, certificates and ACLs, on Amazon MSK or elsewhere.
//!
//! ```text
//! cargo run --example kafka_listen -- --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --username uploader --password-file /run/secrets/msk-password
//! ```

#[path = "common/kafka.rs"]
mod kafka;

use clap::Parser;
use credswap::trigger::{self, Health, Kafka, Trigger};

/// Listens to rotation events until Ctrl-C. `RUST_LOG=credswap=debug` shows librdkafka's words, too.
#[derive(Parser)]
struct Args {
    /// The topic of the rotation events.
    #[arg(long)]
    topic: String,
    #[command(flatten)]
    kafka: kafka::Kafka,
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

    let mut kafka = Kafka::new(args.kafka.config(), args.topic)?;
    if let Some(secret_id) = args.secret_id {
        kafka = kafka.for_secret(secret_id);
    }

    // What a refreshable does with a trigger: run it, heed its looks, watch its health.
    let (requester, mut requests) = trigger::channel();
    let mut health = requester.watch_health();
    tokio::spawn(kafka.run(requester));
    loop {
        tokio::select! {
            Ok(()) = health.changed() => match &*health.borrow_and_update() {
                Health::Disconnected { reason } => println!("deaf: {reason}"),
                health => println!("{health:?}"),
            },
            wanted = requests.next() => println!("look: {wanted:?}"),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
