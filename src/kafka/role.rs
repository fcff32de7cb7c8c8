//! Whether a client reads or writes.

/// Whether a client reads or writes. Properties, ACLs and error messages depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads a topic.
    Consumer,
    /// Writes to a topic.
    Producer,
}
