//! `deadpool-postgres` pools.
//!
//! The pool is deadpool's own: its connections are created by a `Connect` that logs in with the live version, and closed by a
//! hook, or while they are idle, when that version is no longer the live one.

mod builder;
mod config;
mod connector;
mod follow;
mod generations;
mod session;

pub use builder::Builder;
pub use deadpool_postgres;
