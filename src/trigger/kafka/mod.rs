//! Requests a refresh when the rotation function publishes its event to a Kafka topic.

mod event;
mod inbox;
mod intake;
mod listener;
mod positions;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod version_hint;

pub use listener::Kafka;
