//! Measures what a read costs: a lease taken and dropped, beside what a service would use without this crate.
//!
//! ```text
//! cargo bench --bench hot_path
//! ```
//!
//! Each candidate reads a value from a cell that another thread could replace at any time, and returns something that may
//! be kept across an `.await`: a lease, an `Arc`, a client. (`HotSwap::with` does not; it shows the cost of a short read.)
//! *1 thread*: no other thread reads. *2 threads*: two threads read the same cell without pause; the time is that of one
//! read on one of them. With two threads, every candidate that counts references contends for one cache line and costs a
//! multiple. On a machine with fewer free cores than threads, the two alternate, and the cost is underestimated.
//!
//! Criterion measures each candidate on its own, to compare commits. For the table at the end the candidates take turns: it
//! shows the medians of the turns' means, and the median of each turn's own ratio to a lease. That ratio is stable even
//! where the times vary, because other load on the machine affects all candidates of a turn.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

mod common;

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use common::turns::Turns;
use credswap::hot::{HotSwap, Lease};
use criterion::{Criterion, Throughput};
use tokio::sync::watch;

/// As large as an access key.
#[derive(Clone)]
struct Key {
    id: String,
}

fn key() -> Key {
    Key {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
    }
}

fn main() {
    let mut criterion = common::criterion();

    let hot = HotSwap::new(key());
    let bare = ArcSwap::from_pointee(key());
    let rw_lock = RwLock::new(Arc::new(key()));
    let mutex = Mutex::new(Arc::new(key()));
    let (_sender, watched) = watch::channel(Arc::new(key()));
    let client = client();

    let candidates: [Candidate<'_>; 7] = [
        ("lease", "`HotSwap::lease`, dropped", &|| {
            black_box(Lease::generation(&black_box(hot.lease())));
        }),
        ("with", "`HotSwap::with`", &|| {
            black_box(hot.with(|key| key.id.len()));
        }),
        ("arc_swap", "`ArcSwap::load_full`", &|| {
            black_box(black_box(bare.load_full()).id.len());
        }),
        ("rw_lock", "`RwLock<Arc<_>>`, read and cloned", &|| {
            let kept = Arc::clone(&rw_lock.read().expect("no writer panics"));
            black_box(black_box(kept).id.len());
        }),
        ("mutex", "`Mutex<Arc<_>>`, locked and cloned", &|| {
            let kept = Arc::clone(&mutex.lock().expect("no writer panics"));
            black_box(black_box(kept).id.len());
        }),
        (
            "watch",
            "`watch::Receiver<Arc<_>>`, borrowed and cloned",
            &|| {
                let kept = Arc::clone(&watched.borrow());
                black_box(black_box(kept).id.len());
            },
        ),
        ("client", "`aws_sdk_s3::Client::clone`", &|| {
            drop(black_box(client.clone()));
        }),
    ];

    for (name, _, read) in candidates {
        measure(&mut criterion, name, read);
    }
    criterion.final_summary();
    report(&candidates);
}

/// The name for criterion, the name in the table, and one read.
type Candidate<'a> = (&'static str, &'static str, &'a (dyn Fn() + Sync));

/// Measures one thread, then two.
fn measure(criterion: &mut Criterion, name: &str, read: &(dyn Fn() + Sync)) {
    let mut group = criterion.benchmark_group("hot_path_1");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| bencher.iter(read));
    group.finish();
    let mut group = criterion.benchmark_group("hot_path_2");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| two_threads(times, read));
    });
    group.finish();
}

/// Returns the time that one of two threads takes.
fn two_threads(times: u64, read: &(dyn Fn() + Sync)) -> Duration {
    let start = Barrier::new(2);
    let one = || {
        start.wait();
        let begun = Instant::now();
        for _ in 0..times {
            read();
        }
        begun.elapsed()
    };
    thread::scope(|scope| {
        let other = scope.spawn(one);
        let mine = one();
        (mine + other.join().expect("the reader does not panic")) / 2
    })
}

fn client() -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::from_static("us-east-1"))
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn report(candidates: &[Candidate<'_>]) {
    const READS: u64 = 20_000;
    // Enough that a turn is long compared with the start of the threads.
    const READS_OF_TWO: u64 = 500_000;
    #[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
    let mean = |time: Duration, reads: u64| time.as_secs_f64() * 1e9 / reads as f64;
    let one = Turns::take(candidates.len(), 200, |candidate| {
        let begun = Instant::now();
        for _ in 0..READS {
            candidates[candidate].2();
        }
        mean(begun.elapsed(), READS)
    });
    let two = Turns::take(candidates.len(), 50, |candidate| {
        let time = two_threads(READS_OF_TWO, candidates[candidate].2);
        mean(time, READS_OF_TWO)
    });
    common::table(
        ["one read", "1 thread", "ratio", "2 threads", "ratio"],
        candidates.iter().enumerate().map(|(index, (_, title, _))| {
            [
                (*title).to_owned(),
                common::format_nanos(one.median(index)),
                format!("{:.1}", one.ratio(index, 0)),
                common::format_nanos(two.median(index)),
                format!("{:.1}", two.ratio(index, 0)),
            ]
        }),
    );
}
