//! What all that call AWS services share: what a failed call means.

pub mod auth_error;
pub(crate) mod failure;
