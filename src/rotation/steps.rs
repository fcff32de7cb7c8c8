//! The four steps, over any kind of secret: idempotent on the token, and safe to run twice at the same time.
//!
//! Each call looks at the labels first: where the token's version is says what is left to do (`run.rs`). What is decided
//! between two that run at the same time is decided by the writes (`writes.rs`).

use std::time::SystemTime;

use tokio::time::Instant;

use super::announcer::{Announcer, RotationEvent};
use super::backoff::Backoff;
use super::clock::{self, ActionDeadline, Clock};
use super::context::{Run, TokenStage};
use super::kind::{SecretKind, StepContext};
use super::policy::Policy;
use super::report::RetireReport;
use super::request::{Request, Step, StepRequest};
use super::store::{CURRENT, Content, PREVIOUS, Store, VersionSelector};
use super::writes::{StoreCertainty, move_current, put};
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};
use crate::secret::VersionId;

/// The rotation of secrets of one kind.
#[derive(Clone)]
pub struct Rotation<S, K, A> {
    store: S,
    kind: K,
    announce: A,
    policy: Policy,
    clock: Clock,
    seed: u64,
    tokens: Tokens,
}

/// What was done for a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// The step is done, now or before.
    Done,
    /// What retire did.
    RetireReport(RetireReport),
}

/// Which tokens may begin a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tokens {
    /// Those that Secrets Manager has staged: it does so before it calls the function.
    Staged,
    /// New ones too.
    Any,
}

