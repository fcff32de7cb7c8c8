//! What one call of the rotation works with: the secret as it was read, and until when that may be acted on.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::deadline::ActionDeadline;
use super::policy::Policy;
use super::request::StepRequest;
use super::store::{Content, SecretDescription, Store};
use crate::error::Error;
use crate::secret::VersionId;
use crate::util::clock::Clock;

/// What all calls of a rotation share.
#[derive(Clone)]
pub(super) struct Environment {
    pub(super) store: Arc<dyn Store>,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
}

/// One secret during one call: as it was read at the beginning, and until when that may be acted on.
pub struct SecretContext<'a> {
    environment: &'a Environment,
    secret: &'a SecretDescription,
    deadline: ActionDeadline,
}

/// One call of one step: the secret, and the rotation that the step belongs to.
pub struct StepContext<'a> {
    secret: SecretContext<'a>,
    request: &'a StepRequest,
}

impl<'a> SecretContext<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        secret: &'a SecretDescription,
        deadline: ActionDeadline,
    ) -> Self {
        Self {
            environment,
            secret,
            deadline,
        }
    }

    /// Returns the secret as it was at the beginning of the call.
    pub fn secret(&self) -> &SecretDescription {
        self.secret
    }

    /// Returns the rotation's policy.
    pub fn policy(&self) -> &Policy {
        &self.environment.policy
    }

    /// Returns the time, by the rotation's clock.
    pub fn now(&self) -> SystemTime {
        self.environment.clock.now()
    }

    /// Checks that the state which was read may still be acted on. Call it before each write that cannot be undone.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if [`Policy::action_deadline`] has passed.
    pub fn check_deadline(&self) -> Result<(), Error> {
        self.deadline.check()
    }

    /// Returns whether the authority may not know yet what the content holds: it was created just now.
    pub(super) fn is_new(&self, content: &Content) -> bool {
        let created = content.secret().created();
        created.is_some_and(|created| self.now() < created + self.policy().propagation)
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.environment.store
    }
}

impl<'a> StepContext<'a> {
    pub(super) fn new(secret: SecretContext<'a>, request: &'a StepRequest) -> Self {
        Self { secret, request }
    }

    /// Returns the rotation's token: the id of the version that it creates.
    pub fn token(&self) -> &VersionId {
        &self.request.token
    }

    /// Returns the secret as it was at the beginning of the step.
    pub fn secret(&self) -> &SecretDescription {
        self.secret.secret()
    }

    /// Returns the rotation's policy.
    pub fn policy(&self) -> &Policy {
        self.secret.policy()
    }

    /// Returns the time, by the rotation's clock.
    pub fn now(&self) -> SystemTime {
        self.secret.now()
    }

    /// Checks that the state which was read may still be acted on. Call it before each write that cannot be undone.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if [`Policy::action_deadline`] has passed.
    pub fn check_deadline(&self) -> Result<(), Error> {
        self.secret.check_deadline()
    }

    pub(super) fn is_new(&self, content: &Content) -> bool {
        self.secret.is_new(content)
    }

    pub(super) fn request(&self) -> &StepRequest {
        self.request
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.secret.store()
    }

    pub(super) fn secret_context(&self) -> &SecretContext<'a> {
        &self.secret
    }
}

impl fmt::Debug for SecretContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretContext")
            .field("secret", &self.secret.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StepContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepContext")
            .field("secret", &self.secret().name)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
