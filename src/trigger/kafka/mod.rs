//! RefreshRequester when the rotation function publishes its event to a Kafka topic.

mod event;
mod inbox;
mod listener;
mod positions;
mod session;
#[cfg(test)]
mod tests;

pub use listener::Kafka;
