//! The four steps, over any kind of secret: idempotent on the token, and safe to run twice at the same time.
//!
//! Three writes decide, and each is one that only one of two can win:
//!
//! - `PutSecretValue` with the token: a version's content never changes, so the second one learns that it came second,
//!   takes back what it made, and goes on with what is stored.
//! - `UpdateSecretVersionStage` with `RemoveFromVersionId`: the label is moved from where it was seen, or not at all.
//! - `CreateAccessKey` under IAM's quota (see `access_keys.rs`).

use std::time::SystemTime;

use tokio::time::Instant;

use super::announce::{Announce, Announcement};
use super::backoff::Backoff;
use super::bounds::Bounds;
use super::clock::{self, Clock, Lap};
use super::kind::{Kind, Task};
use super::request::{Request, Step, StepRequest};
use super::retired::Retired;
use super::store::{CURRENT, Content, Move, PENDING, PREVIOUS, Put, Store, View, Which};
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};
use crate::secret::VersionId;

/// The rotation of secrets of one kind.
#[derive(Clone)]
pub struct Rotation<S, K, A> {
    store: S,
    kind: K,
    announce: A,
    bounds: Bounds,
    clock: Clock,
    seed: u64,
    tokens: Tokens,
}

/// What was done for a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The step is done, now or before.
    Done,
    /// What retire did.
    Retired(Retired),
}

/// Which tokens may begin a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tokens {
    /// Those that Secrets Manager has staged: it does so before it calls the function.
    Staged,
    /// New ones too.
    Any,
}

/// Where the version that a token names is.
enum Place {
    Current,
    Pending,
    /// It has neither label.
    Elsewhere,
    /// It has no label, or does not exist.
    Nowhere,
}

impl<S: Store, K: Kind, A: Announce> Rotation<S, K, A> {
    /// Keeps its state in `store`, and tells the consumers by `announce`.
    pub fn new(store: S, kind: K, announce: A) -> Self {
        Self {
            store,
            kind,
            announce,
            bounds: Bounds::default(),
            clock: clock::system(),
            seed: 0,
            tokens: Tokens::Staged,
        }
    }

    /// The bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
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
    pub async fn handle(&self, request: &Request) -> Result<Answer, Error> {
        match request {
            Request::Step(request) => self.step(request).await.map(|()| Answer::Done),
            Request::Retire { secret_id } => self.retire(secret_id).await.map(Answer::Retired),
        }
    }

