//! What proves a key before it is used.

use std::future::Future;

use aws_credential_types::Credentials;

use crate::connect::Verdict;

/// Proves a key.
pub trait Check: Send + Sync + 'static {
    /// What the key is worth.
    fn check(&self, credentials: &Credentials) -> impl Future<Output = Verdict> + Send;
}

/// Takes each key as proven.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCheck;

impl Check for NoCheck {
    async fn check(&self, _credentials: &Credentials) -> Verdict {
        Verdict::Good
    }
}
