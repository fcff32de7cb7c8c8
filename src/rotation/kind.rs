//! What is rotated: a small trait, so that the four steps serve more than access keys.

use std::future::Future;

use super::clock::ActionDeadline;
use super::report::RetireReport;
use super::store::{Content, SecretDescription};
use crate::connect::Verdict;
use crate::error::Error;
use crate::secret::VersionId;

/// A kind of secret: how to make a new one, and how to prove it.
///
/// The machinery calls these in the order of the steps, each as often as Secrets Manager retries, possibly twice at the same
/// time. It sees to it that a version's content never changes once it is stored, and moves the labels.
///
/// A database password, set by `setSecret`:
///
/// ```
/// use credswap::connect::Verdict;
/// use credswap::rotation::{Content, SecretKind, StepContext};
/// use credswap::{Error, ErrorKind};
///
/// struct Passwords(/* a connection to the database */);
///
/// impl Kind for Passwords {
///     async fn create(&self, task: &Task<'_>, current: &Content) -> Result<Content, Error> {
///         let new_password = "…"; // from a random generator
///         Ok(current.renewed(new_password, task.token()))
///     }
///     async fn set(&self, current: &Content, pending: &Content) -> Result<(), Error> {
///         // ALTER USER … with the current password, or find that the pending one is set already
///         Ok(())
///     }
///     async fn test(&self, pending: &Content) -> Verdict {
///         match pending.secret().expose_str() {
///             Ok(_password) => Verdict::Good, // log in with it
///             Err(error) => Verdict::Bad(error),
///         }
///     }
/// }
/// ```
pub trait SecretKind: Send + Sync + 'static {
    /// Makes the new content. What is made for it elsewhere must bear a crash right after: it is called again, and knows
    /// nothing of the first call.
    ///
    /// # Errors
    /// The step fails; Secrets Manager retries the rotation.
    fn create(
        &self,
        task: &StepContext<'_>,
        current: &Content,
    ) -> impl Future<Output = Result<Content, Error>> + Send;

    /// Takes back what [`SecretKind::create`] made. Called only if it was not stored and never can be.
    ///
    /// # Errors
    /// Logged: what is left is for the next rotation to find.
    fn discard(
        &self,
        task: &StepContext<'_>,
        made: &Content,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (task, made);
        async { Ok(()) }
    }

    /// RefreshRequester at what is stored as pending before it is used: was it really rotated?
    ///
    /// # Errors
    /// The step fails.
    fn examine(&self, current: &Content, pending: &Content) -> Result<(), Error> {
        let _ = (current, pending);
        Ok(())
    }

    /// Makes the service accept the pending secret, or finds that it does.
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

    /// Proves the secret. It is asked again, with backoff, while the verdict is [`Verdict::NotYet`], or
    /// [`Verdict::Unknown`] with a retryable error.
    fn test(&self, pending: &Content) -> impl Future<Output = Verdict> + Send;

    /// Takes the next action towards the end of the credentials that are neither current nor pending.
    ///
    /// # Errors
    /// If the state cannot be read, or an action fails. It is called again by the schedule.
    fn retire(
        &self,
        view: &SecretDescription,
    ) -> impl Future<Output = Result<RetireReport, Error>> + Send {
        let _ = view;
        async { Ok(RetireReport::default()) }
    }
}

/// The rotation that a step is of.
pub struct StepContext<'a> {
    pub(super) token: &'a VersionId,
    pub(super) view: &'a SecretDescription,
    pub(super) lap: &'a ActionDeadline,
}

impl StepContext<'_> {
    /// The rotation's token: the id of the version that it makes.
    pub fn token(&self) -> &VersionId {
        self.token
    }

    /// The secret, as it was at the beginning of the step.
    pub fn view(&self) -> &SecretDescription {
        self.view
    }

    /// Whether what was seen may still be acted on. Ask before each write that cannot be taken back.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if [`Policy::lap`](super::Policy::lap) has passed.
    pub fn in_time(&self) -> Result<(), Error> {
        self.lap.check()
    }
}
