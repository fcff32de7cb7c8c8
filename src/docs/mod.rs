//! The manual. There is no code in here.
//!
//! - [`model`]: generations, leases and drains: what is promised
//! - [`choosing`]: a source, a trigger and a target: what each costs, guarantees and needs
//! - [`permissions`]: the smallest policies for IAM, KMS, Vault and Kafka
//! - [`failures`]: what happens in each failure, and how it shows
//! - [`rollback`]: back to an older version of the secret
//! - [`events`]: the event of a rotation
//! - [`reporting`]: usage reports, from any language
//! - [`operating`]: health, metrics, logs, shutdown
//! - [`why`]: the alternatives, and why the parts are as they are

pub mod choosing;
pub mod events;
pub mod failures;
pub mod model;
pub mod operating;
pub mod permissions;
pub mod reporting;
pub mod rollback;
pub mod why;
