//! What a call of retire did with each key, and why.

use std::fmt;
use std::time::SystemTime;

use super::timestamp::format_time;
use super::usage::Consumer;
use crate::aws::id_suffix;

/// How many consumers a message names.
const NAMED: usize = 10;

/// What one call of retire did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetireReport {
    /// Each of the user's keys, including those that were left alone.
    pub keys: Vec<KeyReport>,
}

/// What was done with one key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyReport {
    /// The access key id.
    pub id: String,
    /// What this call did.
    pub action: KeyAction,
    /// Why that, and no more.
    pub reason: KeyActionReason,
}

/// What was done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAction {
    /// Nothing.
    Kept,
    /// AWS rejects it from now on; it can be activated again.
    Deactivated,
    /// AWS accepts it again.
    Reactivated,
    /// It no longer exists.
    Deleted,
}

/// Why a key is kept or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyActionReason {
    /// It is in a version with this label.
    Labelled(String),
    /// It is in no version of the secret, and nothing proves that a rotation created it: it is never touched.
    Foreign,
    /// A `createSecret` that crashed created it and did not store it: nobody knows its secret part.
    Leftover {
        /// Until when it is kept, in case its creator is still running.
        until: SystemTime,
    },
    /// Its version was pending and never became current.
    Abandoned,
    /// Consumers use it.
    InUse {
        /// These.
        by: Vec<Consumer>,
    },
    /// No consumer has ever reported on its version.
    Unknown,
    /// Consumers that do not report may use it.
    Overlap {
        /// Until when.
        until: SystemTime,
    },
    /// Expected consumers have not reported the new version.
    Awaited {
        /// How many have.
        reported: usize,
        /// How many are expected to.
        expected: usize,
        /// Those that have not, if the policy names them.
        missing: Vec<String>,
    },
    /// It was used after all consumers that report had released it, or after it was deactivated, or just before it counts as
    /// released without reports.
    UsedSince {
        /// When.
        at: SystemTime,
        /// At which service.
        service: String,
    },
    /// AWS rejects it for consumers that need it.
    Rejected {
        /// Their names.
        by: Vec<String>,
    },
    /// All consumers have released it.
    Released {
        /// When the last one did.
        since: SystemTime,
        /// Those that did not report so, but are presumed gone.
        presumed_gone: Vec<String>,
    },
    /// No consumer has ever reported on its version, and by policy it counts as released.
    Assumed {
        /// From when on.
        since: SystemTime,
    },
    /// It was activated again, by retire or by somebody else: it is left alone for a while.
    RecentlyActivated {
        /// Until when.
        until: SystemTime,
    },
    /// It is deactivated and watched.
    Watched {
        /// Until when.
        until: SystemTime,
    },
    /// The deadline has passed, although this reason to keep it remains.
    Deadline(Box<KeyActionReason>),
}

impl KeyReport {
    pub(super) fn new(id: &str, action: KeyAction, reason: KeyActionReason) -> Self {
        Self {
            id: id.to_owned(),
            action,
            reason,
        }
    }

    /// Returns the last four characters of the access key id, for logs.
    pub fn id_suffix(&self) -> &str {
        id_suffix(&self.id)
    }
}

impl KeyAction {
    /// Returns the action in one word: `kept`, `deactivated`, `reactivated` or `deleted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Deactivated => "deactivated",
            Self::Reactivated => "reactivated",
            Self::Deleted => "deleted",
        }
    }
}

impl KeyActionReason {
    /// Returns whether no new key may be created before this one is dealt with, even if IAM has room for it: the tag of the
    /// new one would replace the tag that identifies it.
    pub(super) fn blocks_new_keys(&self) -> bool {
        matches!(self, Self::Leftover { .. })
    }

    /// Returns whether it may cease without anybody doing anything.
    pub(super) fn is_temporary(&self) -> bool {
        !matches!(self, Self::Foreign)
    }
}

impl fmt::Debug for KeyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suffix, action, reason) = (self.id_suffix(), self.action, &self.reason);
        write!(f, "key …{suffix}: {action}, {reason}")
    }
}

impl fmt::Display for KeyAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for KeyActionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labelled(label) => write!(f, "it is in the version labelled {label}"),
            Self::Foreign => f.write_str(
                "no version of the secret has it, so it may belong to somebody else: delete it by hand, or give the secret \
                 an IAM user of its own",
            ),
            Self::Leftover { until } => write!(
                f,
                "left by a createSecret that did not finish; it is removed after {}",
                format_time(*until)
            ),
            Self::Abandoned => f.write_str("its version was pending and never became current"),
            Self::InUse { by } => {
                f.write_str("in use by ")?;
                for (n, consumer) in by.iter().take(NAMED).enumerate() {
                    write!(f, "{}{consumer}", if n > 0 { ", " } else { "" })?;
                }
                match by.len().saturating_sub(NAMED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Unknown => f.write_str(
                "no consumer has reported on its version: enable usage reports, or set after how long it counts as released \
                 without (policy `assume_released`)",
            ),
            Self::Overlap { until } => write!(
                f,
                "consumers that do not report may use it until {} (policies `min_overlap` and `assume_released`)",
                format_time(*until)
            ),
            Self::Awaited {
                reported,
                expected,
                missing,
            } => {
                write!(
                    f,
                    "{reported} of {expected} expected consumers have reported the new version"
                )?;
                match &missing[..] {
                    [] => Ok(()),
                    missing => write!(f, ", {} not", missing.join(", ")),
                }
            }
            Self::UsedSince { at, service } => write!(
                f,
                "used at {service} at {} by a consumer that does not report",
                format_time(*at)
            ),
            Self::Rejected { by } => write!(f, "AWS rejects it for {}", by.join(", ")),
            Self::Released {
                since,
                presumed_gone,
            } => {
                write!(f, "released by all consumers since {}", format_time(*since))?;
                match &presumed_gone[..] {
                    [] => Ok(()),
                    gone => write!(f, ", presuming {} gone", gone.join(", ")),
                }
            }
            Self::Assumed { since } => write!(
                f,
                "no consumer has reported on its version, so it counts as released since {} (policy `assume_released`)",
                format_time(*since)
            ),
            Self::RecentlyActivated { until } => write!(
                f,
                "activated again, and left alone until {}",
                format_time(*until)
            ),
            Self::Watched { until } => {
                write!(f, "deactivated, and watched until {}", format_time(*until))
            }
            Self::Deadline(reason) => write!(f, "its deadline has passed: {reason}"),
        }
    }
}
