//! Who reports: the name of an instance, and which start of it.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};

/// The longest name, in bytes.
const MAX_LENGTH: usize = 128;

/// Names one instance of a service. Not secret: it is shown to whoever asks who uses a key.
///
/// Choose a name by which a person finds the process (a pod's name, a host and a port), unique among the instances that
/// use the same secret. Two processes that share a name are still distinguished, by their [`Incarnation`].
///
/// ```
/// # fn main() -> Result<(), credswap::Error> {
/// use credswap::fleet::InstanceId;
/// let instance = InstanceId::new("uploader-7d9f8c6b5-x2x4z")?;
/// assert_eq!(instance.as_str(), "uploader-7d9f8c6b5-x2x4z");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// Creates the name of an instance from at most 128 letters, digits and `-` `_` `.` `:` `/` `@`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the name is empty, too long or has other characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self, Error> {
        Self::parse(name.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "the instance's name is not valid: use 1 to 128 letters, digits and - _ . : / @",
            )
        })
    }

    /// Generates a name of 128 random bits. It differs after a restart.
    pub fn generate() -> Self {
        Self(format!("{:016x}{:016x}", random(), random()).into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        ((1..=MAX_LENGTH).contains(&name.len()) && name.bytes().all(allowed))
            .then(|| Self(Arc::from(name)))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one start of an instance: each time it starts to report, it is a new incarnation.
///
/// It is written as the time of the start and a random number, so that texts sort by time where clocks agree. Nothing
/// depends on that order: an older incarnation may still be running.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation {
    started_ms: u64,
    random: u64,
}

impl Incarnation {
    /// Creates the incarnation that started at `started`. `random` distinguishes those of the same millisecond.
    pub fn new(started: SystemTime, random: u64) -> Self {
        let since = started
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            random,
        }
    }

    /// Creates an incarnation that starts now.
    #[cfg(feature = "refresh")]
    pub(crate) fn start() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "shown to people; nothing depends on it"
        )]
        let now = SystemTime::now();
        Self::new(now, random())
    }

    /// Parses what `Display` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (started, random) = text.split_once('-')?;
        let hex = |text: &str| {
            (text.len() == 16
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
        };
        Some(Self {
            started_ms: hex(started)?,
            random: hex(random)?,
        })
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.started_ms, self.random)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The standard library's hash keys come from the system's random numbers, and differ from map to map.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::time::Duration;

    #[test]
    fn names_with_other_characters_are_errors() {
        for name in ["", "a b", "a|b", "a\nb", "ä", &"x".repeat(129)] {
            let error = InstanceId::new(name).expect_err("not a name");
            assert_eq!(error.kind(), ErrorKind::Config, "{name:?}");
        }
        for name in [
            "uploader-7d9f/eu-west-1a",
            "10.0.0.7:8080",
            &"x".repeat(128),
        ] {
            assert_eq!(InstanceId::new(name).expect("a name").as_str(), name);
        }
    }

    #[test]
    fn generated_names_and_incarnations_differ() {
        let names: HashSet<_> = (0..1000).map(|_| InstanceId::generate()).collect();
        let incarnations: HashSet<_> = (0..1000).map(|_| Incarnation::start()).collect();
        assert_eq!((names.len(), incarnations.len()), (1000, 1000));
        assert!(
            names
                .iter()
                .all(|name| InstanceId::parse(name.as_str()).is_some())
        );
    }

    #[test]
    fn an_incarnation_is_parsed_as_written_and_sorts_by_start() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let first = Incarnation::new(at(1_708_905_600_123), u64::MAX);
        let second = Incarnation::new(at(1_708_905_600_124), 0);
        assert_eq!(Incarnation::parse(&first.to_string()), Some(first));
        assert!(first < second && first.to_string() < second.to_string());
        for text in ["", "-", "1-2", "+00000000000000f-0000000000000000", "x"] {
            assert_eq!(Incarnation::parse(text), None, "{text}");
        }
    }
}
