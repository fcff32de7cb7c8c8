//! Secrets of any type: a database's user and password, a token, a map.
//!
//! [`Refreshable::typed`](crate::Refreshable::typed) keeps a value of a type of yours current: whatever serde can
//! deserialize. Everything else is as with AWS credentials: a value that cannot be parsed or is refused by a
//! [validation](TypedConnector::validate) never goes live, a swap is atomic, and what is leased drains. Usage reports and
//! rotations of any kind work with it.
//!
//! Hold a lease for one piece of work, and take a new one for the next: what was copied out of a lease does not keep its
//! version in use.

mod connector;
mod database;
mod field_error;
mod node;
mod secret_text;

pub use connector::TypedConnector;
pub use database::DatabaseSecret;
pub use secret_text::SecretText;
