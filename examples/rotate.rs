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
//! Without `--reports-topic` old keys are removed on an assumption: `--policy assume_released=3d`. Each field of
//! `rotation::Policy` is a `--policy NAME=VALUE`; so is `all_consumers_report=true`, without which an old key stays active for
//! a day (`min_overlap=24h`).
//!
//! The Kafka user needs `Write` on both topics and `Read` on the second; the docs of `credswap::rotation` list the AWS
//! permissions. The process may be killed at any moment, and run twice at the same time: the next run continues.

#[path = "common/kafka.rs"]
mod kafka;
#[path = "common/policy.rs"]
mod policy;

use anyhow::anyhow;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::{Parser, ValueEnum};
use credswap::fleet::FleetTopic;
use credswap::kafka::Producer;
use credswap::rotation::{FleetUsage, MinimalEvents, Rotation, Runner};

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
    /// The topic of the consumers' usage reports, if they send any.
    #[arg(long)]
    reports_topic: Option<String>,
    /// A policy of the rotation, such as `watch=2d`; may be given more than once.
    #[arg(long, value_name = "NAME=VALUE", value_parser = policy_option)]
    policy: Vec<(String, String)>,
    /// Publish the event's two fields `eventDateTime` and `step` only, for consumers that refuse others.
    #[arg(long)]
    minimal_events: bool,
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

    let given = |name: &str| {
        args.policy
            .iter()
            .rfind(|(n, _)| n == name)
            .map(|(_, v)| v.clone())
    };
    let policy = policy::read(given, setting, args.reports_topic.is_some())?;
    let mut rotation = Rotation::access_keys(&sdk.load().await).policy(policy);
    if let Some(topic) = args.reports_topic {
        rotation = rotation.usage(FleetUsage::new(FleetTopic::new(&kafka, topic)?));
    }
    let producer = Producer::new(&kafka, args.topic)?;
    rotation = match args.minimal_events {
        true => rotation.announcer(MinimalEvents::new(producer)),
        false => rotation.announcer(producer),
    };
    let runner = Runner::new(rotation.build());
    let result = match args.command {
        Command::Rotate => runner.rotate(&args.secret_id).await.map(|version| {
            println!("version {version} is current, and announced");
        }),
        Command::Retire => runner.retire(&args.secret_id).await.map(|report| {
            for key in report.keys {
                let reason = in_words_of_operator(&key.reason.to_string());
                println!("key …{}: {}, {reason}", key.id_suffix(), key.action);
            }
        }),
    };
    result.map_err(|error| anyhow!(in_words_of_operator(&error.report())))
}

fn policy_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if policy::NAMES.contains(&name) => Ok((name.into(), value.into())),
        _ => Err(format!(
            "not one of {} with a value",
            policy::NAMES.join(", ")
        )),
    }
}

fn in_words_of_operator(message: &str) -> String {
    policy::in_words_of_operator(message, setting)
}

fn setting(policy: &str) -> String {
    format!("`--policy {policy}=…`")
}
