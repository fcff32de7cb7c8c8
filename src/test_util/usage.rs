//! A usage source whose answers the test sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::rotation::{Consumer, Rejection, SecretDescription, Usage, UsageSource, UsageState};
use crate::secret::VersionId;
use crate::util::lock::lock;

/// A usage source whose answers the test sets. Clones are handles to the same one; a version that was not set is
/// [`UsageState::Unknown`].
///
/// ```
/// use std::time::SystemTime;
/// use credswap::test_util::TestUsage;
/// let usage = TestUsage::new();
/// usage.in_use("v1", ["uploader-1"]);
/// // a retirement now keeps the key of v1 …
/// usage.released("v1", SystemTime::UNIX_EPOCH);
/// // … and now retires it
/// ```
#[derive(Debug, Clone, Default)]
pub struct TestUsage(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    versions: HashMap<VersionId, Usage>,
    is_down: bool,
}

impl TestUsage {
    /// Creates a usage source that knows no version.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets these consumers use `version`.
    pub fn in_use(
        &self,
        version: impl Into<VersionId>,
        by: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let by = by.into_iter().map(Consumer::new).collect();
        self.set(version, Usage::new(UsageState::InUse { by }));
    }

    /// Lets all consumers have released `version`, the last one at `since`.
    pub fn released(&self, version: impl Into<VersionId>, since: SystemTime) {
        let presumed_gone = Vec::new();
        self.set(
            version,
            Usage::new(UsageState::Released {
                since,
                presumed_gone,
            }),
        );
    }

    /// Lets AWS have rejected the key of `version` for a consumer at `at`.
    pub fn rejected(
        &self,
        version: impl Into<VersionId>,
        instance: impl Into<String>,
        at: SystemTime,
    ) {
        let mut state = lock(&self.0);
        let usage = state.versions.entry(version.into());
        let usage = usage.or_insert_with(|| Usage::new(UsageState::Unknown));
        usage.rejections.push(Rejection::new(instance, at));
    }

    /// Sets anything else that is known about `version`.
    pub fn set(&self, version: impl Into<VersionId>, usage: Usage) {
        lock(&self.0).versions.insert(version.into(), usage);
    }

    /// Lets every question fail.
    pub fn fail(&self) {
        lock(&self.0).is_down = true;
    }

    /// Lets questions be answered again.
    pub fn recover(&self) {
        lock(&self.0).is_down = false;
    }
}

impl UsageSource for TestUsage {
    async fn usage_of(&self, _: &SecretDescription, version: &VersionId) -> Result<Usage, Error> {
        let state = lock(&self.0);
        if state.is_down {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the test usage source fails, as the test asked",
            ));
        }
        let known = state.versions.get(version).cloned();
        Ok(known.unwrap_or_else(|| Usage::new(UsageState::Unknown)))
    }
}
