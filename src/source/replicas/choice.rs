//! Which answer counts, when several copies of a secret may differ. Pure.

use std::collections::VecDeque;
use std::time::SystemTime;

use crate::secret::{Secret, VersionId};

/// How many versions are remembered.
const REMEMBERED: usize = 64;

/// The versions that were live in this process.
#[derive(Debug, Default)]
pub(super) struct History {
    live: Option<Version>,
    /// Those before it, oldest first.
    left: VecDeque<VersionId>,
    /// What was answered since, and may go live.
    answered: Option<Version>,
}

#[derive(Debug, Clone)]
struct Version {
    id: VersionId,
    created: Option<SystemTime>,
}

impl Version {
    fn of(secret: &Secret) -> Self {
        Self {
            id: secret.version().clone(),
            created: secret.created(),
        }
    }
}

impl History {
    /// Notes which version is live by now.
    pub(super) fn is_live(&mut self, id: Option<&VersionId>) {
        let Some(id) = id.filter(|id| self.live.as_ref().is_none_or(|live| live.id != **id)) else {
            return;
        };
        self.left.retain(|left| left != id);
        let answered = self.answered.take().filter(|answered| answered.id == *id);
        let now = answered.unwrap_or_else(|| Version {
            id: id.clone(),
            created: None,
        });
        if let Some(before) = self.live.replace(now) {
            self.left.push_back(before.id);
            if self.left.len() > REMEMBERED {
                self.left.pop_front();
            }
        }
    }

    /// Notes what is returned.
    pub(super) fn answers(&mut self, secret: &Secret) {
        match &mut self.live {
            Some(live) if live.id == *secret.version() => live.created = secret.created(),
            _ => self.answered = Some(Version::of(secret)),
        }
    }

    /// Returns whether a copy that answers with `secret` has not received the live version yet.
    pub(super) fn is_behind(&self, secret: &Secret) -> bool {
        let Some(live) = &self.live else {
            return false;
        };
        if live.id == *secret.version() {
            return false;
        }
        let is_older = live
            .created
            .zip(secret.created())
            .is_some_and(|(live, theirs)| theirs < live);
        is_older || self.left.contains(secret.version())
    }

    /// Chooses from what all copies answered after the live version was rejected; the first is the primary. Another version
    /// comes before the live one, then the newest, then the order.
    pub(super) fn newest(&self, answers: Vec<(usize, Secret)>) -> Option<(usize, Secret)> {
        answers
            .into_iter()
            .filter(|(copy, secret)| *copy == 0 || !self.is_behind(secret))
            .min_by_key(|(copy, secret)| {
                let is_live = self
                    .live
                    .as_ref()
                    .is_some_and(|live| live.id == *secret.version());
                (is_live, std::cmp::Reverse(secret.created()), *copy)
            })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn secret(version: &str, created: Option<u64>) -> Secret {
        let secret = Secret::new("material", version);
        match created {
            Some(seconds) => {
                secret.with_created(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            }
            None => secret,
        }
    }

    /// `v1`, then `v2`, is live.
    fn at_v2(created: bool) -> History {
        let mut history = History::default();
        for (version, at) in [("v1", 1), ("v2", 2)] {
            history.answers(&secret(version, created.then_some(at)));
            history.is_live(Some(&version.into()));
        }
        history
    }

    #[test]
    fn a_copy_is_behind_with_a_version_that_was_left_or_is_older() {
        for (created, answer, expected) in [
            (true, secret("v2", Some(2)), false),
            (true, secret("v1", Some(1)), true),
            (true, secret("v1", None), true),
            (true, secret("v0", Some(0)), true), // before this process began
            (true, secret("v3", Some(3)), false),
            (true, secret("v3", None), false),
            (false, secret("v1", None), true),
            (false, secret("v0", Some(0)), false), // nothing is known of it
            (false, secret("v3", Some(3)), false),
        ] {
            let history = at_v2(created);
            assert_eq!(history.is_behind(&answer), expected, "{answer:?}");
        }
        assert!(!History::default().is_behind(&secret("v0", Some(0))));
    }

    #[test]
    fn a_version_that_is_live_again_was_not_left() {
        let mut history = at_v2(true);
        history.answers(&secret("v1", Some(1)));
        history.is_live(Some(&"v1".into()));
        assert!(!history.is_behind(&secret("v1", Some(1))));
        assert!(
            history.is_behind(&secret("v2", Some(2))),
            "the primary was rolled back"
        );
    }

    #[test]
    fn after_a_rejection_the_newest_other_version_is_chosen() {
        for (answers, expected) in [
            (vec![(0, secret("v2", Some(2)))], Some((0, "v2"))),
            (
                vec![(0, secret("v2", Some(2))), (1, secret("v3", Some(3)))],
                Some((1, "v3")),
            ),
            (
                vec![(0, secret("v3", Some(3))), (1, secret("v4", Some(4)))],
                Some((1, "v4")),
            ),
            (
                vec![(0, secret("v3", Some(3))), (1, secret("v3", Some(3)))],
                Some((0, "v3")),
            ),
            // Behind.
            (vec![(1, secret("v1", Some(1)))], None),
            (
                vec![(0, secret("v2", Some(2))), (1, secret("v1", Some(1)))],
                Some((0, "v2")),
            ),
            // The primary decides: a rollback.
            (
                vec![(0, secret("v1", Some(1))), (1, secret("v2", Some(2)))],
                Some((0, "v1")),
            ),
            (vec![], None),
        ] {
            let described = format!("{answers:?}");
            let chosen = at_v2(true).newest(answers);
            let chosen = chosen
                .as_ref()
                .map(|(copy, secret)| (*copy, secret.version().as_str()));
            assert_eq!(chosen, expected, "{described}");
        }
    }
}
