//! The core.

mod drain;
mod model;
mod stress;
