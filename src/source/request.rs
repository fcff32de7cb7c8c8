//! Why a secret is fetched.

use crate::secret::VersionId;
use crate::trigger::Reasons;

/// Why a secret is fetched, and what is known already.
///
/// ```
/// use credswap::source::FetchRequest;
/// use credswap::trigger::Reason;
/// let request = FetchRequest::new(Reason::Event).expected("version 2");
/// assert!(request.reasons.has(Reason::Event));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// The reasons since the last refresh that settled them: a failed fetch is repeated with the same reasons. Empty for a
    /// fetch that nobody asked for, such as one more read of a source that may have given a stale answer.
    pub reasons: Reasons,
    /// The version that an event named as the current one, if one did. Events are untrusted: it is a hint, not a fact.
    pub expected_version: Option<VersionId>,
    /// The version that is live; `None` for the first fetch. A source that can ask "anything newer than this?" may answer
    /// with a secret of this version, whose material is not looked at.
    pub live_version: Option<VersionId>,
}

impl FetchRequest {
    /// Creates a request with these reasons.
    pub fn new(reasons: impl Into<Reasons>) -> Self {
        Self {
            reasons: reasons.into(),
            ..Self::default()
        }
    }

    /// Sets the version that an event named as the current one.
    #[must_use]
    pub fn expected(mut self, version: impl Into<VersionId>) -> Self {
        self.expected_version = Some(version.into());
        self
    }

    /// Sets the version that is live.
    #[must_use]
    pub fn live(mut self, version: impl Into<VersionId>) -> Self {
        self.live_version = Some(version.into());
        self
    }
}
