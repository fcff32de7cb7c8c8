//! SQL pools that follow a rotated user and password.
//!
//! | | connections | at a swap |
//! |---|---|---|
//! | both | new | log in with the new user and password, at once |
//! | | idle | are closed |
//! | | in use | finish their work, and are closed when they are returned to the pool |
#![cfg_attr(
    feature = "deadpool-postgres",
    doc = "\n[`deadpool::Builder`] (feature `deadpool-postgres`) makes an ordinary `deadpool_postgres::Pool` that follows a \
           [`Refreshable`](crate::Refreshable). Its drain is exact for each connection, wherever that is."
)]
#![cfg_attr(
    feature = "sqlx-postgres",
    doc = "\n[`sqlx::Builder`] (feature `sqlx-postgres`) makes a [`sqlx::Pool`], a handle to an `sqlx::PgPool` for each version. \
           Its drain is exact for each pool: a version is drained when the last connection of its pool is closed."
)]
//!
//! PostgreSQL does not end sessions when a password changes or a role is dropped. What matters is who may still *log in* and
//! whose sessions are open: with alternating users, or roles that are dropped, the old version is drained when the last of its
//! connections is closed and no login with it is under way.
//!
//! # Secrets that connections outlive
//!
//! Where the user stays the same and nobody waits for the old password's sessions, `keep_connections` of either builder leaves
//! all connections open at a swap; only new ones log in with the new version. It is what a token of RDS's IAM database
//! authentication (`aws::RdsToken`, feature `rds`) wants: the pool follows the *key*, signs tokens for its logins, and a rotation
//! of the key closes nothing.
//!
//! # Before `AWSCURRENT` moves
//!
//! A rotation changes the password in the database first and moves `AWSCURRENT` afterwards. In between the live password is
//! the wrong one: a login that the database rejects (SQLSTATE 28P01 and 28000) is reported as a rejected key, which lets the
//! refresh loop fetch until the version changes, and is tried again with the newer version. Connections that are open are not
//! affected. The wait ends [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key) after the first rejection (default
//! 15 s). The rotation that RDS manages takes about a minute in between: set that and
//! [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads) to 90 s there, the pool's own timeout to more than that, and,
//! where usage reports decide when the old password goes, `fleet::Assumptions::late_adoption` to 150 s.

#[cfg(feature = "deadpool-postgres")]
pub mod deadpool;
mod logins;
mod rejections;
#[cfg(feature = "sqlx-postgres")]
pub mod sqlx;
