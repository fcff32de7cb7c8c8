//! A source whose secret the test sets.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, VersionId};
use crate::source::{FetchRequest, Source};

/// A source whose secret the test sets, and which tells what became of each version. Clones are handles to the same one.
#[derive(Clone)]
pub struct TestSource(Arc<watch::Sender<State>>);

struct State {
    answer: Result<Secret, Error>,
    /// The versions that were fetched, drained and discarded, in order.
    fetched: Vec<VersionId>,
    drained: Vec<VersionId>,
    discarded: Vec<VersionId>,
    is_shut_down: bool,
}

impl TestSource {
    /// Creates a source that has this secret.
    pub fn new(material: impl Into<Vec<u8>>, version: impl Into<VersionId>) -> Self {
        Self(Arc::new(watch::Sender::new(State {
            answer: Ok(Secret::new(material, version)),
            fetched: Vec::new(),
            drained: Vec::new(),
            discarded: Vec::new(),
            is_shut_down: false,
        })))
    }

    /// Replaces the secret, as a rotation does. It fires no trigger: use a [`TestTrigger`](super::TestTrigger), or let the
    /// service refresh.
    pub fn rotate(&self, material: impl Into<Vec<u8>>, version: impl Into<VersionId>) {
        self.set(Ok(Secret::new(material, version)));
    }

    /// Replaces the secret by one that stops being valid at `expires`.
    pub fn rotate_expiring(
        &self,
        material: impl Into<Vec<u8>>,
        version: impl Into<VersionId>,
        expires: SystemTime,
    ) {
        self.set(Ok(Secret::new(material, version).with_expires(expires)));
    }

    /// Lets every fetch fail, until the next [`TestSource::rotate`].
    pub fn fail(&self, kind: ErrorKind) {
        self.set(Err(Error::new(
            kind,
            "the test source fails, as the test asked",
        )));
    }

    /// Waits until `version` has been fetched.
    pub async fn fetched(&self, version: impl Into<VersionId>) {
        self.wait(version.into(), |state| &state.fetched).await;
    }

    /// Waits until the service has drained `version`.
    pub async fn drained(&self, version: impl Into<VersionId>) {
        self.wait(version.into(), |state| &state.drained).await;
    }

    /// Waits until `version` was discarded: it was fetched, and did not go live.
    pub async fn discarded(&self, version: impl Into<VersionId>) {
        self.wait(version.into(), |state| &state.discarded).await;
    }

    /// Returns how often the secret was fetched with success.
    pub fn fetches(&self) -> usize {
        self.0.borrow().fetched.len()
    }

    /// Returns whether refreshing has ended.
    pub fn is_shut_down(&self) -> bool {
        self.0.borrow().is_shut_down
    }

    fn set(&self, answer: Result<Secret, Error>) {
        self.0.send_modify(|state| state.answer = answer);
    }

    async fn wait(&self, version: VersionId, list: impl Fn(&State) -> &Vec<VersionId>) {
        let mut states = self.0.subscribe();
        let reached = states.wait_for(|state| list(state).contains(&version));
        // The sender lives in `self`.
        let _ = reached.await;
    }
}

impl Source for TestSource {
    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        let mut answer = None;
        self.0.send_modify(|state| {
            if let Ok(secret) = &state.answer {
                state.fetched.push(secret.version().clone());
            }
            answer = Some(state.answer.clone());
        });
        answer.expect("just set")
    }

    async fn drained(&self, version: &VersionId) {
        self.0
            .send_modify(|state| state.drained.push(version.clone()));
    }

    async fn discarded(&self, version: &VersionId) {
        self.0
            .send_modify(|state| state.discarded.push(version.clone()));
    }

    async fn shutdown(&self) {
        self.0.send_modify(|state| state.is_shut_down = true);
    }
}

impl fmt::Debug for TestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.borrow();
        f.debug_struct("TestSource")
            .field("answer", &state.answer)
            .field("fetched", &state.fetched)
            .field("drained", &state.drained)
            .field("discarded", &state.discarded)
            .finish_non_exhaustive()
    }
}
