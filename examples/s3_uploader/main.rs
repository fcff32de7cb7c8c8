//! The main job: files are uploaded to S3 while the key they are signed with is rotated, and nothing fails.
//!
//! ```text
//! cargo run --release --example s3_uploader                    # servers in the process, this repository's files
//! cargo run --release --example s3_uploader -- --compare       # beside a client that is rebuilt at each event
//! cargo run --release --example s3_uploader -- --secret-id prod/uploader --bucket uploads \
//!     --bootstrap-servers b-1.….amazonaws.com:9096 --topic s3.test.secret.manager --reports-topic credswap.usage \
//!     --kafka-username uploader --kafka-password-file /run/secrets/msk-password
//! ```
//!
//! `adopt` in `instance.rs` is all that an uploader needs to adopt the crate, and `rotation.rs` all that rotates and
//! retires the keys; the rest is the work and the measuring. Exit status: 0 if nothing failed and nothing was lost, 1 if
//! something did, 2 if it could not begin.

mod board;
mod cli;
mod credswap_way;
mod embedded;
mod files;
mod flights;
mod instance;
mod meter;
mod old_way;
mod plot;
mod progress;
mod real;
mod report;
mod reports;
mod rotation;
mod run;
mod site;
mod table;
#[cfg(test)]
mod tests;
mod upload;
mod verify;
mod way;

use std::process::ExitCode;

use crate::report::Report;

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
    let runtime = tokio::runtime::Runtime::new().expect("threads for the runtime");
    let plot = args.plot.clone();
    // All clients of librdkafka are gone when this returns: none of its threads outlives `main`.
    match runtime.block_on(run::run(args)) {
        Ok(reports) => finish(&reports, &plot),
        Err(error) => {
            eprintln!("s3_uploader: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn finish(reports: &[Report], plot: &std::path::Path) -> ExitCode {
    println!("{}", table::render(reports));
    for report in reports {
        for (reason, count) in &report.reasons {
            println!("{}: {count} × {reason}", report.way);
        }
    }
    match plot::write(reports, plot) {
        Ok(()) => println!("latency and failures over time: {}", plot.display()),
        Err(error) => {
            eprintln!("s3_uploader: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    // The old way, if there is one, is here to fail.
    match reports.last() {
        Some(report) if report.is_flawless() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
