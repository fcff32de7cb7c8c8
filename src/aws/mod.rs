//! aws
mod access_key;
pub mod check;
mod fields;
mod json;

pub use access_key::AccessKey;
pub use check::Check;
pub use fields::Fields;
