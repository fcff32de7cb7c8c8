//! How a trigger fares.

use std::borrow::Cow;

/// How a trigger fares. A trigger that is not [`Health::Listening`] delays reloads; it loses none for good, since
/// it looks when it listens again and the other triggers go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It has not begun to listen yet.
    Starting,
    /// It would hear.
    Listening,
    /// It does not hear at present, and goes on trying by itself.
    Deaf {
        /// Why, and what a person could change. Free of secret material and of foreign content.
        reason: Cow<'static, str>,
    },
    /// It has ended, and will not hear again.
    Ended,
}

impl Health {
    /// A trigger that does not hear at present, and why.
    pub fn deaf(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Deaf {
            reason: reason.into(),
        }
    }

    /// Whether it would hear an event now.
    pub fn is_listening(&self) -> bool {
        *self == Self::Listening
    }
}
