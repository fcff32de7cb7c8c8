//! SQL pools that follow a rotated user and password.
//!
//! [`deadpool::Builder`] makes an ordinary `deadpool_postgres::Pool` whose connections follow a
//! [`Refreshable`](crate::Refreshable):
//!
//! | connections | at a swap |
//! |---|---|
//! | new | log in with the new user and password, at once |
//! | idle | are closed |
//! | in use | finish their work, and are closed when they are returned to the pool |
//!
//! PostgreSQL does not end sessions when a password changes or a role is dropped. What matters is who may still *log in* and
//! whose sessions are open: with alternating users, or roles that are dropped, the old version is drained when the last of its
//! connections is closed and no login with it is under way. That is exact, for each connection.
//!
//! # Before `AWSCURRENT` moves
//!
//! A rotation changes the password in the database first and moves `AWSCURRENT` afterwards. In between the live password is
//! the wrong one: a login that the database rejects (SQLSTATE 28P01 and 28000) is reported as a rejected key, which lets the
//! refresh loop fetch until the version changes, and is tried again with the newer version. Connections that are open are not
//! affected. The wait ends [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key) after the first rejection (default
//! 15 s). The rotation that RDS manages takes about a minute in between: set that and
//! [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads) to 90 s there.

pub mod deadpool;
mod rejections;
