//! A kind of secret: how to create a new one, and how to prove it.

use std::future::Future;

use super::boxed::BoxFuture;
use super::context::{SecretContext, StepContext};
use super::policy::Policy;
use super::report::RetireReport;
use super::store::Content;
use crate::connect::Verdict;
use crate::error::Error;

/// A kind of secret: how to create a new one, and how to prove it.
///
/// The rotation calls these functions in the order of the steps, each as often as Secrets Manager retries, possibly twice
/// at the same time. It ensures that the content of a version never changes once it is stored, and moves the labels.
///
/// A database password that `setSecret` sets:
///
/// ```
/// use credswap::Error;
/// use credswap::connect::Verdict;
/// use credswap::rotation::{Content, Rotation, SecretKind, StepContext};
///
/// struct DatabasePassword(/* a connection to the database */);
///
/// impl SecretKind for DatabasePassword {
///     async fn create(&self, context: &StepContext<'_>, current: &Content) -> Result<Content, Error> {
///         let new_password = "…"; // from a random generator
///         Ok(current.renewed(new_password, context.token()))
///     }
///     async fn set(&self, current: &Content, pending: &Content) -> Result<(), Error> {
///         // log in with the current password, or find that the pending one is set already; then ALTER USER …
///         Ok(())
///     }
///     async fn test(&self, pending: &Content) -> Verdict {
///         match pending.secret().expose_str() {
///             Ok(_password) => Verdict::Good, // log in with it
///             Err(error) => Verdict::Bad(error),
///         }
///     }
/// }
///
/// # fn example(sdk: &aws_types::SdkConfig) {
/// let rotation = Rotation::builder(sdk, DatabasePassword()).build();
/// # }
/// ```
pub trait SecretKind: Send + Sync + 'static {
    /// Receives the rotation's policy, once, before the first step: for kinds that make calls of their own. The default
    /// does nothing.
    fn attach(&mut self, policy: &Policy) {
        let _ = policy;
    }

    /// Creates the new content. Must tolerate a crash right after it created something elsewhere: it is called again, and
    /// knows nothing of the first call.
    ///
    /// # Errors
    /// The step fails; Secrets Manager retries the rotation.
    fn create(
        &self,
        context: &StepContext<'_>,
        current: &Content,
    ) -> impl Future<Output = Result<Content, Error>> + Send;

    /// Removes what [`create`](SecretKind::create) created. Called only if it was not stored and never can be. The default
    /// does nothing.
    ///
    /// # Errors
    /// Logged; the next rotation has to find what is left.
    fn undo_create(
        &self,
        context: &StepContext<'_>,
        created: &Content,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (context, created);
        async { Ok(()) }
    }

    /// Checks the stored pending content before it is used: does it really replace the current one? The default accepts
    /// it.
    ///
    /// # Errors
    /// The step fails.
    fn validate(&self, current: &Content, pending: &Content) -> Result<(), Error> {
        let _ = (current, pending);
        Ok(())
    }

    /// Makes the service accept the pending content, unless it does already. The default does nothing.
    ///
    /// # Errors
    /// The step fails.
    fn set(
        &self,
        current: &Content,
        pending: &Content,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (current, pending);
        async { Ok(()) }
    }

    /// Proves the content. Called again, with backoff, while the verdict is [`Verdict::NotYet`], or [`Verdict::Unknown`]
    /// with a retryable error.
    fn test(&self, pending: &Content) -> impl Future<Output = Verdict> + Send;

    /// Finds out why the first test of `tested` did not succeed yet, and whether one ever can: what it holds may have been
    /// removed at the authority. Called at most once in a step. The default does nothing.
    ///
    /// # Errors
    /// The step fails with it, without another test.
    fn diagnose(
        &self,
        context: &StepContext<'_>,
        tested: &Content,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (context, tested);
        async { Ok(()) }
    }

    /// Is called when the new version is current and announced; by a retry of the last step, again. The default does
    /// nothing.
    ///
    /// # Errors
    /// Logged; the rotation is finished all the same.
    fn finished(
        &self,
        context: &StepContext<'_>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = context;
        async { Ok(()) }
    }

    /// Takes the next action to retire credentials that are neither current nor pending. The default does nothing.
    ///
    /// # Errors
    /// If the state cannot be read, or an action fails. The schedule calls it again.
    fn retire(
        &self,
        context: &SecretContext<'_>,
    ) -> impl Future<Output = Result<RetireReport, Error>> + Send {
        let _ = context;
        async { Ok(RetireReport::default()) }
    }
}

/// [`SecretKind`] with boxed futures.
pub(super) trait DynKind: Send + Sync {
    fn create<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        current: &'a Content,
    ) -> BoxFuture<'a, Result<Content, Error>>;
    fn undo_create<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        created: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>>;
    fn validate(&self, current: &Content, pending: &Content) -> Result<(), Error>;
    fn set<'a>(
        &'a self,
        current: &'a Content,
        pending: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>>;
    fn test<'a>(&'a self, pending: &'a Content) -> BoxFuture<'a, Verdict>;
    fn diagnose<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        tested: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>>;
    fn finished<'a>(&'a self, context: &'a StepContext<'_>) -> BoxFuture<'a, Result<(), Error>>;
    fn retire<'a>(
        &'a self,
        context: &'a SecretContext<'_>,
    ) -> BoxFuture<'a, Result<RetireReport, Error>>;
}

impl<K: SecretKind> DynKind for K {
    fn create<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        current: &'a Content,
    ) -> BoxFuture<'a, Result<Content, Error>> {
        Box::pin(SecretKind::create(self, context, current))
    }

    fn undo_create<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        created: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(SecretKind::undo_create(self, context, created))
    }

    fn validate(&self, current: &Content, pending: &Content) -> Result<(), Error> {
        SecretKind::validate(self, current, pending)
    }

    fn set<'a>(
        &'a self,
        current: &'a Content,
        pending: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(SecretKind::set(self, current, pending))
    }

    fn test<'a>(&'a self, pending: &'a Content) -> BoxFuture<'a, Verdict> {
        Box::pin(SecretKind::test(self, pending))
    }

    fn diagnose<'a>(
        &'a self,
        context: &'a StepContext<'_>,
        tested: &'a Content,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(SecretKind::diagnose(self, context, tested))
    }

    fn finished<'a>(&'a self, context: &'a StepContext<'_>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(SecretKind::finished(self, context))
    }

    fn retire<'a>(
        &'a self,
        context: &'a SecretContext<'_>,
    ) -> BoxFuture<'a, Result<RetireReport, Error>> {
        Box::pin(SecretKind::retire(self, context))
    }
}
