//! Many threads at once: nobody reads a dropped value, and each drain comes exactly once, after the last reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use credswap::hot::{HotSwap, Lease};

const SWAPS: usize = 3_000;
const READERS: usize = 4;

/// Knows whether it has been dropped.
struct Value {
    number: u64,
    alive: Arc<AtomicBool>,
    drops: Arc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(self.alive.swap(false, Ordering::SeqCst), "dropped twice");
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn readers_never_see_a_dropped_value_and_each_drain_comes_after_its_last_reader() {
    let drops = Arc::new(AtomicUsize::new(0));
    let value = |number| Value {
        number,
        alive: Arc::new(AtomicBool::new(true)),
        drops: Arc::clone(&drops),
    };
    let cell = HotSwap::new(value(1));
    let stop = AtomicBool::new(false);
    let readings = AtomicUsize::new(0);

    let drains = std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let mut newest = 0;
                let mut kept = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let lease = cell.lease();
                    assert!(lease.alive.load(Ordering::SeqCst), "leased a dropped value");
                    assert_eq!(lease.number, Lease::generation(&lease));
                    assert!(lease.number >= newest, "time went backwards");
                    newest = lease.number;
                    kept.push(lease);
                    if kept.len() > 5 {
                        kept.clear();
                    }
                    cell.with(|value| assert!(value.alive.load(Ordering::SeqCst)));
                    readings.fetch_add(1, Ordering::Relaxed);
                }
                for lease in kept {
                    assert!(lease.alive.load(Ordering::SeqCst));
                }
            });
        }
        let mut drains = Vec::with_capacity(SWAPS);
        for swap in 0..SWAPS {
            let before = cell.lease();
            let alive = Arc::clone(&before.alive);
            let drain = cell.swap(value(swap as u64 + 2));
            assert!(!drain.is_drained(), "drained under a lease");
            drop(before);
            drains.push((drain, alive));
            if swap % 64 == 0 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
        drains
    });

    assert!(readings.load(Ordering::Relaxed) > 0);
    for (index, (drain, alive)) in drains.iter().enumerate() {
        assert_eq!(drain.generation(), index as u64 + 1);
        assert!(drain.is_drained(), "generation {} leaked", index + 1);
        assert!(!alive.load(Ordering::SeqCst));
    }
    assert_eq!(drops.load(Ordering::SeqCst), SWAPS);
    drop(cell);
    assert_eq!(drops.load(Ordering::SeqCst), SWAPS + 1);
}

#[test]
fn writers_take_turns_and_numbers_are_consecutive() {
    let cell = HotSwap::new(0_usize);
    let mut updates = cell.updates();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let cell = &cell;
            scope.spawn(move || {
                for _ in 0..500 {
                    let _ = cell.swap(writer);
                }
            });
        }
    });
    assert_eq!(cell.generation(), 2001);
    assert_eq!(updates.latest(), 2001);
    assert_eq!(futures::executor::block_on(updates.next()), Some(2001));
}
