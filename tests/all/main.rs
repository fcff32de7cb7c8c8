//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

#[cfg(all(feature = "s3", feature = "secrets-manager"))]
mod edge;
#[cfg(all(feature = "s3", feature = "secrets-manager"))]
mod handover;
mod hot_drain;
mod hot_model;
mod hot_stress;
mod reload;
#[cfg(all(feature = "s3", feature = "secrets-manager"))]
mod whole_clients;
#[cfg(all(feature = "s3", feature = "secrets-manager"))]
mod world;
