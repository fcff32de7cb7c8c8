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
mod overlap;
mod retire;
#[cfg(feature = "default")]
mod rotate_example;
