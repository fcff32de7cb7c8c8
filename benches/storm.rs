//! Ten rotations a second under 64 uploads at once: what fails, what is lost, what it costs, in each way to do it.
//!
//! ```text
//! cargo bench --bench storm                                   # 20 s of each way
//! cargo bench --bench storm -- --seconds 3 --way credswap     # the ways whose title has this in it
//! ```
//!
//! The server is the tests' embedded S3: it verifies each request's signature and refuses a key from the moment it is
//! deleted. It runs on threads of its own in this process, so the two share the machine. Every way has a server of its
//! own, 64 tasks that upload small objects as fast as they can, and the same rotations: a new key is made and the old one
//! deleted when the way says so. Nobody waits for the propagation of a key, and all that differs is how the running
//! client comes to its new key:
//! - *no rotation*: a plain SDK client and a key that stays, for comparison.
//! - *credswap, deleted when drained*: the old key goes when the refreshable says that nobody uses it any more.
//! - *credswap, deleted at the swap*: the old key goes under the requests that it has signed.
//! - *client rebuilt in place*: a new client with a pool of its own in a lock, the old key deleted at once.
//! - *`ArcSwap<Client>`*: the same, but lock-free and with one pool for all clients.
//! - *provider behind the default cache*: one client whose credentials provider always gives the newest key.
//!
//! The ways take turns, five seconds each, so that other work on the machine meets them all.
//!
//! How to read it: *failed* requests are those that ended in an error; *lost* objects are those whose upload was
//! answered with success and which are not there, whole, at the end. *again* counts attempts beyond each request's
//! first, by replay or by the SDK's retries. *connections* were opened after the first second of a turn, in which
//! nothing rotates and the pools get warm.
//! *drain* is the time from a swap to the word that the old key is free.
//!
//! Ends with status 1 if credswap fails a request or loses an object.

mod common;
mod storm {
    pub(crate) mod rotation;
    pub(crate) mod uploads;
    pub(crate) mod ways;
}

use std::time::Duration;

use clap::Parser;
use storm::rotation::Rotations;
use storm::uploads::Uploads;
use storm::ways::{ALL, Way};

/// How long one turn is, in seconds.
const TURN: u64 = 5;
/// Uploads without rotations at the begin of each turn, until the pools have their connections.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Args {
    /// How long each way runs.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many uploads run at the same time.
    #[arg(long, default_value_t = 64)]
    uploads: usize,
    /// How many rotations there are in a second.
    #[arg(long, default_value_t = 10)]
    rotations: u32,
    /// Only the ways whose title has this in it.
    #[arg(long)]
    way: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let turns = args.seconds.div_ceil(TURN).max(1);
    let time = Duration::from_secs(args.seconds) / u32::try_from(turns).expect("less than a year");
    let mut ways: Vec<_> = ALL
        .iter()
        .filter(|way| {
            args.way
                .as_ref()
                .is_none_or(|part| way.title.contains(part))
        })
        .map(|way| (way, Outcome::default()))
        .collect();
    for turn in 1..=turns {
        for (way, outcome) in &mut ways {
            eprintln!("{turn} of {turns}: {}", way.title);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(run(way, &args, time, outcome));
        }
    }
    let mut broken = false;
    for (way, outcome) in &ways {
        broken |= way.is_ours && (outcome.uploads.failed() > 0 || outcome.uploads.lost > 0);
        for (error, times) in &outcome.uploads.errors {
            eprintln!("{}: {times} × {error}", way.title);
        }
    }
    common::table(
        [
            "way",
            "requests",
            "failed",
            "lost",
            "again",
            "connections",
            "request p50",
            "p99",
            "rotations",
            "drain p50",
            "max",
        ],
        ways.iter().map(|(way, outcome)| outcome.row(way)),
    );
    if broken {
        std::process::exit(1);
    }
}

/// What one way came to, all turns together.
#[derive(Default)]
struct Outcome {
    uploads: Uploads,
    rotations: Rotations,
    /// Attempts beyond the first.
    again: usize,
    /// Opened when the pools were warm.
    connections: usize,
}

/// One turn: a new server, a second to warm up, and the storm.
async fn run(way: &Way, args: &Args, time: Duration, outcome: &mut Outcome) {
    let (cloud, key) = common::cloud::start().await;
    let client = (way.start)(cloud.clone(), key).await;
    let until = tokio::time::Instant::now() + WARM_UP + time;
    let running = storm::uploads::start(&client, args.uploads, until);
    tokio::time::sleep(WARM_UP).await;
    let warm = cloud.s3_connections_opened();
    let pause = Duration::from_secs(1) / args.rotations;
    let rotations = storm::rotation::run(&cloud, client.as_ref(), way.rotates, pause, until).await;
    let mut uploads = running.finish().await;
    uploads.read_back(&cloud.bucket_directory(common::cloud::BUCKET));
    outcome.again += cloud
        .count("s3:PutObject")
        .saturating_sub(uploads.requests());
    outcome.connections += cloud.s3_connections_opened() - warm;
    outcome.uploads.add(uploads);
    outcome.rotations.add(rotations);
}

impl Outcome {
    fn row(&self, way: &Way) -> [String; 11] {
        let failed = self.uploads.failed();
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown of it")]
        let percent = 100.0 * failed as f64 / self.uploads.requests().max(1) as f64;
        [
            way.title.to_owned(),
            self.uploads.requests().to_string(),
            match failed {
                0 => "0".to_owned(),
                _ => format!("{failed} ({percent:.1} %)"),
            },
            self.uploads.lost.to_string(),
            self.again.to_string(),
            self.connections.to_string(),
            common::quantile(&self.uploads.latency, 0.5),
            common::quantile(&self.uploads.latency, 0.99),
            self.rotations.made.to_string(),
            common::quantile(&self.rotations.drains, 0.5),
            common::quantile(&self.rotations.drains, 1.0),
        ]
    }
}
