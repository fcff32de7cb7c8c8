//! The four steps, over any kind of secret: idempotent on the token, and safe to run twice at the same time.

mod rotation;
mod stage;
mod test_step;
mod writes;

pub(super) use rotation::{Parts, Tokens};
pub use rotation::{Response, Rotation};
