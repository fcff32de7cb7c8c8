//! `sqlx` pools.
//!
//! sqlx tells a pool neither when a connection ends nor with which password it was opened. So each version of the secret has a
//! pool of its own, made when it goes live and closed when it is replaced, and [`Pool`] is the handle that always leads to the
//! live one: a version is drained when its pool is closed, which waits for the last of its connections.

mod builder;
mod options;
mod pool;
mod secret;
mod version_pool;

pub use ::sqlx;
pub use builder::Builder;
pub use pool::Pool;
