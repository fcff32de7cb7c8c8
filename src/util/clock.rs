//! Where wall-clock time comes in.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Tells the wall-clock time. Waits are on Tokio's clock, which tests can pause.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Returns the clock of the system.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where wall-clock time comes in"
    )]
    pub(crate) fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// Returns a clock that calls `now`.
    pub(crate) fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
