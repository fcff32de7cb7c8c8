//! Where secrets come from: what all sources have in common, and what is special about one.

mod contract;
mod sources;
