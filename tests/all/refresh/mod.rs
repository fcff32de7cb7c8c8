//! The refresh loop: what is published, when it fetches, and what it reports.

mod drain;
mod end;
mod failures;
mod fixture;
mod observability;
mod publish;
mod requests;
mod start;
