//! Why a refresh is requested.

use std::fmt;
use std::ops::BitOr;

/// Why a refresh is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// Refreshing begins: nothing is live yet.
    Start,
    /// A rotation was announced: the version is expected to change, and is fetched until it does (limited by
    /// [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads)).
    Event,
    /// A key in use was rejected: as with [`Reason::Event`], the version is expected to change.
    Rejected,
    /// A trigger begins to listen (again), or received what it does not understand: something may have happened.
    CatchUp,
    /// The polling interval has passed.
    Interval,
    /// The live value expires soon.
    Expiry,
    /// The process received a signal.
    Signal,
    /// The service asked for it.
    Manual,
}

/// A set of reasons.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons(u8);

impl Reason {
    /// All reasons, for metrics.
    pub(crate) const ALL: [Self; 8] = [
        Self::Start,
        Self::Event,
        Self::Rejected,
        Self::CatchUp,
        Self::Interval,
        Self::Expiry,
        Self::Signal,
        Self::Manual,
    ];

    /// Returns the reason as a metric label and log field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Event => "event",
            Self::Rejected => "rejected",
            Self::CatchUp => "catch_up",
            Self::Interval => "interval",
            Self::Expiry => "expiry",
            Self::Signal => "signal",
            Self::Manual => "manual",
        }
    }
}

impl Reasons {
    /// Returns whether `reason` is in the set.
    pub fn has(self, reason: Reason) -> bool {
        self.0 & Self::from(reason).0 != 0
    }

    /// Returns whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the reasons, each once.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL
            .into_iter()
            .filter(move |reason| self.has(*reason))
    }
}

impl From<Reason> for Reasons {
    fn from(reason: Reason) -> Self {
        Self(1 << reason as u8)
    }
}

impl<R: Into<Self>> BitOr<R> for Reasons {
    type Output = Self;

    fn bitor(self, other: R) -> Self {
        Self(self.0 | other.into().0)
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons
            .into_iter()
            .fold(Self::default(), |set, reason| set | reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        for reason in Reason::ALL {
            let set = Reasons::from(reason);
            assert_eq!(set.iter().collect::<Vec<_>>(), [reason]);
        }
        let all: Reasons = Reason::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Reason::ALL.len());
        assert!(Reasons::default().is_empty());
    }
}
