//! The refresh loop: what is published, when it fetches, and what it reports.

mod drain;
mod end;
mod expiry;
mod failures;
mod fixture;
mod health;
mod observability;
mod publish;
mod requests;
mod start;
mod two_sets;
