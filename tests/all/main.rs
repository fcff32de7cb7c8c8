//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

mod hot_drain;
mod hot_model;
mod hot_stress;
mod reload;
