//! Who reports: an instance's name, and which of its lives it is.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};

/// How long a name may be, in bytes.
const LONGEST: usize = 128;

/// Names one instance of a service. Not secret; it is shown to whoever asks who holds a key.
///
/// Give it a name by which a person finds the process (a pod's name, a host and a port), unique among the instances
/// that use the same secret. Two processes that share a name are told apart all the same, by their [`Incarnation`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// An instance of the given name: at most 128 letters, digits and `-` `_` `.` `:` `/` `@`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the name is empty, too long or has other characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self, Error> {
        Self::parse(name.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "an instance id has 1 to 128 letters, digits and - _ . : / @",
            )
        })
    }

    /// A name that no other instance has, by chance: 128 random bits. It is another one after a restart.
    pub fn generate() -> Self {
        Self(format!("{:016x}{:016x}", random(), random()).into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        ((1..=LONGEST).contains(&name.len()) && name.bytes().all(allowed))
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

/// Which life of an instance it is: a new one each time it starts to report.
///
/// Written as the time of the start and a random number, so that texts sort by time where clocks agree. Nothing is
/// decided by that order: an older life may still be running.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation {
    started_ms: u64,
    random: u64,
}

impl Incarnation {
    /// A life that began at `started`. `random` tells lives apart that began in the same millisecond.
    pub fn new(started: SystemTime, random: u64) -> Self {
        let since = started
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            random,
        }
    }

    /// A life that begins now.
    pub(super) fn begin() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "shown to people, and decides nothing"
        )]
        let now = SystemTime::now();
        Self::new(now, random())
    }

    /// Reads what `Display` writes.
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
    fn names_that_could_be_taken_for_something_else_are_refused() {
        for name in ["", "a b", "a|b", "a\nb", "ä", &"x".repeat(129)] {
            let error = InstanceId::new(name).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Config, "{name:?}");
        }
        for name in [
            "uploader-7d9f/eu-west-1a",
            "10.0.0.7:8080",
            &"x".repeat(128),
        ] {
            assert_eq!(InstanceId::new(name).expect("fine").as_str(), name);
        }
    }

    #[test]
    fn generated_names_and_lives_differ() {
        let names: HashSet<_> = (0..1000).map(|_| InstanceId::generate()).collect();
        let lives: HashSet<_> = (0..1000).map(|_| Incarnation::begin()).collect();
        assert_eq!((names.len(), lives.len()), (1000, 1000));
        assert!(
            names
                .iter()
                .all(|name| InstanceId::parse(name.as_str()).is_some())
        );
    }

    #[test]
    fn a_life_is_written_as_it_is_read_and_sorts_by_its_start() {
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
