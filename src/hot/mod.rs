//! The core: a value that is swapped under running readers, and a notification when the old one is drained.
//!
//! A [`HotSwap`] holds one *generation*: a number and a value. Readers take a [`Lease`] (wait-free, no lock,
//! no await) and keep reading that generation until they drop it. A swap publishes the next generation to all
//! leases taken from then on and returns a [`Drain`], which completes when the last lease of the old
//! generation has been dropped *and* the old value has been dropped.
//!
//! A value may outlive its lease: a client built from a key lives on in a request that somebody else owns. Such
//! a value carries a [`DrainToken`]; every clone of it keeps the generation in use just as a lease does. What was derived
//! from a value and handed out for a time, such as a presigned URL, *pins* the generation until it expires
//! ([`DrainToken::pin_until`]).
//!
//! ```
//! use credswap::hot::HotSwap;
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let key = HotSwap::new("first key");
//! let in_flight = key.lease();
//!
//! let drain = key.swap("second key");
//! assert_eq!(*key.lease(), "second key"); // the next lease is new
//! assert_eq!(*in_flight, "first key");    // the running one is undisturbed
//! assert_eq!(drain.outstanding(), 1);
//!
//! drop(in_flight);
//! drain.wait().await;                     // now, and not before, destroy the old key
//! # }
//! ```
//!
//! This module knows no secrets, no AWS and no I/O, and needs no feature.

mod cell;
mod drain;
mod drain_token;
mod lease;
mod updates;

pub use cell::HotSwap;
pub use drain::{Drain, DrainTimeout};
pub use drain_token::DrainToken;
pub use lease::Lease;
pub use updates::Updates;
