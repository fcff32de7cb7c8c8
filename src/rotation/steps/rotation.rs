//! Carries out what a request asks for.
//!
//! Each call reads the labels first: where the token's version is determines what is left to do (`stage.rs`). What is
//! decided between two calls that run at the same time is decided by the writes (`writes.rs`).

use std::fmt;
use std::sync::Arc;

use super::stage::{TokenStage, no_other_rotation, not_created, not_staged, replaced};
use super::writes::{
    StoreCertainty, move_current, put_pending, remove_own_pending, remove_replaced_pending,
};
use crate::error::Error;
use crate::rotation::announcer::{DynAnnouncer, RotationEvent};
use crate::rotation::context::{Environment, SecretContext, StepContext};
use crate::rotation::deadline::ActionDeadline;
use crate::rotation::kind::DynKind;
use crate::rotation::report::RetireReport;
use crate::rotation::request::{Request, Step, StepRequest};
use crate::rotation::store::{Content, SecretDescription, VersionSelector};
use crate::secret::VersionId;

/// Rotates secrets of one kind. Clones share everything.
///
/// ```no_run
/// use credswap::rotation::{Request, Rotation};
/// # async fn example(sdk: aws_types::SdkConfig, event: &[u8]) -> Result<(), credswap::Error> {
/// let rotation = Rotation::access_keys(&sdk).build();
/// rotation.handle(&Request::from_json(event)?).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Rotation(pub(super) Arc<Parts>);

/// What a [`Rotation`] consists of.
#[derive(Clone)]
pub(in crate::rotation) struct Parts {
    pub(in crate::rotation) environment: Environment,
    pub(in crate::rotation) kind: Arc<dyn DynKind>,
    pub(in crate::rotation) announcer: Arc<dyn DynAnnouncer>,
    pub(in crate::rotation) seed: u64,
    pub(in crate::rotation) tokens: Tokens,
}

/// What was done for a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// The step is done, by this call or an earlier one.
    Done,
    /// What was done with the old keys.
    Retired(RetireReport),
}

/// Which tokens may begin a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rotation) enum Tokens {
    /// Those that Secrets Manager has staged: it does so before it calls the function.
    Staged,
    /// New ones, too.
    Any,
}

impl Rotation {
    pub(in crate::rotation) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Lets `createSecret` begin with a token that Secrets Manager has not staged.
    pub(in crate::rotation) fn accept_new_tokens(self) -> Self {
        let mut parts = Arc::unwrap_or_clone(self.0);
        parts.tokens = Tokens::Any;
        Self::new(parts)
    }

    /// Carries out what an event asks for.
    ///
    /// # Errors
    /// As [`Rotation::step`] and [`Rotation::retire`].
    pub async fn handle(&self, request: &Request) -> Result<Response, Error> {
        match request {
            Request::Step(request) => self.step(request).await.map(|()| Response::Done),
            Request::Retire { secret_id } => self.retire(secret_id).await.map(Response::Retired),
        }
    }

    /// Carries out one step. After any error, and after a crash at any point, the whole rotation may be called again.
    ///
    /// # Errors
    /// By what to do about it: see [`ErrorKind`](crate::ErrorKind). No error loses anything.
    ///
    /// # Cancel safety
    /// May be dropped at any point, as a crash may happen at any point.
    pub async fn step(&self, request: &StepRequest) -> Result<(), Error> {
        let deadline = self.start_deadline();
        let secret = self.describe(&request.secret_id).await?;
        let environment = &self.0.environment;
        let context = SecretContext::new(environment, &secret, deadline);
        let context = &StepContext::new(context, request);
        match (request.step, TokenStage::of(context)) {
            (Step::Create | Step::Set, TokenStage::Current) => Ok(()),
            (Step::Create, TokenStage::NoLabel) if self.0.tokens == Tokens::Any => {
                no_other_rotation(context)?;
                remove_replaced_pending(&*environment.store, &secret).await?;
                self.create(context).await
            }
            (_, TokenStage::NoLabel | TokenStage::OtherLabel) => Err(not_staged(context)),
            (_, TokenStage::Replaced) => Err(replaced(context)),
            (Step::Create, TokenStage::Pending) => self.create(context).await,
            (Step::Set, TokenStage::Pending) => self.set(context).await,
            (Step::Test, TokenStage::Current | TokenStage::Pending) => self.test(context).await,
            (Step::Finish, TokenStage::Pending) => self.finish(context).await,
            // Whoever moved the label may have died before it announced.
            (Step::Finish, TokenStage::Current) => self.announce(context, secret.previous()).await,
        }
    }

