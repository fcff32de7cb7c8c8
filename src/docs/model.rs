//! Generations, leases and drains.
//!
//! # Generations
//!
//! The live value belongs to a *generation*: a number (1, 2, 3 …) and a value made from one version of the secret. A *swap*
//! publishes the next generation with a single atomic store. No reader is stopped or asked.
//!
//! ```text
//!            swap                    swap
//! generation 1 ──────► generation 2 ──────► generation 3      what a lease taken now sees
//!     │                    │
//!     ├─ request ─────┐    ├─ request ──┐                     what still uses an old one
//!     └─ request ──┐  │    └─ URL ──────┼────────────┐
//!                  └──┴─► drained       └────────────┴─► drained
//! ```
//!
//! # Leases
//!
//! Code that works with the value takes a *lease*, keeps it for the duration of that work, and drops it. Taking one is
//! wait-free: no lock, no await, no I/O, whatever the writers do. Under a configured SDK client each *attempt* of each
//! request is a lease by itself: a request that the SDK retries may use two keys, and the lease of the first ends with its
//! attempt.
//!
//! ```
//! use credswap::hot::{HotSwap, Lease};
//! let cell = HotSwap::new("old");
//! let lease = cell.lease();
//! let drain = cell.swap("new");
//! assert_eq!((*lease, *cell.lease()), ("old", "new"));
//! drop(lease);
//! assert!(drain.is_drained());
//! ```
//!
//! A value can outlive its lease. A client's clone lives on in a request; a library clones credentials.
//! Such values carry a [`DrainToken`](crate::hot::DrainToken), and each clone of it keeps the generation in use as a lease
//! does. A presigned URL cannot be counted, but it expires: it *pins* the generation until then.
//!
//! # Drains
//!
//! A replaced generation is *drained* when its last lease and its last drain token have been dropped, its value has been
//! dropped, and its pinned-until time has passed. This is reported exactly once
//! ([`RefreshEvent::Drained`](crate::refresh::RefreshEvent::Drained)), and it means: nothing in this process uses that
//! version of the secret, and nothing will. When all processes have reported it, the old key can be retired without
//! failing a request. [`Refreshable::drained`](crate::Refreshable::drained) waits for one version.
//!
//! Where one version of the secret was live twice (a rollback), the event tells whether the version is in use again.
//!
//! # What decides
//!
//! The secret's *version* at the source, and nothing else. An event, a signal, an interval, a rejected request: each
//! requests a refresh, and none says what it will find. That is why an event may come late, twice, never, or from a forger,
//! and why any trigger can stand in for any other.
//!
//! A version is published if it parses, connects and passes its check. If not, the last good value stays and the
//! [`Status`](crate::refresh::Status) tells why, and which version [waits](crate::refresh::Status::waiting).
