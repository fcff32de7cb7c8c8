//! Requests a refresh when the rotation function publishes its event to a Kafka topic.

mod event;
mod inbox;
mod intake;
mod json;
mod listener;
mod positions;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod unrecognized;

pub use listener::Kafka;
