//! The health of a trigger.

use std::borrow::Cow;

/// The health of a trigger. A trigger that is not [`Health::Listening`] delays refreshes; it loses none for good, since it
/// catches up when it listens again and the other triggers go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Not listening yet.
    Starting,
    /// Listening.
    Listening,
    /// Disconnected; reconnects automatically.
    Disconnected {
        /// Why, and what a person could change. Free of secret material and of foreign content.
        reason: Cow<'static, str>,
    },
    /// Ended, and not started again.
    Ended,
}

impl Health {
    /// Creates [`Health::Disconnected`] with this reason.
    pub fn disconnected(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Disconnected {
            reason: reason.into(),
        }
    }

    /// Returns whether an event would be received now.
    pub fn is_listening(&self) -> bool {
        *self == Self::Listening
    }
}
