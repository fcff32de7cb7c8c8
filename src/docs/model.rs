//! Generations, leases and drains, in one page.
//!
//! # A generation
//!
//! What is live is a *generation*: a number (1, 2, 3 …) and a value made of one version of the secret. A *swap*
//! publishes the next one with a single atomic store. Nobody is stopped, woken or asked for that.
//!
//! ```text
//!            swap                    swap
//! generation 1 ──────► generation 2 ──────► generation 3      what a lease taken now will see
//!     │                    │
//!     ├─ request ─────┐    ├─ request ──┐                     what is still using an old one
//!     └─ request ──┐  │    └─ URL ──────┼────────────┐
//!                  └──┴─► drained       └────────────┴─► drained
//! ```
//!
//! # A lease
//!
//! Whoever works with the value takes a *lease*, keeps it for the length of that work, and drops it. Taking one is
//! wait-free: no lock, no await, no I/O, whatever writers do. With the AWS edge a lease is taken for each *attempt* of
//! each request, by itself: a request that the SDK retries may use two keys, and the lease of the first ends with its
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
//! A value can get out of its lease. A client's clone lives on in a request; credentials are cloned by a library.
//! Such values carry a [`DrainToken`](crate::hot::DrainToken), and each clone of it pins the generation as a lease does.
//! And a presigned URL is out of anybody's sight until it expires: it gives the generation a *horizon*.
//!
//! # A drain
//!
//! An old generation is *drained* when its last lease and its last hold have gone, its value has been dropped, and its
//! horizon has passed. This is announced exactly once
//! ([`RefreshEvent::Drained`](crate::refresh::RefreshEvent::Drained)), and it means: nothing in this process uses that
//! version of the secret, and nothing will. When all processes have said so, the secret can be retired without
//! anybody's request failing.
//!
//! Where one version of the secret was live twice (a rollback), the notice says whether it is in use again.
//!
//! # What decides
//!
//! The secret's *version* at the source, and nothing else. An event, a signal, an interval, a refused request: each
//! says "look", none says what will be found. That is why an event may come late, twice, never, or from a forger, and
//! why any trigger can stand in for any other.
//!
//! A version is published if it parses, connects and passes its check. If not, the last good value stays and the
//! [`Status`](crate::refresh::Status) says why.
