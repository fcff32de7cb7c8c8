//! How a secret becomes a usable value, and how the value is proven before anyone sees it.
//!
//! A reload goes secret → [`Connect::connect`] → [`Connect::check`] → swap. What fails on the way is not
//! published: the last good value stays.

use std::future::Future;

use crate::error::Error;
use crate::hot::Hold;
use crate::secret::Secret;
use crate::trigger::Looks;

/// Makes a value of a secret, and proves it.
///
/// Closures `Fn(Secret) -> impl Future<Output = Result<V, Error>>` connect without a check of their own:
///
/// ```
/// use credswap::{Error, Secret, connect::Connect};
/// fn connects(_: impl Connect<Value = usize>) {}
/// connects(|secret: Secret| async move { Ok::<_, Error>(secret.expose().len()) });
/// ```
pub trait Connect: Send + Sync + 'static {
    /// What is published.
    type Value: Send + Sync + 'static;

    /// Makes the value. `hold` pins the generation that the value will be: a value that can outlive its lease
    /// (a client whose clones go elsewhere, say) keeps a clone of it inside; all others ignore it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) and the like; never with secret material.
    fn connect(
        &self,
        secret: &Secret,
        hold: &Hold,
    ) -> impl Future<Output = Result<Self::Value, Error>> + Send;

    /// Called once, before the first connect, with the means to ask for a look: for values that notice by themselves
    /// that they are refused. The default does nothing.
    fn attach(&self, looks: &Looks) {
        let _ = looks;
    }

    /// Proves that the value works, before anyone sees it. The default takes it as proven.
    fn check(&self, value: &Self::Value) -> impl Future<Output = Verdict> + Send {
        let _ = value;
        async { Verdict::Good }
    }
}

/// What a check found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It works.
    Good,
    /// The authority does not know it yet, as is usual for some seconds after a rotation. The check is made
    /// again, with backoff, until [`Bounds::propagation`](crate::reload::Bounds::propagation) is over.
    NotYet(Error),
    /// It is wrong: keep the last good one and say so.
    Bad(Error),
    /// It is genuine, but may not do what the check asked.
    /// [`Builder::on_forbidden`](crate::reload::Builder::on_forbidden) decides.
    Forbidden(Error),
    /// The check could not be made (network, throttling): try again.
    Unknown(Error),
}

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
        _hold: &Hold,
    ) -> impl Future<Output = Result<V, Error>> + Send {
        self(secret.clone())
    }
}
