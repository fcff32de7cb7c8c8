//! A consumer that reports which key it uses, so that the old one is retired only when no consumer uses it any more.
//!
//! ```text
//! cargo run --example reporting_consumer -- --secret-id prod/uploader --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --reports-topic credswap.usage --username uploader --password-file /run/secrets/msk
//! ```
//!
//! Its short requests use the live key. Its long jobs keep the key that they began with to their end (`--job-seconds`); a job
//! whose key is rejected reports that, and continues when the authority has reactivated the key.

#[path = "common/kafka.rs"]
mod kafka;

use std::time::Duration;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::Parser;
use credswap::aws::{Check, LiveKey, check::CallerIdentity};
use credswap::connect::Verdict;
use credswap::fleet::Reporter;
use credswap::hot::Lease;
use credswap::kafka::Producer;
use credswap::{Refreshable, RefreshableCredentials, trigger};

/// Works until Ctrl-C.
#[derive(Parser)]
struct Args {
    #[arg(long)]
    secret_id: String,
    /// Topic of the rotation events.
    #[arg(long)]
    topic: String,
    /// Topic of the usage reports.
    #[arg(long)]
    reports_topic: String,
    /// How long a job keeps its key, in seconds.
    #[arg(long, default_value_t = 10)]
    job_seconds: u64,
    /// How long a report counts, in seconds.
    #[arg(long, default_value_t = 90)]
    ttl: u64,
    #[command(flatten)]
    kafka: kafka::Kafka,
}

/// How often a job uses its key.
const PERIOD: Duration = Duration::from_secs(5);
/// How often in a row the key may be rejected before the job fails.
const MAX_REJECTIONS: u32 = 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let sdk = aws_config::from_env().http_client(http).load().await;
    let kafka = args.kafka.config();

    let credentials = RefreshableCredentials::from_secrets_manager(&sdk, &args.secret_id)
        .trigger(trigger::Kafka::new(&kafka, args.topic)?)
        .start()
        .await?;
    // This makes it one of the fleet.
    let reporter = Reporter::builder(&credentials, Producer::new(&kafka, args.reports_topic)?)
        .ttl(Duration::from_secs(args.ttl))
        .start()?;
    println!("reports as {}", reporter.instance());

    let builder = credswap::configure!(credentials, aws_sdk_sts::config::Builder::from(&sdk));
    let sts = aws_sdk_sts::Client::from_conf(builder.build());
    let job_length = Duration::from_secs(args.job_seconds);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        failed = send_requests(sts) => return failed,
        failed = run_jobs(&credentials, CallerIdentity::new(&sdk), job_length) => return failed,
    }
    let _ = credentials.shutdown(Duration::from_secs(1)).await;
    reporter.shutdown(Duration::from_secs(5)).await?;
    println!("final report sent");
    Ok(())
}

/// Sends short requests. Each is signed with the live key.
async fn send_requests(sts: aws_sdk_sts::Client) -> anyhow::Result<()> {
    loop {
        sts.get_caller_identity().send().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Runs long jobs, one after the other. Each keeps the key that it began with.
async fn run_jobs(
    credentials: &Refreshable<LiveKey>,
    check: impl Check,
    length: Duration,
) -> anyhow::Result<()> {
    loop {
        let key = credentials.lease();
        println!("began …{}", key.id_suffix());
        let (mut worked, mut rejections) = (Duration::ZERO, 0);
        while worked < length {
            tokio::time::sleep(PERIOD).await;
            // A client of its own would keep the credentials in its cache, and the key in use with them.
            match check.check(key.credentials()).await {
                Verdict::Good => {
                    (worked, rejections) = (worked + PERIOD, 0);
                    println!("used …{}", key.id_suffix());
                }
                // Retired although it is in use: the authority reactivates it when it learns who needs it.
                Verdict::NotYet(_) if rejections < MAX_REJECTIONS => {
                    rejections += 1;
                    credentials.report_rejected(Lease::generation(&key));
                    println!("rejected …{}", key.id_suffix());
                }
                verdict => anyhow::bail!("the key …{} does not work: {verdict:?}", key.id_suffix()),
            }
        }
        println!("finished …{}", key.id_suffix());
    }
}
