//! No usage reports.

use super::source::{Usage, UsageSource, UsageState};
use crate::error::Error;
use crate::rotation::store::SecretDescription;
use crate::secret::VersionId;

/// No consumer reports. The default.
///
/// A key is then never deleted, only deactivated when [`Policy::deadline`](crate::rotation::Policy::deadline) has passed, so
/// that there is room for one rotation; unless [`Policy::assume_released`](crate::rotation::Policy::assume_released) is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoUsageReports;

impl UsageSource for NoUsageReports {
    async fn usage_of(&self, _: &SecretDescription, _: &VersionId) -> Result<Usage, Error> {
        Ok(Usage::new(UsageState::Unknown))
    }
}
