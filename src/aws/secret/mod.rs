//! What a secret says: the access key in it, and the fields beside it.

mod access_key;
mod character_fault;
mod csv;
mod document;
mod expiration;
mod fields;
mod json;
mod key_field;
mod lines;
#[cfg(feature = "rotation")]
mod mentions;
mod parts;
mod place;
#[cfg(feature = "rotation")]
mod rewrite;
mod section;

pub use access_key::AccessKey;
pub(crate) use access_key::id_suffix;
pub use fields::Fields;
#[cfg(feature = "rotation")]
pub(crate) use mentions::{mentions, other_places};
#[cfg(feature = "rotation")]
pub(crate) use rewrite::with_key;

/// What to store, for errors.
const EXAMPLE: &str = "store the key as {\"access_key_id\": \"…\", \"secret_access_key\": \"…\"}";
