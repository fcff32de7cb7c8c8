//! The main job: uploads files to S3 while the key that signs the uploads is rotated, and no upload fails.
//!
//! ```text
//! cargo run --release --example s3_uploader                    # services in the process, this repository's files
//! cargo run --release --example s3_uploader -- --compare       # beside a client that is rebuilt at each event
//! cargo run --release --example s3_uploader -- --secret-id prod/uploader --bucket uploads \
//!     --bootstrap-servers b-1.….amazonaws.com:9096 --topic s3.test.secret.manager --reports-topic credswap.usage \
//!     --kafka-username uploader --kafka-password-file /run/secrets/msk-password
//! ```
//!
//! `adopt` in `instance.rs` is all that an uploader needs to adopt the crate, and `rotation.rs` is all that rotates and
//! retires the keys; the rest uploads and measures. Exit status: 0 if nothing failed and nothing was lost, 1 if something
//! did, 2 if the uploads could not start.

mod cli;
mod credswap_strategy;
mod environment;
mod figure;
mod files;
mod in_flight;
mod instance;
mod local_services;
mod metrics_reader;
mod percentiles;
mod plot;
mod probe;
mod progress;
mod real_services;
mod rebuild_strategy;
mod rotation;
mod run;
mod scale;
mod sdk_error;
mod stats;
mod strategy;
mod summary;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod timed_announcer;
mod timeline;
mod upload;
mod usage_reports;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use crate::summary::Summary;

fn main() -> ExitCode {
    let args = match cli::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(code) => return code,
    };
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let logs = tracing_subscriber::fmt().with_env_filter(filter);
        logs.with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Runtime::new().expect("a Tokio runtime");
    let plot = args.plot.clone();
    // All clients of librdkafka are gone when this returns: none of its threads outlives `main`.
    match runtime.block_on(run::run(args)) {
        Ok(summaries) => finish(&summaries, &plot),
        Err(error) => {
            eprintln!("s3_uploader: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn finish(summaries: &[Summary], plot: &Path) -> ExitCode {
    println!("{}", table::render(summaries));
    for summary in summaries {
        for (reason, count) in &summary.reasons {
            println!("{}: {count} × {reason}", summary.strategy);
        }
    }
    if let Err(error) = plot::write(summaries, plot) {
        eprintln!("s3_uploader: {error:#}");
        return ExitCode::FAILURE;
    }
    println!("latency and failures over time: {}", plot.display());
    // The last strategy is credswap's. The one it is compared with is expected to fail.
    match summaries.last() {
        Some(summary) if summary.is_flawless() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
