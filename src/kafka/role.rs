//! What a client is for.

/// Whether a client reads or writes: it decides on properties, ACLs and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A consumer.
    Read,
    /// A producer.
    Write,
}
