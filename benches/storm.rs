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
//! - *credswap, deleted when drained*: the old key goes when the reloader says that nobody uses it any more.
//! - *credswap, deleted at the swap*: the old key goes under the requests that it has signed.
//! - *client rebuilt in place*: a new client with a pool of its own in a lock, the old key deleted at once.
//! - *`ArcSwap<Client>`*: the same, but lock-free and with one pool for all clients.
//! - *provider behind the default cache*: one client whose credentials provider always gives the newest key.
//!
//! How to read it: *failed* requests are those that ended in an error; *lost* objects are those whose upload was
//! answered with success and which are not there, whole, at the end. *again* counts attempts beyond each request's
//! first, by replay or by the SDK's retries. *connections* were opened after the first second, when the pools are warm.
//! *drain* is the time from a swap to the word that the old key is free.
//!
//! Ends with status 1 if credswap fails a request or loses an object.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

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

#[derive(Parser, Clone)]
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
    let wanted = |way: &&Way| match &args.way {
        Some(part) => way.title.contains(part.as_str()),
        None => true,
    };
    let mut rows = Vec::new();
    let mut broken = false;
    for way in ALL.iter().filter(wanted) {
        eprintln!("{} …", way.title);
        let result = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(run(way, &args));
        broken |= way.is_ours && (result.uploads.failed() > 0 || result.uploads.lost > 0);
        for (error, times) in &result.uploads.errors {
            eprintln!("  {times} × {error}");
        }
        rows.push(result.row(way));
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
        rows,
    );
    if broken {
        std::process::exit(1);
    }
}

struct Outcome {
    uploads: Uploads,
    rotations: Rotations,
    /// Attempts beyond the first.
    again: usize,
    connections: usize,
}

async fn run(way: &Way, args: &Args) -> Outcome {
    let (cloud, key) = common::cloud::start().await;
    let begun = std::time::Instant::now();
    let until = tokio::time::Instant::now() + Duration::from_secs(args.seconds);
    let client = (way.start)(cloud.clone(), key).await;
    let running = storm::uploads::start(&client, args.uploads, until);
    let pause = Duration::from_secs(1) / args.rotations;
    let rotations = storm::rotation::run(&cloud, client.as_ref(), way.rotates, pause, until).await;
    let mut uploads = running.finish().await;
    uploads.read_back(&cloud.bucket_directory(common::cloud::BUCKET));
    let warm = begun + Duration::from_secs(1);
    Outcome {
        again: cloud
            .count("s3:PutObject")
            .saturating_sub(uploads.requests()),
        connections: cloud
            .s3_connection_times()
            .into_iter()
            .filter(|at| *at > warm)
            .count(),
        uploads,
        rotations,
    }
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
