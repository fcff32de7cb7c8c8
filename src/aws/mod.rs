//! aws
pub mod auth_error;
