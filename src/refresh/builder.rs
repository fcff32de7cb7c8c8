//! Configures a refreshable and starts it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use super::fetch::{OnForbidden, Parts};
use super::handle::Refreshable;
use super::supervisor::{Options, Supervisor};
use super::timeouts::Timeouts;
use super::triggers::Planned;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::secret::SecretId;
use crate::source::Source;
use crate::trigger::{Interval, Trigger};
use crate::util::clock::Clock;

/// How often a refreshable polls its source unless configured otherwise.
const POLL: Duration = Duration::from_secs(300);

/// Configures a refreshable. See [`Refreshable::builder`].
#[must_use = "nothing runs before `start`"]
pub struct Builder<S, C> {
    source: S,
    connect: C,
    secret_id: Option<SecretId>,
    triggers: Vec<Planned>,
    polling: Option<Interval>,
    timeouts: Timeouts,
    on_forbidden: OnForbidden,
    options: Options,
}

impl<V: Send + Sync + 'static> Refreshable<V> {
    /// Configures a refreshable: where the secret is fetched from, and how it becomes a value.
    pub fn builder<S, C>(source: S, connect: C) -> Builder<S, C>
    where
        S: Source,
        C: Connect<Value = V>,
    {
        Builder::new(source, connect)
    }
}

impl<S: Source, C: Connect> Builder<S, C> {
    fn new(source: S, connect: C) -> Self {
        Self {
            source,
            connect,
            secret_id: None,
            triggers: Vec::new(),
            polling: Some(Interval::every(POLL)),
            timeouts: Timeouts::default(),
            on_forbidden: OnForbidden::default(),
            options: Options {
                name: "default".to_owned(),
                clock: Clock::system(),
                rng: Rng::new(),
            },
        }
    }

    /// Adds a trigger.
    pub fn trigger(mut self, trigger: impl Trigger) -> Self {
        self.triggers.push(Planned::new(trigger));
        self
    }

    /// Sets how often the source is polled, with a jitter of 10 %: the safety net under all triggers. Default 5 minutes.
    pub fn poll_every(mut self, period: Duration) -> Self {
        self.polling = Some(Interval::every(period));
        self
    }

    /// Switches polling off: only triggers, [`Refreshable::refresh`] and rejected keys lead to refreshes then.
    pub fn without_polling(mut self) -> Self {
        self.polling = None;
        self
    }

    /// Names the secret, for a source that does not ([`Source::secret_id`]), such as a closure. Triggers skip events that
    /// name another secret, and usage reports name this one.
    pub fn secret_id(mut self, name_or_arn: impl Into<SecretId>) -> Self {
        self.secret_id = Some(name_or_arn.into());
        self
    }

    /// Sets the name in metrics and logs, for processes that have several refreshables. Default `default`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = name.into();
        self
    }

    /// Sets how long each operation may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets what to do with a value that is genuine but not permitted to do what its check asked. Default
    /// [`OnForbidden::Reject`].
    pub fn on_forbidden(mut self, on_forbidden: OnForbidden) -> Self {
        self.on_forbidden = on_forbidden;
        self
    }

    /// Sets the wall clock, for tests. It dates the status, and tells when material expires; all waits are on
    /// Tokio's clock.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.options.clock = Clock::from_fn(clock);
        self
    }

    /// Makes the jitter of the delays repeatable, for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.rng = Rng::with_seed(seed);
        self
    }

    /// Starts the triggers, fetches the secret, and returns when a value that connected and passed its check is
    /// live. The refresh loop goes on as a task of the current Tokio runtime.
    ///
    /// The triggers listen *while* the first fetch is made, and each of them requests a refresh when it has begun to
    /// listen: no event between the two is lost, and a broker that cannot be reached does not delay the start.
    ///
    /// A source that is down fails the start at once: restart the process, as an orchestrator does anyway, or use
    /// [`Builder::start_within`].
    ///
    /// # Errors
    /// Why there is no first value. Nothing runs then. A version that is not propagated yet is waited for,
    /// at most [`Timeouts::propagation`]. [`ErrorKind::Config`] if [`Builder::secret_id`] names another secret than the
    /// source does.
    ///
    /// # Cancel safety
    /// Dropping the future stops all that it has started.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub async fn start(self) -> Result<Refreshable<C::Value>, Error> {
        self.start_within(Duration::ZERO).await
    }

    /// Starts as [`Builder::start`] does, and waits for a source that is down: failures that may pass by themselves
    /// ([`Error::is_retryable`]) are retried with the delays of [`Timeouts::retry`], for at most `start_timeout`. Each is logged
    /// as a warning. What a person must change, such as a missing permission, fails at once.
    ///
    /// # Errors
    /// As [`Builder::start`]; when the time is over, the last failure. An attempt that is under way then is completed.
    ///
    /// # Cancel safety
    /// Dropping the future stops all that it has started.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub async fn start_within(
        mut self,
        start_timeout: Duration,
    ) -> Result<Refreshable<C::Value>, Error> {
        let secret_id = match (self.source.secret_id(), self.secret_id) {
            (Some(fetched), Some(named)) if !fetched.matches(named.as_str()) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "the source fetches secret `{fetched}`, and `Builder::secret_id` names `{named}`: leave the \
                         latter out"
                    ),
                ));
            }
            (fetched, named) => fetched.cloned().or(named),
        };
        self.triggers.extend(self.polling.map(Planned::new));
        let parts = Parts {
            source: self.source,
            connect: self.connect,
            timeouts: self.timeouts,
            on_forbidden: self.on_forbidden,
        };
        let supervisor = Supervisor::new(Arc::new(parts), self.triggers, secret_id, self.options);
        supervisor.start(start_timeout).await
    }
}

impl<S, C> fmt::Debug for Builder<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let triggers: Vec<_> = self.triggers.iter().map(|trigger| &trigger.name).collect();
        f.debug_struct("Builder")
            .field("name", &self.options.name)
            .field("secret_id", &self.secret_id)
            .field("triggers", &triggers)
            .field("polling", &self.polling)
            .field("timeouts", &self.timeouts)
            .field("on_forbidden", &self.on_forbidden)
            .finish_non_exhaustive()
    }
}
