//! The cell whose value is swapped.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::drain::Drain;
use super::drain_token::DrainToken;
use super::lease::{Generation, Lease};
use super::updates::Updates;
use crate::util::lock::lock;

/// A value that can be replaced while it is in use.
///
/// Reading is wait-free: no lock, no await, no I/O, whatever the writers do. Share it by `&` or in an `Arc`.
pub struct HotSwap<T> {
    /// Identifies the cell, so that the tokens of one are not taken for those of another.
    id: u64,
    current: ArcSwap<Generation<T>>,
    /// Serialises writers, so that numbers are consecutive and updates come in their order. It is never
    /// taken by a reader, and no foreign code (a destructor, say) runs under it.
    writer: Mutex<()>,
    numbers: watch::Sender<u64>,
}

impl<T> HotSwap<T> {
    /// Creates a cell with its first generation, number 1.
    pub fn new(value: T) -> Self {
        Self::new_with_token(value, DrainToken::new())
    }

    /// Creates a cell whose first value carries clones of `token`.
    pub fn new_with_token(value: T, token: DrainToken) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Only the number counts; it orders nothing.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        token.publish(id, 1);
        Self {
            id,
            current: ArcSwap::from_pointee(Generation {
                value,
                number: 1,
                token,
            }),
            writer: Mutex::new(()),
            numbers: watch::Sender::new(1),
        }
    }

    /// Leases the current generation. Wait-free.
    pub fn lease(&self) -> Lease<T> {
        Lease(self.current.load_full())
    }

    /// Calls `read` with the current value: cheaper than a lease, for short calls.
    ///
    /// Do not block in `read`: it delays nobody else, but it keeps the generation in use as a lease does.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.current.load().value)
    }

    /// Returns the current generation's number.
    pub fn generation(&self) -> u64 {
        self.current.load().number
    }

    /// Returns the number of the generation that `token` was published with; `None` if that was not in this cell.
    pub fn generation_of(&self, token: &DrainToken) -> Option<u64> {
        token.generation_in(self.id)
    }

    /// Returns the numbers of the generations that are published from now on.
    pub fn updates(&self) -> Updates {
        Updates(self.numbers.subscribe())
    }
}

impl<T: Send + Sync + 'static> HotSwap<T> {
    /// Publishes `value` as the next generation, and returns the drain of the one it replaces.
    ///
    /// Each lease that is taken after the call returns sees the new value. Concurrent swaps take turns. If nobody leases
    /// the replaced generation, its value is dropped in this call.
    pub fn swap(&self, value: T) -> Drain {
        self.swap_with_token(value, DrainToken::new())
    }

    /// Publishes a value that carries clones of `token`: the new generation is not drained before these, too, have been
    /// dropped.
    pub fn swap_with_token(&self, value: T, token: DrainToken) -> Drain {
        let old = {
            let _turn = lock(&self.writer);
            let number = self.current.load().number + 1;
            token.publish(self.id, number);
            let old = self.current.swap(Arc::new(Generation {
                value,
                number,
                token,
            }));
            self.numbers.send_replace(number);
            old
        };
        let leases: Weak<Generation<T>> = Arc::downgrade(&old);
        let drain = Drain {
            generation: old.number,
            leases,
            token: old.token.watch(),
        };
        drop(old); // outside the lock: it may run the value's destructor
        drain
    }
}

impl<T: fmt::Debug> fmt::Debug for HotSwap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current.load();
        f.debug_struct("HotSwap")
            .field("generation", &current.number)
            .field("value", &current.value)
            .finish_non_exhaustive()
    }
}
