//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

#[cfg(feature = "default")]
mod edge;
mod hot_drain;
mod hot_model;
mod hot_stress;
mod reload;
#[cfg(feature = "default")]
mod world;
