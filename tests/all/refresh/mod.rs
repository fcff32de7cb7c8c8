//! The loop: what is published, when it looks, and what it says.

mod drain;
mod end;
mod failures;
mod look;
mod publish;
mod start;
mod told;
mod world;
