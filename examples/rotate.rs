//! Rotation without Lambda: rotates the key in a secret, or takes the next step towards the end of the old one. For a
//! CronJob, or by hand; monthly the one, hourly the other.
//!
//! ```text
//! cargo run --example rotate -- rotate --secret-id prod/uploader --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --reports-topic credswap.usage --username rotator --password-file /run/secrets/msk
//! cargo run --example rotate -- retire …
//! ```
//!
//! The Kafka user may write both topics and read the second; what AWS must allow is listed in the docs of
//! `credswap::rotation`. It may be killed at any moment, and run twice at the same time: the next run goes on from what it
//! finds.

#[path = "common/kafka.rs"]
mod kafka;

use std::process::ExitCode;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::{Parser, ValueEnum};
use credswap::Error;
use credswap::aws::check::CallerIdentity;
use credswap::fleet::FleetTopic;
use credswap::kafka::Producer;
use credswap::rotation::{AccessKeys, FleetUsage, IamClient, Rotation, Runner, SecretsManager};

/// Rotates the key in a secret, or retires the old one.
#[derive(Parser)]
struct Args {
    what: What,
    /// The secret: name or ARN. It is JSON with a key and its user's name.
    #[arg(long)]
    secret_id: String,
    /// The topic of the rotation events.
    #[arg(long)]
    topic: String,
    /// The topic on which the consumers say what they use.
    #[arg(long)]
    reports_topic: String,
    #[command(flatten)]
    kafka: kafka::Kafka,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Makes a new key, proves it, makes it current, and tells the consumers.
    Rotate,
    /// Deactivates or deletes the old key, if all consumers have let go of it.
    Retire,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rotate: {}", error.report());
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Error> {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls);
    let sdk = aws_config::from_env().http_client(http.build_https());
    let sdk = sdk.load().await;
    let kafka = args.kafka.config();

    let store = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
    let holders = FleetUsage::new(FleetTopic::new(&kafka, args.reports_topic)?);
    let (iam, check) = (IamClient::new(&sdk), CallerIdentity::new(&sdk));
    let keys = AccessKeys::new(store.clone(), iam, check, holders);
    let events = Producer::new(&kafka, args.topic)?;
    let runner = Runner::new(Rotation::new(store, keys, events));
    match args.what {
        What::Rotate => {
            let version = runner.rotate(&args.secret_id).await?;
            println!("version {version} is current, and the consumers are told");
        }
        What::Retire => {
            for key in runner.retire(&args.secret_id).await?.keys {
                println!("key …{}: {:?}, {}", key.id_suffix(), key.did, key.why);
            }
        }
    }
    Ok(())
}
