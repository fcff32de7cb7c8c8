//! The drain of a generation: when it completes, who sees it, and what it waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use credswap::hot::{DrainToken, HotSwap, Lease};
use futures::FutureExt;
use tokio::time::Instant;

#[tokio::test]
async fn a_lease_keeps_reading_its_own_generation_after_a_swap() {
    let cell = HotSwap::new("old");
    let lease = cell.lease();
    let _ = cell.swap("new");
    assert_eq!((*lease, Lease::generation(&lease)), ("old", 1));
    let next = cell.lease();
    assert_eq!((*next, Lease::generation(&next)), ("new", 2));
    assert_eq!(cell.with(|value| *value), "new");
}

#[tokio::test]
async fn a_generation_nobody_leases_is_drained_when_swap_returns() {
    let cell = HotSwap::new(1);
    let drain = cell.swap(2);
    assert!(drain.is_drained());
    assert_eq!(drain.outstanding(), 0);
    drain.wait().await;
}

#[tokio::test]
async fn the_drain_waits_for_the_last_lease_and_counts_down_to_it() {
    let cell = HotSwap::new(1);
    let first = cell.lease();
    let second = first.clone();
    let drain = cell.swap(2);
    assert_eq!(drain.outstanding(), 2);
    drop(first);
    assert_eq!(drain.outstanding(), 1);
    assert!(drain.wait().now_or_never().is_none());
    drop(second);
    assert_eq!(drain.outstanding(), 0);
    drain.wait().await;
}

#[tokio::test]
async fn every_waiter_sees_the_drain_even_one_that_comes_late() {
    let cell = HotSwap::new(1);
    let lease = cell.lease();
    let drain = cell.swap(2);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn({
                let drain = drain.clone();
                async move { drain.wait().await }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(lease);
    for waiter in waiting {
        waiter.await.expect("announced");
    }
    drain.clone().wait().await;
    assert!(drain.is_drained());
}

#[tokio::test]
async fn the_value_is_dropped_before_the_drain_completes() {
    struct Slow(Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            // Long enough for a waiter on another thread to get in between, if it could.
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            self.0.store(true, Ordering::SeqCst);
        }
    }
    for _ in 0..50 {
        let dropped = Arc::new(AtomicBool::new(false));
        let cell = HotSwap::new(Slow(Arc::clone(&dropped)));
        let lease = cell.lease();
        let drain = cell.swap(Slow(Arc::default()));
        let waiter = std::thread::spawn({
            let dropped = Arc::clone(&dropped);
            move || {
                while !drain.is_drained() {
                    std::hint::spin_loop();
                }
                dropped.load(Ordering::SeqCst)
            }
        });
        drop(lease);
        assert!(
            waiter.join().expect("waiter"),
            "announced before the destructor had run"
        );
    }
}

#[tokio::test]
async fn a_destructor_that_panics_does_not_lose_the_drain() {
    struct Grumpy;
    impl Drop for Grumpy {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("grumpy");
            }
        }
    }
    let cell = HotSwap::new(Some(Grumpy));
    let lease = cell.lease();
    let drain = cell.swap(None);
    let dropping = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(lease)));
    assert!(dropping.is_err());
    drain
        .wait_timeout(Duration::from_secs(5))
        .await
        .expect("completed all the same");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_times_out_tells_how_many_uses_are_left() {
    let cell = HotSwap::new(1);
    let leases = [cell.lease(), cell.lease(), cell.lease()];
    let drain = cell.swap(2);
    let late = drain
        .wait_timeout(Duration::from_secs(1))
        .await
        .expect_err("leased");
    assert_eq!((late.generation, late.outstanding), (1, 3));
    assert_eq!(
        late.to_string(),
        "generation 1 is still in use by 3 leases or drain tokens"
    );
    drop(leases);
    drain
        .wait_timeout(Duration::from_secs(1))
        .await
        .expect("drained");
}

#[tokio::test]
async fn a_token_in_the_value_keeps_the_generation_beyond_its_leases() {
    let token = DrainToken::new();
    let escaped = token.clone();
    let cell = HotSwap::new_with_token("client", token.clone());
    drop(token);
    let drain = cell.swap("next client");
    assert!(!drain.is_drained(), "a part of the value is still in use");
    assert_eq!(drain.outstanding(), 1);
    drop(escaped);
    drain.wait().await;
}