    /// Does one step. After any error, and after a crash at any point, the whole rotation may be called again.
    ///
    /// # Errors
    /// By what to do: see [`ErrorKind`]. Nothing is lost by any of them.
    pub async fn step(&self, request: &StepRequest) -> Result<(), Error> {
        let lap = Lap::new(&self.clock, self.bounds.lap);
        let view = self.store.describe(&request.secret_id).await?;
        let run = Run {
            request,
            view: &view,
            lap: &lap,
        };
        match (request.step, run.place()) {
            (Step::Create | Step::Set, Place::Current) => Ok(()),
            (Step::Create, Place::Nowhere) if self.tokens == Tokens::Any => {
                run.nothing_else_is_pending()?;
                self.create(&run).await
            }
            (_, Place::Nowhere | Place::Elsewhere) => Err(run.not_staged()),
            (Step::Create, Place::Pending) => self.create(&run).await,
            (Step::Set, Place::Pending) => self.set(&run).await,
            (Step::Test, Place::Current | Place::Pending) => self.test(&run).await,
            (Step::Finish, Place::Pending) => self.finish(&run).await,
            (Step::Finish, Place::Current) => {
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
    pub async fn retire(&self, secret_id: &str) -> Result<Retired, Error> {
        let view = self.store.describe(secret_id).await?;
        self.kind.retire(&view).await
    }

    /// The rotation that is under way: the version that is pending and not current.
    ///
    /// # Errors
    /// If the secret cannot be looked at.
    pub async fn under_way(&self, secret_id: &str) -> Result<Option<VersionId>, Error> {
        let view = self.store.describe(secret_id).await?;
        Ok(other_pending(&view))
    }

    async fn create(&self, run: &Run<'_>) -> Result<(), Error> {
        let Some(current) = self.to_be_replaced(run).await? else {
            return Ok(());
        };
        if let Some(pending) = self.stored(run).await? {
            return self.kind.examine(&current, &pending);
        }
        let task = Task {
            token: &run.request.token,
            view: run.view,
            lap: run.lap,
        };
        let made = self.kind.create(&task, &current).await?;
        match self.put(run, &made).await {
            Unsure::Sure(Ok(Put::Stored)) => Ok(()),
            Unsure::Sure(Ok(Put::Taken)) => {
                // Another run of this step was first: what it stored is what will be current.
                self.discard(&task, &made).await;
                match self.stored(run).await? {
                    Some(pending) => self.kind.examine(&current, &pending),
                    None => Err(run.not_staged()),
                }
            }
            Unsure::Sure(Err(error)) => {
                self.discard(&task, &made).await;
                Err(error)
            }
            // It may be stored, or be on its way: what was made must stay.
            Unsure::MayBeDone(error) => Err(error),
        }
    }

    /// Stores the new version, and knows whether it can still be stored when this has failed.
    async fn put(&self, run: &Run<'_>, made: &Content) -> Unsure<Result<Put, Error>> {
        let mut sure = true;
        let mut left = TRIES;
        loop {
            left -= 1;
            let answer = match run.lap.check() {
                Ok(()) => {
                    let (id, token) = (&run.view.arn, &run.request.token);
                    let rotation_token = run.request.rotation_token.as_ref();
                    self.store
                        .put_pending(id, token, made, rotation_token)
                        .await
                }
                Err(late) if sure => return Unsure::Sure(Err(late)),
                Err(late) => return Unsure::MayBeDone(late),
            };
            match answer {
                // An earlier try may have been the one that stored it.
                Ok(put) => return Unsure::Sure(Ok(put)),
                Err(error) if error.is_retryable() && left > 0 => sure = false,
                Err(error) if error.is_retryable() || !sure => return Unsure::MayBeDone(error),
                Err(error) => return Unsure::Sure(Err(error)),
            }
        }
    }

    async fn discard(&self, task: &Task<'_>, made: &Content) {
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
        let until = Instant::now() + self.bounds.propagation;
        let mut backoff = Backoff::new(self.bounds.test_again, self.seed_of(run));
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
        let mut left = TRIES;
        loop {
            left -= 1;
            run.lap.check()?;
            let token = &run.request.token;
            match self.store.move_current(&run.view.arn, token, from).await {
                Ok(Move::Moved) => break,
                // By another run of this step, or by a try of this one whose answer was lost; or by somebody else.
                Ok(Move::NotThere) => {
                    let view = self.store.describe(&run.view.arn).await?;
                    match view.has(token, CURRENT) {
                        true => break,
                        false => return Err(run.moved_by_another()),
                    }
                }
                Err(error) if error.is_retryable() && left > 0 => {}
                Err(error) => return Err(error),
            }
        }
        self.tell(run, Some(from.clone())).await
    }

    async fn tell(&self, run: &Run<'_>, previous: Option<VersionId>) -> Result<(), Error> {
        let event = Announcement {
            at: (self.clock)(),
            secret_id: run.view.arn.clone(),
            version_id: run.request.token.clone(),
            previous_version_id: previous,
        };
        self.announce.announce(&event).await
    }

    async fn current(&self, run: &Run<'_>) -> Result<Content, Error> {
        let which = Which::Label(CURRENT);
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
        let which = Which::Version(&run.request.token);
        self.store.read(&run.view.arn, which).await
    }

    fn seed_of(&self, run: &Run<'_>) -> u64 {
        // FNV-1a: any spread will do.
        let spread = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        run.request.token.as_str().bytes().fold(self.seed, spread)
    }
}

/// One call of one step.
struct Run<'a> {
    request: &'a StepRequest,
    view: &'a View,
    lap: &'a Lap,
}

impl Run<'_> {
    fn place(&self) -> Place {
        let token = &self.request.token;
        match () {
            () if self.view.has(token, CURRENT) => Place::Current,
            () if self.view.has(token, PENDING) => Place::Pending,
            () if self.view.labels.contains_key(token.as_str()) => Place::Elsewhere,
            () => Place::Nowhere,
        }
    }

    fn nothing_else_is_pending(&self) -> Result<(), Error> {
        match other_pending(self.view) {
            None => Ok(()),
            Some(other) => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "secret `{}` is being rotated: version {other} is pending. Let that rotation finish, or take the \
                     label AWSPENDING from it",
                    self.view.name
                ),
            )),
        }
    }

    fn not_staged(&self) -> Error {
        let StepRequest { step, token, .. } = self.request;
        let pending = match other_pending(self.view) {
            Some(other) => format!("{other} is"),
            None => "no version is".to_owned(),
        };
        Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{step}: version {token} of secret `{}` is not staged for rotation: it has neither AWSPENDING nor \
                 AWSCURRENT, and {pending} pending. Rotate the secret by Secrets Manager (`aws secretsmanager \
                 rotate-secret`)",
                self.view.name
            ),
        )
    }

    fn not_created(&self) -> Error {
        let StepRequest { step, token, .. } = self.request;
        Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{step}: version {token} of secret `{}` holds nothing yet: createSecret has to come before",
                self.view.name
            ),
        )
    }

    fn moved_by_another(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "secret `{}`: somebody else moved AWSCURRENT at the same time: try again",
                self.view.name
            ),
        )
    }
}

fn other_pending(view: &View) -> Option<VersionId> {
    view.labelled(PENDING).filter(|id| !view.has(id, CURRENT))
}

/// How a write ended that may have been done although nobody said so.
enum Unsure<T> {
    Sure(T),
    MayBeDone(Error),
}

/// How often a write is tried in one step.
const TRIES: usize = 3;
