//! Measures ten rotations a second under 64 concurrent uploads: what fails, what is lost and what it costs, per strategy.
//!
//! ```text
//! cargo bench --bench storm                                   # 40 s per strategy
//! cargo bench --bench storm -- --seconds 3 --strategy credswap    # strategies whose title contains this
//! ```
//!
//! The server is the testkit's S3: it verifies the signature of each request and rejects a key from the moment it is
//! deleted. It runs on its own threads in this process, so that client and server share the machine. Every strategy has its
//! own server, 64 tasks that upload small objects as fast as they can, and the same rotations: a new key is created, and
//! the old one is deleted when the strategy allows it. Keys need no time to propagate. The strategies differ in how the
//! running client gets its new key:
//! - *plain SDK client, its key never rotates*: for comparison, under the same load: the same rotations of another user's key,
//!   which it does not use.
//! - *no rotation at all*: the same client without that load.
//! - *credswap, deleted when drained*: the old key is deleted when the refreshable reports that it is drained.
//! - *credswap, deleted at the swap*: the old key is deleted while requests signed with it are in flight.
//! - *client rebuilt in place*: a new client with its own connection pool behind a lock; the old key is deleted at once.
//! - *`ArcSwap<Client>`*: the same, but lock-free, with its own pool or one pool for all clients.
//! - *provider behind the default cache*: one client whose credentials provider always returns the newest key.
//!
//! The strategies take turns of five seconds, and each turn begins with another one: in 40 seconds each of the eight has had
//! each place once, so that what else the machine does affects them all. With fewer turns the rows cannot be compared. The
//! objects of one turn are gone from the disk before the next begins.
//!
//! One upload in eight has a body that can be read only once: the SDK cannot send it again, and neither can a replay.
//!
//! How to read it: *failed* requests ended in an error; *once* counts those among them whose body can be read only once;
//! *lost* objects were confirmed by the server and are missing or
//! incomplete at the end. *extra attempts* counts the attempts after each request's first one, by replay or by the SDK's
//! retries. *connections* were opened after the first second of a turn, in which nothing rotates and the pools warm up.
//! *drain* is the time from a swap to the event that the old key is drained.
//!
//! Ends with status 1 if credswap loses an object, or fails a request: where the old key is deleted at the swap, one that
//! can be sent again.

mod common;
mod storm {
    pub(crate) mod rotation;
    pub(crate) mod strategies;
    pub(crate) mod uploads;
}

use std::time::Duration;

use clap::Parser;
use storm::rotation::Rotations;
use storm::strategies::{ALL, Strategy};
use storm::uploads::Uploads;

/// The length of one turn, in seconds.
const TURN: u64 = 5;
/// The time without rotations at the start of each turn, in which the pools open their connections.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Args {
    /// Seconds per strategy.
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// Number of concurrent uploads.
    #[arg(long, default_value_t = 64)]
    uploads: usize,
    /// Rotations per second.
    #[arg(long, default_value_t = 10)]
    rotations: u32,
    /// Only the strategies whose title contains this.
    #[arg(long)]
    strategy: Option<String>,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let turns = args.seconds.div_ceil(TURN).max(1);
    let time = Duration::from_secs(args.seconds) / u32::try_from(turns).expect("less than a year");
    let is_selected = |strategy: &&Strategy| {
        let part = args.strategy.as_ref();
        part.is_none_or(|part| strategy.title.contains(part))
    };
    let mut strategies: Vec<_> = ALL
        .iter()
        .filter(is_selected)
        .map(|strategy| (strategy, Outcome::default()))
        .collect();
    for turn in 1..=turns {
        // Whoever runs first may find a machine that has rested: each turn begins with another strategy.
        let first = usize::try_from(turn - 1).expect("a small number") % strategies.len().max(1);
        let (before, from) = strategies.split_at_mut(first);
        for (strategy, outcome) in from.iter_mut().chain(before) {
            eprintln!("{turn} of {turns}: {}", strategy.title);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(run(strategy, &args, time, outcome));
            drop(runtime);
            flush();
        }
    }
    let mut failed = false;
    for (strategy, outcome) in &strategies {
        let forgiven = if strategy.forgives_once {
            outcome.uploads.once_failed
        } else {
            0
        };
        let ours_failed = outcome.uploads.failed() > forgiven || outcome.uploads.lost > 0;
        failed |= strategy.is_ours && ours_failed;
        for (error, times) in &outcome.uploads.errors {
            eprintln!("{}: {times} × {error}", strategy.title);
        }
    }
    common::table(
        [
            "strategy",
            "requests",
            "failed",
            "once",
            "lost",
            "extra attempts",
            "connections",
            "request p50",
            "p99",
            "rotations",
            "drain p50",
            "max",
        ],
        strategies
            .iter()
            .map(|(strategy, outcome)| outcome.row(strategy)),
    );
    if failed {
        std::process::exit(1);
    }
}

/// Waits until nothing is left to be written to the disk: it would slow down whoever is next.
fn flush() {
    // Where there is no such command, the order of the strategies, which changes, has to be enough.
    let _ = std::process::Command::new("sync").status();
}

/// The results of one strategy, over all turns.
#[derive(Default)]
struct Outcome {
    uploads: Uploads,
    rotations: Rotations,
    /// Attempts after each request's first one.
    extra_attempts: usize,
    /// Opened after the warm-up.
    connections: usize,
}

/// Runs one turn: a new server, a second to warm up, and the rotations.
async fn run(strategy: &Strategy, args: &Args, time: Duration, outcome: &mut Outcome) {
    let (cloud, key) = common::cloud::start().await;
    let client = (strategy.start)(cloud.clone(), key).await;
    let until = tokio::time::Instant::now() + WARM_UP + time;
    let running = storm::uploads::start(&client, args.uploads, until);
    tokio::time::sleep(WARM_UP).await;
    let warm = cloud.s3_connections_opened();
    let pause = Duration::from_secs(1) / args.rotations;
    let rotations =
        storm::rotation::run(&cloud, client.as_ref(), strategy.rotates, pause, until).await;
    let mut uploads = running.finish().await;
    uploads.read_back(&cloud.bucket_directory(common::cloud::BUCKET));
    outcome.extra_attempts += cloud
        .count("s3:PutObject")
        .saturating_sub(uploads.requests());
    outcome.connections += cloud.s3_connections_opened() - warm;
    outcome.uploads.add(uploads);
    outcome.rotations.add(rotations);
}

impl Outcome {
    fn row(&self, strategy: &Strategy) -> [String; 12] {
        let failed = self.uploads.failed();
        #[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
        let percent = 100.0 * failed as f64 / self.uploads.requests().max(1) as f64;
        [
            strategy.title.to_owned(),
            self.uploads.requests().to_string(),
            match failed {
                0 => "0".to_owned(),
                _ => format!("{failed} ({percent:.1} %)"),
            },
            self.uploads.once_failed.to_string(),
            self.uploads.lost.to_string(),
            self.extra_attempts.to_string(),
            self.connections.to_string(),
            common::quantile(&self.uploads.latency, 0.5),
            common::quantile(&self.uploads.latency, 0.99),
            self.rotations.made.to_string(),
            common::quantile(&self.rotations.drains, 0.5),
            common::quantile(&self.rotations.drains, 1.0),
        ]
    }
}
