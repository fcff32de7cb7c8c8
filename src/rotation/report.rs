//! What retire did, and why it did no more.

use std::fmt;
use std::time::SystemTime;

use super::clock::shown;
use super::usage::Holder;
use crate::aws::id_suffix;

/// What one call of retire did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetireReport {
    /// Each of the user's keys, those that are left alone too.
    pub keys: Vec<KeyReport>,
}

/// What became of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyReport {
    /// The access key id.
    pub id: String,
    /// What was done in this call.
    pub did: KeyAction,
    /// Why that, and no more.
    pub why: KeyActionReason,
}

/// What was done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Nothing.
    Nothing,
    /// It is refused from now on, and can be given back.
    Deactivated,
    /// It is accepted again.
    Reactivated,
    /// It is gone.
    Deleted,
}

/// Why a key is kept or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyActionReason {
    /// A version with this label holds it.
    Labelled(String),
    /// No version of the secret holds it, and there is no proof that a rotation made it: it is never touched.
    Foreign,
    /// A `createSecret` made it and did not live to store it: nobody knows its secret part.
    Leftover {
        /// Until when it is kept, for the case that the one who made it still lives.
        until: SystemTime,
    },
    /// Its version was pending and never became current.
    Abandoned,
    /// These consumers use it.
    InUse {
        /// Who.
        by: Vec<Holder>,
    },
    /// No consumer has ever said a word about its version.
    Unknown,
    /// All consumers have let go, but it was used after that: somebody uses it who does not report.
    UsedSince {
        /// When.
        at: SystemTime,
        /// At which service.
        service: String,
    },
    /// These consumers need it and are refused.
    Rejected {
        /// Who.
        by: Vec<String>,
    },
    /// All consumers have let go.
    Released {
        /// When the last one did.
        since: SystemTime,
        /// Those who were silent for so long that it is presumed_gone.
        presumed_gone: Vec<String>,
    },
    /// It was given back, or somebody activated it by hand: it is left alone for a while.
    GivenBack {
        /// Until when.
        until: SystemTime,
    },
    /// It is deactivated and watched.
    Watched {
        /// Until when.
        until: SystemTime,
    },
    /// The deadline has passed, although this holds it up.
    Deadline(Box<KeyActionReason>),
}

impl KeyReport {
    /// The last four characters of the access key id.
    pub fn id_suffix(&self) -> &str {
        id_suffix(&self.id)
    }
}

impl KeyActionReason {
    /// Whether a new key must not be made before this is settled, even if IAM has room for it: it would be forgotten.
    pub(super) fn must_be_waited_for(&self) -> bool {
        matches!(self, Self::Leftover { .. })
    }

    /// Whether it may pass without a person.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, Self::Foreign)
    }
}

impl fmt::Debug for KeyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key …{}: {:?}, {}", self.id_suffix(), self.did, self.why)
    }
}

impl fmt::Display for KeyActionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labelled(label) => write!(f, "the version labelled {label} holds it"),
            Self::Foreign => f.write_str(
                "no version of the secret holds it, so it may be somebody's: delete it by hand, or give the secret a user \
                 of its own",
            ),
            Self::Leftover { until } => write!(
                f,
                "left by a createSecret that did not end; it is removed after {}",
                shown(*until)
            ),
            Self::Abandoned => f.write_str("its version was pending and never became current"),
            Self::InUse { by } => {
                f.write_str("used by ")?;
                for (n, holder) in by.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{holder}", if n > 0 { ", " } else { "" })?;
                }
                match by.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Unknown => f.write_str(
                "no consumer has ever said a word about its version: let them report, or vouch for them with \
                 `Policy::assume_released`",
            ),
            Self::UsedSince { at, service } => write!(
                f,
                "released by all who report, but used at {service} at {} by somebody who does not",
                shown(*at)
            ),
            Self::Rejected { by } => write!(f, "refused to {}", by.join(", ")),
            Self::Released { since, presumed_gone } if presumed_gone.is_empty() => {
                write!(f, "released by all since {}", shown(*since))
            }
            Self::Released { since, presumed_gone } => write!(
                f,
                "released by all since {}, which is presumed_gone of {}, who are silent",
                shown(*since),
                presumed_gone.join(", ")
            ),
            Self::GivenBack { until } => {
                write!(f, "given back, and left alone until {}", shown(*until))
            }
            Self::Watched { until } => write!(f, "deactivated, and watched until {}", shown(*until)),
            Self::Deadline(why) => write!(f, "its deadline has passed: {why}"),
        }
    }
}

const SHOWN: usize = 10;
