//! What a secret says: the access key in its JSON, and the fields beside it.

mod access_key;
mod fields;
mod json;
#[cfg(feature = "rotation")]
mod mentions;
#[cfg(feature = "rotation")]
mod rewrite;

pub use access_key::AccessKey;
pub(crate) use access_key::id_suffix;
pub use fields::Fields;
#[cfg(feature = "rotation")]
pub(crate) use mentions::{mentions, other_places};
#[cfg(feature = "rotation")]
pub(crate) use rewrite::with_key;
