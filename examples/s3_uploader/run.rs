//! Runs the strategies: for each one an environment, the uploads, the rotations beside them, and the reading back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::bail;

use crate::cli::Args;
use crate::credswap_strategy::CredswapStrategy;
use crate::environment::Environment;
use crate::files::Files;
use crate::in_flight::InFlight;
use crate::local_services::LocalServices;
use crate::probe::probe;
use crate::progress;
use crate::real_services;
use crate::rebuild_strategy::RebuildStrategy;
use crate::rotation::Rotator;
use crate::stats::Stats;
use crate::strategy::Strategy;
use crate::summary::{Connections, Summary};
use crate::upload::Uploads;
use crate::verify;

/// Runs the uploads that the arguments ask for, once per strategy. An error means that they could not start.
pub(crate) async fn run(args: Args) -> anyhow::Result<Vec<Summary>> {
    let files = Arc::new(Files::find(&args.paths, args.generated_file)?);
    if let Some(directory) = args.plot.parent()
        && directory != Path::new("")
        && !directory.is_dir()
    {
        bail!(
            "the plot cannot be written: `{}` is not a directory",
            directory.display()
        );
    }
    if let Some(real) = &args.real {
        let environment = real_services::environment(real, args.instances).await?;
        let summary = measure::<CredswapStrategy>(&args, &files, environment, None).await?;
        return Ok(vec![summary]);
    }
    let mut summaries = Vec::new();
    if args.compare {
        summaries.push(measure_locally::<RebuildStrategy>(&args, &files).await?);
    }
    summaries.push(measure_locally::<CredswapStrategy>(&args, &files).await?);
    Ok(summaries)
}

async fn measure_locally<S: Strategy>(args: &Args, files: &Arc<Files>) -> anyhow::Result<Summary> {
    let services = LocalServices::start().await;
    let environment = services.environment(args.instances)?;
    measure::<S>(args, files, environment, Some(&services)).await
}

/// Runs one strategy. Its key is rotated if the services are local ones.
async fn measure<S: Strategy>(
    args: &Args,
    files: &Arc<Files>,
    environment: Environment,
    services: Option<&LocalServices>,
) -> anyhow::Result<Summary> {
    let in_flight = InFlight::default();
    let strategy = Arc::new(S::start(&environment, &in_flight).await?);
    if let Err(error) = probe(&environment, &strategy.s3(0).await).await {
        strategy.close().await;
        return Err(error);
    }
    println!(
        "{}: {} files, repeatedly, and a generated one of {} MiB",
        S::NAME,
        files.len(),
        args.generated_file
    );
    let stats = Arc::new(Stats::new(args.duration));
    let rotator = match services {
        Some(services) => {
            let usage = S::usage_source(&environment)?;
            Some(Rotator::new(services, usage, S::WAITS_FOR_RELEASE)?)
        }
        None => None,
    };
    let uploads = Arc::new(Uploads {
        strategy: Arc::clone(&strategy),
        environment: Arc::new(environment),
        files: Arc::clone(files),
        stats: Arc::clone(&stats),
    });

    let display = progress::uploading(
        Arc::clone(&strategy),
        in_flight.clone(),
        Arc::clone(&stats),
        args.concurrency,
    );
    let rotations = async {
        if let Some(rotator) = rotator {
            rotator.keep_rotating(args.rotate_every, &stats).await;
        }
    };
    tokio::join!(
        uploads.run(args.concurrency),
        rotations,
        stop_when_interrupted(&stats)
    );
    display.end();

    let snapshot = stats.snapshot();
    let connections = count_connections(&stats, &in_flight, services);
    let read = Arc::new(AtomicUsize::new(0));
    let display = progress::reading_back(Arc::clone(&read), snapshot.stored.len());
    // Where there is an administrator's key, it reads: whether the objects exist must not depend on the uploader's key,
    // which may have been deleted.
    let environment = &uploads.environment;
    let s3 = match services {
        Some(_) => aws_sdk_s3::Client::from_conf(environment.s3.clone().build()),
        None => strategy.s3(0).await,
    };
    let concurrency = args.concurrency.into();
    let lost = verify::lost(
        &s3,
        &environment.bucket,
        &snapshot.stored,
        concurrency,
        &read,
    )
    .await;
    display.end();
    let metrics = strategy.metrics();
    strategy.close().await;
    Ok(Summary::new::<S>(
        &stats,
        snapshot,
        &in_flight,
        connections,
        metrics,
        lost,
    ))
}

fn count_connections(
    stats: &Stats,
    in_flight: &InFlight,
    services: Option<&LocalServices>,
) -> Connections {
    match services {
        Some(services) => Connections::new(
            "accepted by the server",
            services.connections(),
            stats.started(),
        ),
        None => Connections::new(
            "sockets that carried an answer to the client",
            in_flight.connections(),
            stats.started(),
        ),
    }
}

/// Ends the uploads early on Ctrl-C. What was uploaded is still read back and reported.
async fn stop_when_interrupted(stats: &Stats) {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => stats.stop(),
        () = tokio::time::sleep_until(stats.deadline()) => {}
    }
}
