//! What the rotation function publishes, and what a message means to this trigger.
//!
//! Pure: bytes in, a classification out. Everything in a message is untrusted.

use super::json::Json;
use crate::secret::{SecretId, VersionId};

/// The longest message that is parsed. The event has about 60 bytes; there is room for a rotation function that adds fields
/// of its own, and for an envelope.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The longest version that is passed on. Secrets Manager allows 32 to 64 characters.
const MAX_VERSION: usize = 64;

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A rotation has finished: refresh.
    Accepted {
        /// The version that is current, if the event names one.
        version: Option<VersionId>,
    },
    /// An earlier step, or another secret.
    Ignored,
    /// It cannot be read, or not as a rotation event: it may have been one all the same.
    Unrecognized,
}

impl Event {
    /// Classifies one message. Events that name another secret than `secret_id` are ignored.
    ///
    /// A message may have several steps, as a batch or an envelope with an old and a new state: one that is finished decides.
    pub(super) fn classify(payload: Option<&[u8]>, secret_id: Option<&SecretId>) -> Self {
        let document = payload
            .filter(|payload| payload.len() <= MAX_BYTES)
            .and_then(Json::parse);
        let mut steps = Vec::new();
        if let Some(document) = &document {
            document.for_each_object(&mut |fields| {
                let step = Step::read(fields);
                let found = step.is_some();
                steps.extend(step);
                !found
            });
        }
        if steps.is_empty() {
            return Self::Unrecognized;
        }
        if let Some(ours) = secret_id {
            steps.retain(|step| step.concerns(ours));
        }
        let has = |name| steps.iter().any(|step| step.name == name);
        if has(StepName::Finish) {
            let mut versions = steps
                .iter()
                .filter(|step| step.name == StepName::Finish)
                .filter_map(|step| step.version.clone());
            let version = versions
                .next()
                .filter(|first| versions.all(|v| v == *first));
            Self::Accepted { version }
        } else if has(StepName::Unknown) {
            Self::Unrecognized
        } else {
            Self::Ignored
        }
    }

    /// Returns the classification as a metric label.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Ignored => "ignored",
            Self::Unrecognized => "unrecognized",
        }
    }
}

/// A step of a rotation, as one object of a message tells it.
struct Step {
    name: StepName,
    /// The secrets that it names.
    secrets: Vec<String>,
    version: Option<VersionId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StepName {
    Finish,
    Earlier,
    Unknown,
}

impl Step {
    /// Reads an object that has a `step`, or the `labelUpdated` of Secrets Manager's own event "Secret Label Updated".
    fn read(fields: &[(String, Json)]) -> Option<Self> {
        let texts = |name: &'static str| {
            fields.iter().filter_map(move |(field, value)| match value {
                Json::Text(text) if plain(field) == name => Some(text.as_str()),
                _ => None,
            })
        };
        let own = texts("step").map(StepName::of).reduce(StepName::or);
        let native = texts("labelupdated")
            .map(StepName::of_label)
            .reduce(StepName::or);
        let secret = if own.is_some() { "secretid" } else { "name" };
        Some(Self {
            name: own.or(native)?,
            secrets: texts(secret).map(str::to_owned).collect(),
            version: texts("versionid").find_map(version),
        })
    }

    fn concerns(&self, ours: &SecretId) -> bool {
        self.secrets.is_empty() || self.secrets.iter().any(|named| ours.matches(named))
    }
}

impl StepName {
    fn of(step: &str) -> Self {
        match plain(step).as_str() {
            "finishsecret" => Self::Finish,
            "createsecret" | "setsecret" | "testsecret" => Self::Earlier,
            _ => Self::Unknown,
        }
    }

    fn of_label(label: &str) -> Self {
        if label == "AWSCURRENT" {
            Self::Finish
        } else {
            Self::Earlier
        }
    }

    /// One field twice, with values that differ: the later step counts.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Finish, _) | (_, Self::Finish) => Self::Finish,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Earlier, Self::Earlier) => Self::Earlier,
        }
    }
}

/// Returns a name without what differs between conventions: `finishSecret`, `FINISH_SECRET` and `finish-secret` are one.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.') && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Returns the version, if it can be one: it is a hint, and goes to the source and into logs.
fn version(name: &str) -> Option<VersionId> {
    let is_version =
        (1..=MAX_VERSION).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_version.then(|| name.into())
}

#[cfg(test)]
mod tests;
