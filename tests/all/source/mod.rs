//! Where secrets come from: what all sources have in common, and what is special about one.

mod contract;
mod s3_object;
mod sources;
mod vault;
