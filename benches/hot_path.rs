//! What a reader pays: a lease taken and dropped, beside what one would write without this crate.
//!
//! ```text
//! cargo bench --bench hot_path
//! ```
//!
//! Every way reads one value out of a cell that another thread could replace at any time, and ends with something
//! that may be kept across an `.await`: a lease, an `Arc`, a client. (`peek` and `generation` do not; they show what a
//! short look costs.) *1 thread*: nobody else reads. *2 threads*: two threads read the same cell without a pause, and
//! the time is that of one read on one of them. With two threads every way that counts references fights over one
//! cache line, so it costs a multiple; on a machine with fewer free cores than threads the two take turns, and it costs
//! less than it should.
//!
//! The table at the end has criterion's medians, and each as a multiple of a lease.
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

    let mut rows = Vec::new();
    let mut way = |title: &'static str, name: &'static str, read: &(dyn Fn() + Sync)| {
        both(&mut criterion, name, read);
        rows.push((title, name));
    };
    way("`HotSwap::lease`, dropped", "lease", &|| {
        black_box(Lease::generation(&black_box(hot.lease())));
    });
    way("`HotSwap::peek`", "peek", &|| {
        black_box(hot.peek(|key| key.id.len()));
    });
    way("`ArcSwap::load_full`", "arc_swap", &|| {
        black_box(black_box(bare.load_full()).id.len());
    });
    way("`RwLock<Arc<_>>`, read and cloned", "rw_lock", &|| {
        let kept = Arc::clone(&rw_lock.read().expect("no writer panics"));
        black_box(black_box(kept).id.len());
    });
    way("`Mutex<Arc<_>>`, locked and cloned", "mutex", &|| {
        let kept = Arc::clone(&mutex.lock().expect("no writer panics"));
        black_box(black_box(kept).id.len());
    });
    way(
        "`watch::Receiver<Arc<_>>`, borrowed and cloned",
        "watch",
        &|| {
            let kept = Arc::clone(&watched.borrow());
            black_box(black_box(kept).id.len());
        },
    );
    way("`aws_sdk_s3::Client::clone`", "client", &|| {
        drop(black_box(client.clone()));
    });

    criterion.final_summary();
    report(&rows);
}

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

fn report(rows: &[(&str, &str)]) {
    let lease = |group| common::median(group, "lease");
    let cell = |group, name| match (common::median(group, name), lease(group)) {
        (Some(time), Some(lease)) => format!("{} ({:.1}×)", common::shown(time), time / lease),
        (Some(time), None) => common::shown(time),
        (None, _) => "–".to_owned(),
    };
    common::table(
        ["one read", "1 thread", "2 threads"],
        rows.iter().map(|(title, name)| {
            [
                (*title).to_owned(),
                cell("hot_path_1", name),
                cell("hot_path_2", name),
            ]
        }),
    );
}
