//! The cell that is swapped.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::drain::Drain;
use super::hold::Hold;
use super::lease::{Generation, Lease};
use super::updates::Updates;

/// A value that can be replaced while it is in use.
///
/// Reading is wait-free: no lock, no await, no I/O, whatever the writers do. Share it by `&` or in an `Arc`.
pub struct HotSwap<T> {
    /// Tells cells apart, so that the holds of one are not taken for those of another.
    id: u64,
    current: ArcSwap<Generation<T>>,
    /// Serialises writers, so that numbers are consecutive and updates come in their order. It is never
    /// taken by a reader, and no foreign code (a destructor, say) runs under it.
    writer: Mutex<()>,
    numbers: watch::Sender<u64>,
}

impl<T> HotSwap<T> {
    /// A cell with its first generation, number 1.
    pub fn new(value: T) -> Self {
        Self::new_held(value, Hold::new())
    }

    /// The same for a value that carries clones of `hold`.
    pub fn new_held(value: T, hold: Hold) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Only the number counts; it orders nothing.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        hold.publish(id, 1);
        Self {
            id,
            current: ArcSwap::from_pointee(Generation {
                value,
                number: 1,
                hold,
            }),
            writer: Mutex::new(()),
            numbers: watch::Sender::new(1),
        }
    }

    /// Leases the current generation. Wait-free.
    pub fn lease(&self) -> Lease<T> {
        Lease(self.current.load_full())
    }

    /// Looks at the current value for the length of a short call: cheaper than a lease.
    ///
    /// Do not block in `look`: it holds up nobody, but it pins the generation as a lease does.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.current.load().value)
    }

    /// The current generation's number.
    pub fn generation(&self) -> u64 {
        self.current.load().number
    }

    /// The number of the generation that `hold` was published with; `None` if that was not here.
    pub fn generation_of(&self, hold: &Hold) -> Option<u64> {
        hold.generation_in(self.id)
    }

    /// Generation numbers as they are published from now on.
    pub fn updates(&self) -> Updates {
        Updates(self.numbers.subscribe())
    }
}

impl<T: Send + Sync + 'static> HotSwap<T> {
    /// Publishes `value` as the next generation, and returns the old one's drain.
    ///
    /// Each lease that is taken after the call returns sees the new value. Swaps from several threads take
    /// turns. If nobody leases the old generation, its value is dropped here, in this call.
    pub fn swap(&self, value: T) -> Drain {
        self.swap_held(value, Hold::new())
    }

    /// The same for a value that carries clones of `hold`: the new generation will not count as drained
    /// before these have gone, too.
    pub fn swap_held(&self, value: T, hold: Hold) -> Drain {
        let old = {
            let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let number = self.current.load().number + 1;
            hold.publish(self.id, number);
            let old = self.current.swap(Arc::new(Generation {
                value,
                number,
                hold,
            }));
            self.numbers.send_replace(number);
            old
        };
        let leases: Weak<Generation<T>> = Arc::downgrade(&old);
        let drain = Drain {
            generation: old.number,
            leases,
            hold: old.hold.watch(),
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
