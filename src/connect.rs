//! How a secret becomes a usable value, and how the value is proven before anyone sees it.
//!
//! A refresh goes secret → [`Connect::connect`] → [`Connect::check`] → swap. What fails on the way is not
//! published: the last good value stays.

#[cfg(feature = "refresh")]
use std::future::Future;
#[cfg(feature = "refresh")]
use std::time::SystemTime;

use crate::error::Error;
#[cfg(feature = "refresh")]
use crate::{hot::DrainToken, secret::Secret, trigger::RefreshRequester};

/// Turns a secret into a value, and proves it.
///
/// Closures `Fn(Secret) -> impl Future<Output = Result<V, Error>>` connect without a check of their own:
///
/// ```
/// use credswap::{Error, Secret, connect::Connect};
/// fn connects(_: impl Connect<Value = usize>) {}
/// connects(|secret: Secret| async move { Ok::<_, Error>(secret.expose().len()) });
/// ```
#[cfg(feature = "refresh")]
pub trait Connect: Send + Sync + 'static {
    /// What is published.
    type Value: Send + Sync + 'static;

    /// Creates the value. `token` keeps the value's generation in use: a value that can outlive its lease
    /// (a client whose clones go elsewhere, say) keeps a clone of it inside; all others ignore it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and the like; never with secret material.
    fn connect(
        &self,
        secret: &Secret,
        token: &DrainToken,
    ) -> impl Future<Output = Result<Self::Value, Error>> + Send;

    /// Receives the means to report rejections and to request a refresh, once, before the first connect: for values that
    /// find out by themselves that an authority rejects them. The default does nothing.
    fn attach(&self, requester: &RefreshRequester) {
        let _ = requester;
    }

    /// Proves that the value works, before anyone sees it. The default takes it as proven.
    fn check(&self, value: &Self::Value) -> impl Future<Output = Verdict> + Send {
        let _ = value;
        async { Verdict::Good }
    }

    /// Returns when the value stops being valid, if its material says so. It is refreshed before that, or before the source's own
    /// expiry ([`Secret::expires`]), whichever is sooner. The default knows of no expiry.
    fn expires(&self, value: &Self::Value) -> Option<SystemTime> {
        let _ = value;
        None
    }
}

/// What a check found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It works.
    Good,
    /// The authority does not know it yet, as is usual for some seconds after a rotation. The check is repeated,
    /// with backoff, until the propagation timeout.
    NotYet(Error),
    /// It is wrong: keep the last good one and report the error.
    Bad(Error),
    /// It is genuine, but not permitted to do what the check asked.
    /// [`OnForbidden`](crate::refresh::OnForbidden) decides.
    #[cfg_attr(not(feature = "refresh"), allow(rustdoc::broken_intra_doc_links))]
    Forbidden(Error),
    /// The check could not be made (network, throttling): try again.
    Unknown(Error),
}

#[cfg(feature = "refresh")]
impl<F, Fut, V> Connect for F
where
    F: Fn(Secret) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<V, Error>> + Send,
    V: Send + Sync + 'static,
{
    type Value = V;

    fn connect(
        &self,
        secret: &Secret,
        _token: &DrainToken,
    ) -> impl Future<Output = Result<V, Error>> + Send {
        self(secret.clone())
    }
}
