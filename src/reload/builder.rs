//! Plans a reloader and starts it.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use fastrand::Rng;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bounds::Bounds;
use super::gate::Gate;
use super::handle::Reloader;
use super::metrics::Metrics;
use super::read::Parts;
use super::schedule::Schedule;
use super::status::Status;
use super::supervisor::{Clock, Shared, Supervisor};
use super::triggers::{Planned, Triggers};
use crate::connect::Connect;
use crate::error::Error;
use crate::source::Source;
use crate::trigger::{Lookout, Trigger};

/// How many notices a slow reader may be behind.
const NOTICES: usize = 256;

/// What to do with a value that is genuine but may not do what the check asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnForbidden {
    /// Keep the last good value, and report the failure.
    #[default]
    Reject,
    /// Publish it all the same, and log a warning.
    Accept,
}

/// Plans a reloader. See [`Reloader::builder`].
#[must_use = "nothing runs before `start`"]
pub struct Builder<S, C> {
    source: S,
    connect: C,
    name: String,
    triggers: Vec<Planned>,
    bounds: Bounds,
    on_forbidden: OnForbidden,
    clock: Clock,
    rng: Rng,
}

impl<S: Source, C: Connect> Builder<S, C> {
    pub(super) fn new(source: S, connect: C) -> Self {
        Self {
            source,
            connect,
            name: "default".to_owned(),
            triggers: Vec::new(),
            bounds: Bounds::default(),
            on_forbidden: OnForbidden::default(),
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where wall-clock time comes in"
            )]
            clock: Arc::new(SystemTime::now),
            rng: Rng::new(),
        }
    }

    /// Adds a trigger. Without any, only [`Reloader::reload`] and refused keys lead to looks.
    pub fn trigger(mut self, trigger: impl Trigger) -> Self {
        self.triggers.push(Planned::new(trigger));
        self
    }

    /// Sets the name in metrics and logs, where a process has several reloaders. `default` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how long anything may take.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets what to do with a value that is genuine but not permitted. [`OnForbidden::Reject`] by default.
    pub fn on_forbidden(mut self, on_forbidden: OnForbidden) -> Self {
        self.on_forbidden = on_forbidden;
        self
    }

    /// Sets the wall clock, for tests. It dates the status, and tells when material expires; all waits are on
    /// Tokio's clock.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the jitter of the waits repeatable, for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = Rng::with_seed(seed);
        self
    }

    /// Starts the triggers, reads the secret, and returns when a value that connected and passed its check is
    /// live. The loop goes on as a task of the current Tokio runtime.
    ///
    /// The triggers listen *while* the first read is made, and each of them says "look" when it has begun to listen:
    /// no event between the two is lost, and a broker that can not be reached does not hold up the start.
    ///
    /// # Errors
    /// Why the first value could not be had. Nothing runs then. A version that is not propagated yet is waited for,
    /// at most [`Bounds::propagation`].
    ///
    /// # Cancel safety
    /// Dropping the future stops all that it has started.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub async fn start(self) -> Result<Reloader<C::Value>, Error> {
        let now = (self.clock)();
        let shared = Arc::new(Shared {
            status: Arc::new(watch::Sender::new(Status {
                version: "".into(),
                generation: 0,
                since: now,
                last_success: now,
                last_error: None,
                consecutive_failures: 0,
                held: Vec::new(),
                refused: Vec::new(),
                triggers: Vec::new(),
            })),
            notices: broadcast::Sender::new(NOTICES),
            asking: Mutex::default(),
        });
        let lookout = Lookout::new();
        let looks = lookout.looks();
        self.connect.attach(&looks);
        let triggers = Triggers::start(self.triggers, &lookout, &shared.status);
        let bounds = self.bounds.clone();
        let mut supervisor = Supervisor {
            parts: Arc::new(Parts {
                source: self.source,
                connect: self.connect,
                bounds: self.bounds,
                on_forbidden: self.on_forbidden,
            }),
            shared: Arc::clone(&shared),
            lookout,
            triggers,
            schedule: Schedule::new(bounds.clone(), self.rng),
            gate: Gate::new(Instant::now()),
            clock: self.clock,
            metrics: Metrics::new(self.name),
            drains: JoinSet::new(),
            waiting: None,
            left: Vec::new(),
            asked: Vec::new(),
        };
        let hot = Arc::new(supervisor.first().await?);
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(supervisor.run(Arc::clone(&hot), stopped));
        Ok(Reloader::new(hot, shared, looks, bounds, stop))
    }
}
