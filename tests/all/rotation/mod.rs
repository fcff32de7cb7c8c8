//! The rotation and the retirement.

#[cfg(feature = "default")]
mod cloud;
mod convergence;
mod crash;
mod faults;
mod in_memory;
mod interleaving;
#[cfg(feature = "default")]
mod kafka;
mod kinds;
#[cfg(feature = "default")]
mod lambda;
mod other_fields;
mod overlap;
mod retire;
mod rollback;
#[cfg(feature = "default")]
mod rotate_example;
mod tags;
mod unreadable;
