//! The manual. There is no code in here.
//!
//! - [`model`]: generations, leases and drains: what is promised
//! - [`failures`]: what happens in each failure, and how it shows
//! - [`events`]: the event of a rotation
//! - [`reporting`]: usage reports, from any language
//! - [`operating`]: permissions, health, metrics, logs, shutdown
//! - [`why`]: the alternatives, and why the parts are as they are

pub mod events;
pub mod failures;
pub mod model;
pub mod operating;
pub mod reporting;
pub mod why;
