//! The rotation and the retirement.

#[cfg(feature = "default")]
mod by_hand;
#[cfg(feature = "default")]
mod cloud;
mod crash;
#[cfg(feature = "default")]
mod kafka;
mod kinds;
#[cfg(feature = "default")]
mod lambda;
mod retire;
mod world;