impl<S: Store, K: SecretKind, A: Announcer> Rotation<S, K, A> {
    /// Keeps its state in `store`, and tells the consumers by `announce`.
    pub fn new(store: S, kind: K, announce: A) -> Self {
        Self {
            store,
            kind,
            announce,
            policy: Policy::default(),
            clock: clock::system(),
            seed: 0,
            tokens: Tokens::Staged,
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the wall clock, for tests. All waits are on Tokio's.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = std::sync::Arc::new(clock);
        self
    }

    /// Seeds the jitter of the waits. Default: another one for each token.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets `createSecret` begin with a token that Secrets Manager has not staged.
    ///
    /// For callers that are not Secrets Manager: [`Runner`](super::Runner) says so by itself. It still begins no second
    /// rotation while one is under way.
    #[must_use]
    pub fn accept_new_tokens(mut self) -> Self {
        self.tokens = Tokens::Any;
        self
    }

    /// Does what an event asks for.
    ///
    /// # Errors
    /// As [`Rotation::step`] and [`Rotation::retire`].
    pub async fn handle(&self, request: &Request) -> Result<Response, Error> {
        match request {
            Request::Step(request) => self.step(request).await.map(|()| Response::Done),
            Request::Retire { secret_id } => {
                self.retire(secret_id).await.map(Response::RetireReport)
            }
        }
    }

    /// Does one step. After any error, and after a crash at any point, the whole rotation may be called again.
    ///
    /// # Errors
    /// By what to do: see [`ErrorKind`]. Nothing is lost by any of them.
    pub async fn step(&self, request: &StepRequest) -> Result<(), Error> {
        let lap = ActionDeadline::new(&self.clock, self.policy.lap);
        let view = self.store.describe(&request.secret_id).await?;
        let run = Run {
            request,
            view: &view,
            lap: &lap,
        };
        match (request.step, run.place()) {
            (Step::Create | Step::Set, TokenStage::Current) => Ok(()),
            (Step::Create, TokenStage::Nowhere) if self.tokens == Tokens::Any => {
                run.nothing_else_is_pending()?;
                self.create(&run).await
            }
            (_, TokenStage::Nowhere | TokenStage::Elsewhere) => Err(run.not_staged()),
            (Step::Create, TokenStage::Pending) => self.create(&run).await,
            (Step::Set, TokenStage::Pending) => self.set(&run).await,
            (Step::Test, TokenStage::Current | TokenStage::Pending) => self.test(&run).await,
            (Step::Finish, TokenStage::Pending) => self.finish(&run).await,
            (Step::Finish, TokenStage::Current) => {
                // Whoever moved the label may not have lived to tell.
                let previous = view.labelled(PREVIOUS);
                self.tell(&run, previous).await
            }
        }
    }

    /// Takes the next action towards the end of superseded credentials. Call it by a schedule, hourly or more often.
    ///
    /// # Errors
    /// If the state cannot be read, or an action fails.
    pub async fn retire(&self, secret_id: &str) -> Result<RetireReport, Error> {
        let view = self.store.describe(secret_id).await?;
        self.kind.retire(&view).await
    }

    /// The rotation that is under way: the version that is pending and not current.
    ///
    /// # Errors
    /// If the secret cannot be looked at.
    pub async fn under_way(&self, secret_id: &str) -> Result<Option<VersionId>, Error> {
        let view = self.store.describe(secret_id).await?;
        Ok(view.under_way())
    }

    async fn create(&self, run: &Run<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(run).await? else {
            return Ok(());
        };
        if let Some(pending) = self.stored(run).await? {
            return self.kind.examine(&current, &pending);
        }
        let task = StepContext {
            token: &run.request.token,
            view: run.view,
            lap: run.lap,
        };
        let made = self.kind.create(&task, &current).await?;
        match put(&self.store, run, &made).await {
            StoreCertainty::Stored => Ok(()),
            StoreCertainty::Taken => {
                // Another run of this step was first: what it stored is what will be current.
                self.discard(&task, &made).await;
                match self.stored(run).await? {
                    Some(pending) => self.kind.examine(&current, &pending),
                    None => Err(run.not_staged()),
                }
            }
            StoreCertainty::NotStored(error) => {
                self.discard(&task, &made).await;
                Err(error)
            }
            // It may be stored, or be on its way: what was made must stay.
            StoreCertainty::MayBeStored(error) => Err(error),
        }
    }

    async fn discard(&self, task: &StepContext<'_>, made: &Content) {
        if let Err(error) = self.kind.discard(task, made).await {
            tracing::warn!(
                secret = %task.view.name, error = %error.report(),
                "what was made in vain could not be taken back; the next rotation or retire will find it"
            );
        }
    }

    async fn set(&self, run: &Run<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(run).await? else {
            return Ok(());
        };
        let pending = self.stored(run).await?.ok_or_else(|| run.not_created())?;
        self.kind.examine(&current, &pending)?;
        self.kind.set(&current, &pending).await
    }

    async fn test(&self, run: &Run<'_>) -> Result<(), Error> {
        // To test a configuration (RotateImmediately=false), Secrets Manager calls this step alone, and nothing was
        // created: then the current secret is what can be tested.
        let tested = match self.stored(run).await? {
            Some(pending) => pending,
            None => self.current(run).await?,
        };
        let until = Instant::now() + self.policy.propagation;
        let mut backoff = Backoff::new(self.policy.test_again, run.seed(self.seed));
        loop {
            let error = match self.kind.test(&tested).await {
                Verdict::Good => return Ok(()),
                Verdict::NotYet(error) => error,
                Verdict::Unknown(error) if error.is_retryable() => error,
                Verdict::Unknown(error) | Verdict::Bad(error) | Verdict::Forbidden(error) => {
                    return Err(error);
                }
            };
            let wait = backoff.next();
            if Instant::now() + wait > until {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn finish(&self, run: &Run<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(run).await? else {
            let view = self.store.describe(&run.view.arn).await?;
            return self.tell(run, view.labelled(PREVIOUS)).await;
        };
        let pending = self.stored(run).await?.ok_or_else(|| run.not_created())?;
        self.kind.examine(&current, &pending)?;
        let from = current.secret().version();
        move_current(&self.store, run, from).await?;
        self.tell(run, Some(from.clone())).await
    }

    async fn tell(&self, run: &Run<'_>, previous: Option<VersionId>) -> Result<(), Error> {
        let event = RotationEvent {
            at: (self.clock)(),
            secret_id: run.view.arn.clone(),
            version_id: run.request.token.clone(),
            previous_version_id: previous,
        };
        self.announce.announce(&event).await
    }

    async fn current(&self, run: &Run<'_>) -> Result<Content, Error> {
        let which = VersionSelector::Label(CURRENT);
        self.store.read(&run.view.arn, which).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "secret `{}` has no current version to begin with: store one in it",
                    run.view.name
                ),
            )
        })
    }

    /// The current version; `None` if it is the rotation's own, because another run of it has gone on to the end since this
    /// one looked.
    async fn to_be_replaced(&self, run: &Run<'_>) -> Result<Option<Content>, Error> {
        let current = self.current(run).await?;
        Ok((*current.secret().version() != run.request.token).then_some(current))
    }

    async fn stored(&self, run: &Run<'_>) -> Result<Option<Content>, Error> {
        let which = VersionSelector::Version(&run.request.token);
        self.store.read(&run.view.arn, which).await
    }
}
