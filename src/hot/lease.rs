//! A lease: keeps one generation in use while something works with it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::drain_token::DrainToken;

/// One published value. The order of the fields is the order in which they are dropped: the value's
/// destructor has run before the token is dropped, and with it the drain completes.
pub(super) struct Generation<T> {
    pub(super) value: T,
    pub(super) number: u64,
    pub(super) token: DrainToken,
}

/// Access to one generation's value, which stays in use until the lease (and each clone of it) is dropped.
///
/// Take one per unit of work (a request, an attempt), not one per process: a lease that is kept keeps its
/// generation from draining. It may be held across `.await` and sent to other threads.
///
/// A lease dereferences to the value; its own functions are associated functions, so that they shadow nothing of it.
#[must_use = "a lease that is dropped at once keeps nothing in use"]
pub struct Lease<T>(pub(super) Arc<Generation<T>>);

impl<T> Lease<T> {
    /// Returns the generation's number: 1 for the first, one more with each swap.
    pub fn generation(lease: &Self) -> u64 {
        lease.0.number
    }

    /// Returns a drain token of the same generation, for a part of the value that outlives the lease.
    pub fn token(lease: &Self) -> DrainToken {
        lease.0.token.clone()
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("generation", &self.0.number)
            .field("value", &self.0.value)
            .finish()
    }
}