#[tokio::test]
async fn a_token_taken_from_a_lease_outlives_it() {
    let cell = HotSwap::new(());
    let token = Lease::token(&cell.lease());
    let drain = cell.swap(());
    assert!(!drain.is_drained());
    drop(token);
    assert!(drain.is_drained());
}

#[tokio::test(start_paused = true)]
async fn a_pin_delays_the_drain_and_the_latest_one_counts() {
    let cell = HotSwap::new(());
    let lease = cell.lease();
    let begun = Instant::now();
    for seconds in [10, 60, 30] {
        Lease::token(&lease).pin_until(begun + Duration::from_secs(seconds));
    }
    let pinned_until = Lease::token(&lease).pinned_until();
    assert_eq!(pinned_until, Some(begun + Duration::from_secs(60)));
    let drain = cell.swap(());
    let late = drain
        .wait_timeout(Duration::from_secs(1))
        .await
        .expect_err("leased");
    assert_eq!(
        late.to_string(),
        "generation 1 is still in use by 1 lease or drain token: presigned URLs have not expired"
    );
    drop(lease);
    drain.released().await;
    assert_eq!((drain.outstanding(), drain.is_drained()), (0, false));
    let late = drain
        .wait_timeout(Duration::from_secs(1))
        .await
        .expect_err("not expired");
    assert_eq!(
        late.to_string(),
        "generation 1 is still in use: presigned URLs have not expired"
    );
    drain.wait().await;
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!(drain.is_drained());
}

#[tokio::test(start_paused = true)]
async fn released_waits_for_the_leases_and_not_for_the_pin() {
    let cell = HotSwap::new(());
    let lease = cell.lease();
    Lease::token(&lease).pin_until(Instant::now() + Duration::from_secs(60));
    let drain = cell.swap(());
    let second = Duration::from_secs(1);
    let early = tokio::time::timeout(second, drain.released()).await;
    early.expect_err("there is a lease");
    drop(lease);
    let released = tokio::time::timeout(second, drain.released()).await;
    released.expect("there is none");
    assert!(!drain.is_drained());
}

#[tokio::test]
async fn a_pin_in_the_past_delays_nothing() {
    let cell = HotSwap::new(());
    Lease::token(&cell.lease()).pin_until(Instant::now());
    assert!(cell.swap(()).is_drained());
}

#[tokio::test]
async fn dropping_the_drain_or_the_cell_does_not_affect_a_lease() {
    let cell = HotSwap::new(String::from("still here"));
    let lease = cell.lease();
    drop(cell.swap(String::new()));
    drop(cell);
    assert_eq!(*lease, "still here");
}

#[tokio::test]
async fn updates_return_the_newest_generation_and_end_with_the_cell() {
    let cell = HotSwap::new(1);
    let mut updates = cell.updates();
    assert_eq!(updates.next().now_or_never(), None, "nothing new yet");
    let _ = cell.swap(2);
    let _ = cell.swap(3);
    assert_eq!(updates.latest(), 3);
    assert_eq!(updates.next().await, Some(3));
    assert_eq!(updates.next().now_or_never(), None);
    assert_eq!(updates.clone().newer_than(2).await, Some(3));
    assert_eq!(updates.clone().newer_than(3).now_or_never(), None);
    drop(cell);
    assert_eq!(updates.next().await, None);
}

#[test]
fn debug_shows_the_generation_and_its_uses() {
    let cell = HotSwap::new("value");
    let lease = cell.lease();
    let drain = cell.swap("next");
    assert_eq!(
        format!("{lease:?}"),
        r#"Lease { generation: 1, value: "value" }"#
    );
    assert_eq!(
        format!("{drain:?}"),
        "Drain { generation: 1, outstanding: 1 }"
    );
    assert!(format!("{cell:?}").starts_with(r#"HotSwap { generation: 2, value: "next""#));
}

#[test]
fn a_token_belongs_to_the_cell_that_published_it() {
    let (cell, other) = (HotSwap::new("first"), HotSwap::new("first"));
    let token = DrainToken::new();
    assert_eq!(cell.generation_of(&token), None, "not published yet");
    let _ = cell.swap_with_token("second", token.clone());
    let _ = cell.swap("third");
    assert_eq!(cell.generation_of(&token), Some(2));
    assert_eq!(cell.generation_of(&Lease::token(&cell.lease())), Some(3));
    assert_eq!(other.generation_of(&token), None);
}
