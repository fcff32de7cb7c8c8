//! Checks: what proves an access key before any request is signed with it.
//!
//! | check | asks | feature |
//! |---|---|---|
#![cfg_attr(
    feature = "sts",
    doc = "| [`CallerIdentity`] | STS: whose key is this? Needs no permission | `sts` |"
)]
#![cfg_attr(
    feature = "s3",
    doc = "| [`HeadBucket`] | S3: may this key access the bucket? Needs `s3:ListBucket` | `s3` |"
)]
//! | a closure | anything | `aws` |
//! | [`NoCheck`] | nothing | `aws` |

use std::future::Future;

use aws_credential_types::Credentials;

use crate::connect::Verdict;

#[cfg(feature = "sts")]
mod caller_identity;
#[cfg(feature = "s3")]
mod head_bucket;
#[cfg(any(feature = "sts", feature = "s3"))]
pub(super) mod verdict;

#[cfg(feature = "sts")]
pub use caller_identity::CallerIdentity;
#[cfg(feature = "s3")]
pub use head_bucket::HeadBucket;

/// Proves an access key.
///
/// Closures `Fn(Credentials) -> impl Future<Output = Verdict>` are checks:
///
/// ```
/// use aws_credential_types::Credentials;
/// use credswap::{aws::Check, connect::Verdict};
/// fn takes_a_check(_: impl Check) {}
/// takes_a_check(|key: Credentials| async move {
///     // call something with it, then:
///     Verdict::Good
/// });
/// ```
pub trait Check: Send + Sync + 'static {
    /// Returns whether these credentials work.
    ///
    /// The refresh loop limits each call (`refresh::Timeouts::check`), and repeats it with backoff while the verdict is
    /// [`Verdict::NotYet`].
    fn check(&self, credentials: &Credentials) -> impl Future<Output = Verdict> + Send;
}

impl<F, Fut> Check for F
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send,
{
    fn check(&self, credentials: &Credentials) -> impl Future<Output = Verdict> + Send {
        self(credentials.clone())
    }
}

/// Accepts every key without a call.
///
/// A key that is wrong, or that AWS does not know yet, is then noticed by the first request that is signed with it.
///
/// ```
/// use credswap::aws::{Check, check::NoCheck};
/// fn takes_a_check(_: impl Check) {}
/// takes_a_check(NoCheck);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCheck;

impl Check for NoCheck {
    async fn check(&self, _: &Credentials) -> Verdict {
        Verdict::Good
    }
}
