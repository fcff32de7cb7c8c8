//! The core alone: a value is swapped under running readers, and the old one is drained when the last of them has finished.
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
    let (uses, generation) = (drain.outstanding(), drain.generation());
    println!("drain:   {uses} use(s) of generation {generation} are left");

    // Too short a timeout: the error tells what is left, and nothing else changes.
    if let Err(timeout) = drain.wait_timeout(Duration::from_millis(50)).await {
        println!("drain:   {timeout}");
    }
    drain.wait().await;
    println!("drain:   nothing uses generation 1 any more");
    request.await.expect("the request does not panic");
}
