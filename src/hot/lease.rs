//! Pins one generation while something uses it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::hold::Hold;

/// One published value. The order of the fields is the order in which they are dropped: the value's
/// destructor has run before the hold, and with it the drain, ends.
pub(super) struct Generation<T> {
    pub(super) value: T,
    pub(super) number: u64,
    pub(super) hold: Hold,
}

/// Access to one generation's value, which stays in use until the lease (and each clone of it) is dropped.
///
/// Take one per unit of work (a request, an attempt), not one per process: a lease that is kept keeps its
/// generation from draining. It may be held across `.await` and sent to other threads.
///
/// A lease dereferences to the value; its own functions are associated, so that they hide nothing of it.
#[must_use = "a lease that is dropped at once pins nothing"]
pub struct Lease<T>(pub(super) Arc<Generation<T>>);

impl<T> Lease<T> {
    /// The generation's number: 1 for the first, one more with each swap.
    pub fn generation(lease: &Self) -> u64 {
        lease.0.number
    }

    /// A hold on the same generation, for a part of the value that outlives the lease.
    pub fn hold(lease: &Self) -> Hold {
        lease.0.hold.clone()
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
