//! A consumer that tells the fleet which key it uses, so that the old one can be retired when nobody needs it any more.
//!
//! ```text
//! cargo run --example reporting_consumer -- --secret-id prod/uploader --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --reports-topic credswap.fleet --username uploader --password-file /run/secrets/msk
//! ```
//!
//! The work is to ask STS who it is. A long job (`--hold`) keeps the key that it began with to its end. It can not move to
//! the new one, so if that key is refused it says so, and waits to be given it back.

#[path = "common/kafka.rs"]
mod kafka;

use std::time::Duration;

use anyhow::Context;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::Parser;
use credswap::aws::{Check, LiveKey};
use credswap::connect::Verdict;
use credswap::fleet::Reporter;
use credswap::hot::Lease;
use credswap::kafka::Producer;
use credswap::source::SecretsManager;
use credswap::{Refreshable, aws, trigger};

/// Works until Ctrl-C.
#[derive(Parser)]
struct Args {
    #[arg(long)]
    secret_id: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    reports_topic: String,
    /// How long a job keeps its key, in seconds: a multiple of 5.
    #[arg(long, default_value_t = 10)]
    hold: u32,
    /// For how long a report is a sign of life, in seconds.
    #[arg(long, default_value_t = 90)]
    ttl: u64,
    #[command(flatten)]
    kafka: kafka::Kafka,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new();
    let sdk = aws_config::from_env().http_client(http.tls_provider(tls).build_https());
    let sdk = sdk.load().await;
    let kafka = args.kafka.config();

    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let source = SecretsManager::from_client(secrets, &args.secret_id);
    let told = trigger::Kafka::new(kafka.clone(), args.topic)?;
    let keys = Refreshable::builder(source, aws::AccessKeyConnector::new(&sdk));
    let keys = keys.trigger(told).start().await?;
    // What makes it one of the fleet.
    let outbox = Producer::new(&kafka, args.reports_topic)?;
    let reporter = Reporter::builder(&keys, args.secret_id, outbox)
        .ttl(Duration::from_secs(args.ttl))
        .start()?;
    println!("reports as {}", reporter.instance());

    let builder = aws_sdk_sts::config::Builder::from(&sdk);
    let sts = aws_sdk_sts::Client::from_conf(credswap::configure!(keys, builder).build());
    let check = aws::check::CallerIdentity::new(&sdk);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        ended = work(sts) => return ended,
        ended = jobs(&keys, check, args.hold) => return ended,
    }
    let _ = keys.shutdown(SECOND).await;
    reporter.shutdown(5 * SECOND).await?;
    println!("goodbye");
    Ok(())
}

/// What needs a key for a moment, and takes the live one.
async fn work(sts: aws_sdk_sts::Client) -> anyhow::Result<()> {
    loop {
        let answer = sts.get_caller_identity().send().await;
        answer.context("the live key")?;
        tokio::time::sleep(SECOND).await;
    }
}

/// Long jobs, one after the other: each uses the key that it began with now and then.
async fn jobs(keys: &Refreshable<LiveKey>, check: impl Check, hold: u32) -> anyhow::Result<()> {
    loop {
        let job = keys.lease();
        println!("began …{}", job.id_suffix());
        let (mut left, mut refused) = (hold.div_ceil(LOOK), 0);
        while left > 0 {
            tokio::time::sleep(LOOK * SECOND).await;
            // An SDK client of its own would keep these credentials in its cache, and the lease with them.
            match check.check(job.credentials()).await {
                Verdict::Good => (left, refused) = (left - 1, 0),
                // Retired, although it is in use: it comes back when it is known who needs it.
                Verdict::NotYet(_) if refused < PATIENCE => {
                    keys.report_rejected(Lease::generation(&job));
                    refused += 1;
                }
                verdict => anyhow::bail!("the job's key: {verdict:?}"),
            }
            let went = if refused > 0 { "refused" } else { "used" };
            println!("{went} …{}", job.id_suffix());
        }
        println!("let go …{}", job.id_suffix());
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// How often a job uses its key, in seconds; and how often in a row that may be refused.
const LOOK: u32 = 5;
const PATIENCE: u32 = 60;
