//! aws
mod access_key;
pub mod auth_error;
mod fields;
mod json;

pub use access_key::AccessKey;
pub use fields::Fields;
