//! What a rotation of access keys consists of.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_types::SdkConfig;

use super::iam::{Iam, IamClient};
use crate::aws::check::CallerIdentity;
use crate::aws::{Check, Fields};
use crate::connect::Verdict;
use crate::rotation::boxed::BoxFuture;
use crate::rotation::usage::{DynUsageSource, NoUsageReports, UsageSource};

/// The kind of secret that holds the access key of an IAM user; created by
/// [`Rotation::access_keys`](crate::rotation::Rotation::access_keys).
pub struct AccessKeys {
    pub(super) iam: Box<dyn Iam>,
    pub(super) check: Arc<dyn DynCheck>,
    pub(super) usage: Arc<dyn DynUsageSource>,
    pub(super) fields: Fields,
}

impl AccessKeys {
    pub(in crate::rotation) fn new(sdk: &SdkConfig) -> Self {
        Self::with_iam(IamClient::new(sdk), CallerIdentity::new(sdk))
    }

    pub(in crate::rotation) fn with_iam(iam: impl Iam, check: impl Check) -> Self {
        Self {
            iam: Box::new(iam),
            check: Arc::new(check),
            usage: Arc::new(NoUsageReports),
            fields: Fields::default(),
        }
    }

    pub(in crate::rotation) fn set_usage(&mut self, usage: impl UsageSource) {
        self.usage = Arc::new(usage);
    }

    pub(in crate::rotation) fn set_fields(&mut self, fields: Fields) {
        self.fields = fields;
    }

    pub(in crate::rotation) fn set_check(&mut self, check: impl Check) {
        self.check = Arc::new(check);
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys").finish_non_exhaustive()
    }
}

/// [`Check`] with boxed futures.
pub(super) trait DynCheck: Send + Sync {
    fn check<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Verdict>;
}

impl<C: Check> DynCheck for C {
    fn check<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Verdict> {
        Box::pin(Check::check(self, credentials))
    }
}
