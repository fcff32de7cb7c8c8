//! A consumer that tells the fleet which key it uses, so that the old one can be retired when nobody needs it any more.
//!
//! ```text
//! cargo run --example reporting_consumer -- --secret-id prod/uploader --bootstrap-servers b-1.….amazonaws.com:9096 \
//!     --topic s3.test.secret.manager --reports-topic credswap.fleet --username uploader --password-file /run/secrets/msk
//! ```
//!
//! The work is to ask STS who it is. A long job (`--hold`) keeps the key that it began with to its end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::Parser;
use credswap::aws::Check;
use credswap::connect::Verdict;
use credswap::fleet::Reporter;
use credswap::kafka::{KafkaConfig, Password, Producer};
use credswap::source::SecretsManager;
use credswap::{Reloader, aws, trigger};

/// Works until Ctrl-C.
#[derive(Parser)]
struct Args {
    #[arg(long)]
    secret_id: String,
    #[arg(long)]
    bootstrap_servers: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    reports_topic: String,
    #[arg(long)]
    username: String,
    #[arg(long)]
    password_file: PathBuf,
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// How long a job keeps its key, in seconds.
    #[arg(long, default_value_t = 10)]
    hold: u64,
    /// For how long a report is a sign of life, in seconds.
    #[arg(long, default_value_t = 90)]
    ttl: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new();
    let sdk = aws_config::from_env().http_client(http.tls_provider(tls).build_https());
    let sdk = sdk.load().await;
    let mut kafka = KafkaConfig::new(args.bootstrap_servers)
        .scram_sha_512(args.username, Password::file(args.password_file));
    if let Some(file) = args.ca_file {
        kafka = kafka.ca_file(file);
    }

    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let source = SecretsManager::new(secrets, &args.secret_id);
    let told = trigger::Kafka::new(kafka.clone(), args.topic)?.for_secret(&args.secret_id);
    let keys = Reloader::builder(source, aws::credentials(&sdk));
    let keys = keys.trigger(told).start().await?;
    // What makes it one of the fleet.
    let outbox = Producer::new(&kafka, args.reports_topic)?;
    let reporter = Reporter::builder(&keys, args.secret_id, outbox)
        .ttl(Duration::from_secs(args.ttl))
        .start()?;

    let edge = aws::Edge::new(&keys);
    let builder = aws_sdk_sts::config::Builder::from(&sdk);
    let sts = aws_sdk_sts::Client::from_conf(credswap::configure!(edge, builder).build());
    let own = aws::check::CallerIdentity::new(&sdk);
    let mut work = tokio::time::interval(SECOND);
    let mut job = (keys.lease(), 0);
    println!("began …{}", job.0.id_tail());
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break,
            _ = work.tick() => {}
        }
        sts.get_caller_identity()
            .send()
            .await
            .context("the live key")?;
        job.1 += 1;
        if job.1 > args.hold {
            // An SDK client of its own would keep these credentials in its cache, and the lease with them.
            let verdict = own.check(job.0.credentials()).await;
            anyhow::ensure!(
                matches!(verdict, Verdict::Good),
                "the job's key: {verdict:?}"
            );
            println!("let go …{}", job.0.id_tail());
            job = (keys.lease(), 0);
            println!("began …{}", job.0.id_tail());
        }
    }
    drop(job);
    let _ = keys.shutdown(SECOND).await;
    reporter.shutdown(5 * SECOND).await?;
    println!("goodbye");
    Ok(())
}

const SECOND: Duration = Duration::from_secs(1);
