//! Measures how long a swap takes while eight threads read, beside a lock around the same value.
//!
//! ```text
//! cargo bench --bench swap                       # 10 000 swaps per candidate
//! cargo bench --bench swap -- --swaps 1000 --readers 16
//! ```
//!
//! Eight threads read without pause: each takes the value (a lease, a clone of the `Arc`), reads it, and drops it. One more
//! thread replaces the value every 100 µs, and each replacement is timed: publishing the new value and dropping the old
//! one, on the thread that does it. The new value is created before the clock starts.
//!
//! How to read it:
//! - *alone*: without readers, the cost of the operation itself.
//! - *under 8 readers*: p50 is the typical cost of a swap. p99 and max include what the machine adds: with more threads than
//!   cores, the scheduler sometimes preempts the writer in the middle of a swap, whatever the candidate. The candidates
//!   differ in how often they wait *for a reader*: if the reader that has a lock is preempted, the writer waits until it
//!   runs again, milliseconds later; a swap waits for no reader.
//! - *reads*: how many million reads per second all readers made meanwhile. A candidate may have a fast writer at the cost
//!   of slow readers, or the reverse.
//!
//! The candidates take turns in rounds, so that other load on the machine affects them all.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

mod common;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use clap::Parser;
use credswap::hot::HotSwap;
use hdrhistogram::Histogram;
use tokio::sync::watch;

/// How many turns each candidate has.
const ROUNDS: usize = 10;
/// The pause between two swaps: a rotation is also published by a task that slept before.
const PAUSE: Duration = Duration::from_micros(100);

#[derive(Parser)]
struct Args {
    /// Swaps per candidate, with and without readers.
    #[arg(long, default_value_t = 10_000)]
    swaps: usize,
    /// Number of reading threads.
    #[arg(long, default_value_t = 8)]
    readers: usize,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// As large as an access key and its secret.
struct Key {
    id: String,
    secret: String,
}

fn key() -> Key {
    Key {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "0123456789012345678901234567890123456789".to_owned(),
    }
}

/// A cell that one thread replaces while others read it.
trait Cell: Sync {
    fn title(&self) -> &'static str;
    fn read(&self) -> usize;
    /// Publishes a new value, and returns the time that it took.
    fn replace(&self) -> Duration;
}

fn main() {
    let args = Args::parse();
    let candidates: [&dyn Cell; 5] = [
        &HotSwap::new(key()),
        &ArcSwap::from_pointee(key()),
        &RwLock::new(Arc::new(key())),
        &Mutex::new(Arc::new(key())),
        &watch::Sender::new(Arc::new(key())),
    ];
    let mut results: Vec<_> = candidates.iter().map(|_| Measured::default()).collect();
    for _ in 0..ROUNDS {
        for (cell, measured) in candidates.iter().zip(&mut results) {
            measured.round(*cell, args.readers, args.swaps.div_ceil(ROUNDS));
        }
    }
    common::table(
        [
            "one swap",
            "alone p50",
            "alone p99",
            &format!("under {} readers p50", args.readers),
            "p99",
            "max",
            "reads",
        ],
        candidates.iter().zip(&results).map(|(cell, measured)| {
            [
                cell.title().to_owned(),
                common::quantile(&measured.alone, 0.5),
                common::quantile(&measured.alone, 0.99),
                common::quantile(&measured.busy, 0.5),
                common::quantile(&measured.busy, 0.99),
                common::quantile(&measured.busy, 1.0),
                format!("{:.1} M/s", measured.reads_per_microsecond()),
            ]
        }),
    );
}

struct Measured {
    alone: Histogram<u64>,
    busy: Histogram<u64>,
    reads: u64,
    time: Duration,
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            alone: common::nanoseconds(),
            busy: common::nanoseconds(),
            reads: 0,
            time: Duration::ZERO,
        }
    }
}

impl Measured {
    fn round(&mut self, cell: &dyn Cell, readers: usize, swaps: usize) {
        write(cell, swaps, &mut self.alone);
        let stop = AtomicBool::new(false);
        let reads = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| {
                    let mut mine = 0;
                    while !stop.load(Ordering::Relaxed) {
                        black_box(cell.read());
                        mine += 1;
                    }
                    reads.fetch_add(mine, Ordering::Relaxed);
                });
            }
            let begun = Instant::now();
            write(cell, swaps, &mut self.busy);
            stop.store(true, Ordering::Relaxed);
            self.time += begun.elapsed();
        });
        self.reads += reads.into_inner();
    }

    #[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
    fn reads_per_microsecond(&self) -> f64 {
        self.reads as f64 / self.time.as_secs_f64() / 1e6
    }
}

fn write(cell: &dyn Cell, swaps: usize, histogram: &mut Histogram<u64>) {
    for _ in 0..swaps {
        thread::sleep(PAUSE);
        common::record(histogram, cell.replace());
    }
}

fn timed(replace: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    replace();
    begun.elapsed()
}

fn length(key: &Key) -> usize {
    key.id.len() + key.secret.len()
}

impl Cell for HotSwap<Key> {
    fn title(&self) -> &'static str {
        "`HotSwap::swap`"
    }

    fn read(&self) -> usize {
        length(&self.lease())
    }

    fn replace(&self) -> Duration {
        let new = key();
        timed(|| {
            let _ = black_box(self.swap(new));
        })
    }
}

impl Cell for ArcSwap<Key> {
    fn title(&self) -> &'static str {
        "`ArcSwap::store`"
    }

    fn read(&self) -> usize {
        length(&self.load_full())
    }

    fn replace(&self) -> Duration {
        let new = Arc::new(key());
        timed(|| self.store(new))
    }
}

impl Cell for RwLock<Arc<Key>> {
    fn title(&self) -> &'static str {
        "`RwLock<Arc<_>>`, written"
    }

    fn read(&self) -> usize {
        let kept = Arc::clone(&self.read().expect("no writer panics"));
        length(&kept)
    }

    fn replace(&self) -> Duration {
        let new = Arc::new(key());
        timed(|| *self.write().expect("no writer panics") = new)
    }
}

impl Cell for Mutex<Arc<Key>> {
    fn title(&self) -> &'static str {
        "`Mutex<Arc<_>>`, written"
    }

    fn read(&self) -> usize {
        let kept = Arc::clone(&self.lock().expect("no writer panics"));
        length(&kept)
    }

    fn replace(&self) -> Duration {
        let new = Arc::new(key());
        timed(|| *self.lock().expect("no writer panics") = new)
    }
}

impl Cell for watch::Sender<Arc<Key>> {
    fn title(&self) -> &'static str {
        "`watch::Sender::send_replace`"
    }

    fn read(&self) -> usize {
        let kept = Arc::clone(&self.borrow());
        length(&kept)
    }

    fn replace(&self) -> Duration {
        let new = Arc::new(key());
        timed(|| {
            self.send_replace(new);
        })
    }
}
