//! Whether a fetch mints. Each mint creates a user at the other side, so there must be a reason.

use crate::source::FetchRequest;
use crate::trigger::Reason;

/// What is known about the latest lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latest {
    /// It is the live one; otherwise it is yet to be proven.
    pub(super) is_live: bool,
    /// An event named it as the current one.
    pub(super) is_expected: bool,
    /// Its own time nears its end, and cannot be extended.
    pub(super) is_ending: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Return the latest.
    Keep,
    /// Mint another one.
    Mint,
    /// Mint another one, if that did not happen too often: somebody else says that it is time.
    MintIfAllowed,
}

/// Decides what a fetch does.
pub(super) fn decide(request: &FetchRequest, latest: Latest) -> Decision {
    let has = |reason| request.reasons.has(reason);
    if latest.is_ending {
        Decision::Mint
    } else if !latest.is_live {
        // Minted for the reasons that the request still has.
        Decision::Keep
    } else if has(Reason::Rejected) || (has(Reason::Event) && !latest.is_expected) {
        Decision::MintIfAllowed
    } else {
        Decision::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Decision::{Keep, Mint, MintIfAllowed};

    #[test]
    fn only_an_event_a_rejection_or_an_end_mints() {
        let rows = [
            (Reason::Event, MintIfAllowed),
            (Reason::Rejected, MintIfAllowed),
            (Reason::Start, Keep),
            (Reason::CatchUp, Keep),
            (Reason::Interval, Keep),
            (Reason::Expiry, Keep),
            (Reason::Signal, Keep),
            (Reason::Manual, Keep),
        ];
        for (reason, decision) in rows {
            let request = FetchRequest::new(reason);
            let latest = |is_live, is_ending| Latest {
                is_live,
                is_expected: false,
                is_ending,
            };
            assert_eq!(decide(&request, latest(true, false)), decision, "{reason}");
            assert_eq!(
                decide(&request, latest(true, true)),
                Mint,
                "{reason}, ending"
            );
            assert_eq!(
                decide(&request, latest(false, false)),
                Keep,
                "{reason}, unproven"
            );
            assert_eq!(
                decide(&request, latest(false, true)),
                Mint,
                "{reason}, unproven, ending"
            );
        }
    }

    #[test]
    fn an_event_about_the_live_version_mints_nothing() {
        let latest = Latest {
            is_live: true,
            is_expected: true,
            is_ending: false,
        };
        assert_eq!(decide(&FetchRequest::new(Reason::Event), latest), Keep);
        let both = FetchRequest::new(
            [Reason::Event, Reason::Rejected]
                .into_iter()
                .collect::<crate::trigger::Reasons>(),
        );
        assert_eq!(decide(&both, latest), MintIfAllowed);
    }
}
