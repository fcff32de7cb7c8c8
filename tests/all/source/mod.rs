//! Sources that need more than Secrets Manager.

mod vault;
