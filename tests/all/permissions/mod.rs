//! The page `docs::permissions` agrees with what the code calls: nothing is missing on it, and no line is unused.

mod aws;
mod kafka;
mod page;
mod rotation;
mod vault;