    /// Takes the next action to retire superseded credentials. Call it by a schedule, hourly or more often.
    ///
    /// # Errors
    /// If the state cannot be read, or an action fails.
    pub async fn retire(&self, secret_id: &str) -> Result<RetireReport, Error> {
        let deadline = self.start_deadline();
        let environment = &self.0.environment;
        let mut secret = self.describe(secret_id).await?;
        if remove_replaced_pending(&*environment.store, &secret).await? {
            secret = self.describe(secret_id).await?;
        }
        let context = SecretContext::new(environment, &secret, deadline);
        self.0.kind.retire(&context).await
    }

    /// Returns the rotation that is in progress: the version that is pending, not current, and was not current before.
    ///
    /// # Errors
    /// If the secret cannot be read.
    pub async fn in_progress(&self, secret_id: &str) -> Result<Option<VersionId>, Error> {
        Ok(self.describe(secret_id).await?.in_progress())
    }

    async fn create(&self, context: &StepContext<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(context).await? else {
            return Ok(());
        };
        if let Some(pending) = self.stored(context).await? {
            return self.0.kind.validate(&current, &pending);
        }
        let created = self.0.kind.create(context, &current).await?;
        match put_pending(context, &created).await {
            StoreCertainty::Stored => Ok(()),
            StoreCertainty::Taken => {
                // Another run of this step was first: what it stored will be current.
                self.undo_create(context, &created).await;
                match self.stored(context).await? {
                    Some(pending) => self.0.kind.validate(&current, &pending),
                    None => Err(not_staged(context)),
                }
            }
            StoreCertainty::NotStored(error) => {
                self.undo_create(context, &created).await;
                Err(error)
            }
            // It may be stored, or arrive later: what was created must stay.
            StoreCertainty::MayBeStored(error) => Err(error),
        }
    }

    async fn undo_create(&self, context: &StepContext<'_>, created: &Content) {
        if let Err(error) = self.0.kind.undo_create(context, created).await {
            tracing::warn!(
                secret = %context.secret().name, error = %error.report(),
                "could not remove a credential that was created and not stored; the next rotation or retirement will find it"
            );
        }
    }

    async fn set(&self, context: &StepContext<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(context).await? else {
            return Ok(());
        };
        let pending = self.created(context).await?;
        self.0.kind.validate(&current, &pending)?;
        self.0.kind.set(&current, &pending).await
    }

    async fn finish(&self, context: &StepContext<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(context).await? else {
            let secret = self.describe(&context.secret().arn).await?;
            return self.announce(context, secret.previous()).await;
        };
        let pending = self.created(context).await?;
        self.0.kind.validate(&current, &pending)?;
        let from = current.secret().version();
        move_current(context, from).await?;
        self.announce(context, Some(from.clone())).await
    }

    async fn announce(
        &self,
        context: &StepContext<'_>,
        previous: Option<VersionId>,
    ) -> Result<(), Error> {
        let (arn, token) = (context.secret().arn.as_str(), context.token().clone());
        let mut event = RotationEvent::new(context.now(), arn, token);
        event.previous_version_id = previous;
        self.0.announcer.announce(&event).await?;
        if let Err(error) = self.0.kind.finished(context).await {
            tracing::warn!(
                secret = %context.secret().name, error = %error.report(),
                "the rotation is finished, but what remained to be done after it failed"
            );
        }
        remove_own_pending(context).await;
        Ok(())
    }

    pub(super) async fn current(&self, context: &StepContext<'_>) -> Result<Content, Error> {
        let secret = context.secret();
        let read = context.store().read(&secret.arn, VersionSelector::CURRENT);
        read.await?.ok_or_else(|| secret.no_current_version())
    }

    /// Returns the current content; `None` if it is the rotation's own, because another run of it has finished since the
    /// labels were read.
    async fn to_be_replaced(&self, context: &StepContext<'_>) -> Result<Option<Content>, Error> {
        let current = self.current(context).await?;
        Ok((current.secret().version() != context.token()).then_some(current))
    }

    pub(super) async fn stored(&self, context: &StepContext<'_>) -> Result<Option<Content>, Error> {
        let selector = VersionSelector::Id(context.token());
        context.store().read(&context.secret().arn, selector).await
    }

    async fn created(&self, context: &StepContext<'_>) -> Result<Content, Error> {
        let stored = self.stored(context).await?;
        stored.ok_or_else(|| not_created(context))
    }

    pub(super) async fn describe(&self, secret_id: &str) -> Result<SecretDescription, Error> {
        self.0.environment.store.describe(secret_id).await
    }

    pub(super) fn start_deadline(&self) -> ActionDeadline {
        let Environment { clock, policy, .. } = &self.0.environment;
        ActionDeadline::start(clock, policy.action_deadline)
    }
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("policy", &self.0.environment.policy)
            .finish_non_exhaustive()
    }
}
