//! Rotation without Lambda: rotates the access key in a secret, or takes the next step to retire the old one.
//!
//! For a CronJob (monthly the one, hourly the other), or by hand:
//!
//! ```text
//! cargo run --features rotation --example rotate -- rotate --secret-id prod/uploader \
//!     --bootstrap-servers b-1.….amazonaws.com:9096 --username rotator --password-file /run/secrets/msk \
//!     --topic s3.test.secret.manager --reports-topic credswap.usage
//! cargo run --features rotation --example rotate -- retire …
//! ```
//!
//! The Kafka user needs `Write` on both topics and `Read` on the second; the docs of `credswap::rotation` list the AWS
//! permissions. The process may be killed at any moment, and run twice at the same time: the next run continues.

#[path = "common/kafka.rs"]
mod kafka;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::{Parser, ValueEnum};
use credswap::fleet::FleetTopic;
use credswap::kafka::Producer;
use credswap::rotation::{FleetUsage, Rotation, Runner};

/// Rotates the access key in a secret, or retires the old one.
#[derive(Parser)]
struct Args {
    command: Command,
    /// The secret: name or ARN. It is JSON with a key and its user's name.
    #[arg(long)]
    secret_id: String,
    /// The topic of the rotation events.
    #[arg(long)]
    topic: String,
    /// The topic of the consumers' usage reports.
    #[arg(long)]
    reports_topic: String,
    #[command(flatten)]
    kafka: kafka::Kafka,
}

#[derive(Clone, Copy, ValueEnum)]
enum Command {
    /// Creates a new key, tests it, makes it current, and announces it to the consumers.
    Rotate,
    /// Deactivates or deletes the old key, if all consumers have released it.
    Retire,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let kafka = args.kafka.config();
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls);
    let sdk = aws_config::from_env().http_client(http.build_https());

    let rotation = Rotation::access_keys(&sdk.load().await)
        .usage(FleetUsage::new(FleetTopic::new(
            &kafka,
            args.reports_topic,
        )?))
        .announcer(Producer::new(&kafka, args.topic)?)
        .build();
    let runner = Runner::new(rotation);
    match args.command {
        Command::Rotate => {
            let version = runner.rotate(&args.secret_id).await?;
            println!("version {version} is current, and announced");
        }
        Command::Retire => {
            for key in runner.retire(&args.secret_id).await?.keys {
                println!("key …{}: {}, {}", key.id_suffix(), key.action, key.reason);
            }
        }
    }
    Ok(())
}
