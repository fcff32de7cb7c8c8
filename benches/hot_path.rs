//! What a reader pays: a lease taken and dropped, beside what one would write without this crate.
//!
//! ```text
//! cargo bench --bench hot_path
//! ```
//!
//! Every way reads one value out of a cell that another thread could replace at any time, and ends with something
//! that may be kept across an `.await`: a lease, an `Arc`, a client. (`peek` does not; it shows what a short look costs.)
//! *1 thread*: nobody else reads. *2 threads*: two threads read the same cell without a pause, and the time is that of
//! one read on one of them. With two threads every way that counts references fights over one cache line, so it costs
//! a multiple; on a machine with fewer free cores than threads the two take turns, and it costs less than it should.
//!
//! Criterion measures each way on its own, to be compared from commit to commit. For the table at the end the ways take
//! turns: it has the medians of the turns' means, and the median of each turn's own ratio to a lease, which holds still
//! where the times do not, because other work on the machine meets all ways of a turn.
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

    let ways: [Way<'_>; 7] = [
        ("lease", "`HotSwap::lease`, dropped", &|| {
            black_box(Lease::generation(&black_box(hot.lease())));
        }),
        ("peek", "`HotSwap::with`", &|| {
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

    for (name, _, read) in ways {
        both(&mut criterion, name, read);
    }
    criterion.final_summary();
    report(&ways);
}

/// What criterion calls it, what the table calls it, and one read.
type Way<'a> = (&'static str, &'static str, &'a (dyn Fn() + Sync));

/// One thread, then two.
fn both(criterion: &mut Criterion, name: &str, read: &(dyn Fn() + Sync)) {
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

/// The time that one of two threads needs.
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
        (mine + other.join().expect("reading does not panic")) / 2
    })
}

fn client() -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::from_static("us-east-1"))
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn report(ways: &[Way<'_>]) {
    const READS: u64 = 20_000;
    // So many that a turn is long beside the time until both threads run.
    const READS_OF_TWO: u64 = 500_000;
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown of it")]
    let each = |time: Duration, reads: u64| time.as_secs_f64() * 1e9 / reads as f64;
    let one = Turns::take(ways.len(), 200, |way| {
        let begun = Instant::now();
        for _ in 0..READS {
            ways[way].2();
        }
        each(begun.elapsed(), READS)
    });
    let two = Turns::take(ways.len(), 50, |way| {
        each(two_threads(READS_OF_TWO, ways[way].2), READS_OF_TWO)
    });
    common::table(
        ["one read", "1 thread", "ratio", "2 threads", "ratio"],
        ways.iter().enumerate().map(|(way, (_, title, _))| {
            [
                (*title).to_owned(),
                common::shown(one.median(way)),
                format!("{:.1}", one.ratio(way, 0)),
                common::shown(two.median(way)),
                format!("{:.1}", two.ratio(way, 0)),
            ]
        }),
    );
}
