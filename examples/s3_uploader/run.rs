//! Puts the parts together: a site, a way, the work, the rotations beside it, and the reading back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::bail;

use crate::board::Board;
use crate::cli::Args;
use crate::credswap_way::Credswap;
use crate::embedded::World;
use crate::files::Files;
use crate::flights::Flights;
use crate::old_way::OldWay;
use crate::progress;
use crate::real;
use crate::report::{Connections, Report};
use crate::rotation::Rotation;
use crate::site::Site;
use crate::upload::Work;
use crate::verify;
use crate::way::Way;

/// Does the work that the arguments ask for, once for each way. An error means that it could not begin.
pub(crate) async fn run(args: Args) -> anyhow::Result<Vec<Report>> {
    let files = Arc::new(Files::find(&args.paths, args.made_file)?);
    if let Some(directory) = args.plot.parent()
        && directory != Path::new("")
        && !directory.is_dir()
    {
        bail!("`{}` is no directory to draw into", directory.display());
    }
    if let Some(real) = &args.real {
        let site = real::site(real, args.instances).await?;
        return Ok(vec![measure::<Credswap>(&args, &files, site, None).await?]);
    }
    let mut reports = Vec::new();
    if args.compare {
        let world = World::start().await;
        reports.push(
            measure::<OldWay>(&args, &files, world.site(args.instances)?, Some(&world)).await?,
        );
    }
    let world = World::start().await;
    reports
        .push(measure::<Credswap>(&args, &files, world.site(args.instances)?, Some(&world)).await?);
    Ok(reports)
}

async fn measure<W: Way>(
    args: &Args,
    files: &Arc<Files>,
    site: Site,
    world: Option<&World>,
) -> anyhow::Result<Report> {
    let flights = Flights::default();
    let way = Arc::new(W::start(&site, &flights).await?);
    if let Err(error) = real::probe(&site, &way.s3(0).await).await {
        way.close().await;
        return Err(error);
    }
    println!(
        "{}: {} files, over and over, and one of {} MiB",
        W::NAME,
        files.len(),
        args.made_file
    );
    let board = Arc::new(Board::new(args.duration));
    let rotation = match world {
        Some(world) => Some(Rotation::new(world, W::holders(&site)?, W::WAITS)?),
        None => None,
    };
    let work = Arc::new(Work {
        way: Arc::clone(&way),
        site: Arc::new(site),
        files: Arc::clone(files),
        board: Arc::clone(&board),
    });

    let shown = progress::show(
        Arc::clone(&way),
        flights.clone(),
        Arc::clone(&board),
        args.concurrency,
    );
    let rotations = async {
        if let Some(rotation) = rotation {
            rotation.keep_rotating(args.rotate_every, &board).await;
        }
    };
    tokio::join!(
        work.upload(args.concurrency),
        rotations,
        interrupted(&board)
    );
    shown.end();

    let marks = board.marks();
    let connections = match world {
        Some(world) => {
            Connections::new("accepted by the server", world.connections(), board.begun())
        }
        None => Connections::new(
            "sockets that the client got an answer on",
            flights.connections(),
            board.begun(),
        ),
    };
    let done = Arc::new(AtomicUsize::new(0));
    let shown = progress::reading_back(Arc::clone(&done), marks.stored.len());
    // With the administrator's key where there is one: what is asked here is whether the objects are there, and a client
    // whose key has just been deleted could not tell.
    let s3 = match world {
        Some(_) => aws_sdk_s3::Client::from_conf(work.site.s3.clone().build()),
        None => way.s3(0).await,
    };
    let lost = verify::lost(
        &s3,
        &work.site.bucket,
        &marks.stored,
        args.concurrency.into(),
        &done,
    )
    .await;
    shown.end();
    let readings = way.readings();
    way.close().await;
    Ok(Report::new::<W>(
        &board,
        marks,
        &flights,
        connections,
        readings,
        lost,
    ))
}

/// Ctrl-C ends the work early; what was done is still read back and reported.
async fn interrupted(board: &Board) {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => board.stop(),
        () = tokio::time::sleep_until(board.until()) => {}
    }
}
