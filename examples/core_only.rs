//! The core alone: a value is swapped under running readers, and the old one is released when the last of them has let go.
//! No feature, no SDK, no secret.
//!
//! `cargo run --example core_only`

use std::time::Duration;

use credswap::hot::{HotSwap, Lease};

#[tokio::main]
async fn main() {
    let limits = HotSwap::new("100 requests per second");

    // A request takes a lease and keeps it for as long as it lasts.
    let lease = limits.lease();
    let request = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let generation = Lease::generation(&lease);
        println!("request: done under generation {generation}: {}", *lease);
    });

    let drain = limits.swap("200 requests per second");
    println!("swapped: the next lease reads {:?}", *limits.lease());
    println!(
        "drain:   {} lease(s) of generation {} are out",
        drain.outstanding(),
        drain.generation()
    );

    // Too little time: it says who is late, and nothing else changes.
    if let Err(late) = drain.wait_timeout(Duration::from_millis(50)).await {
        println!("drain:   {late}");
    }
    drain.wait().await;
    println!("drain:   nobody reads generation 1 any more");
    request.await.expect("the request does not panic");
}
