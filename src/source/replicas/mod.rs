//! Copies of one secret in several places, such as the replicas of Secrets Manager in other regions.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::counter;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use self::choice::History;
use super::{BoxSource, FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, SecretId, VersionId};
use crate::trigger::Reason;
use crate::util::deadline::deadline_in;
use crate::util::lock::lock;

mod choice;
#[cfg(test)]
mod tests;

/// Fetches a secret from its primary or, if that does not answer, from one of its replicas.
///
#[cfg_attr(feature = "secrets-manager", doc = "```no_run")]
#[cfg_attr(not(feature = "secrets-manager"), doc = "```ignore")]
/// # fn example(ireland: aws_types::SdkConfig, frankfurt: aws_types::SdkConfig) {
/// use credswap::source::{Replicas, SecretsManager};
/// let source = Replicas::new("eu-west-1", SecretsManager::new(&ireland, "prod/uploader"))
///     .replica("eu-central-1", SecretsManager::new(&frankfurt, "prod/uploader"));
/// # }
/// ```
///
/// | situation | answer |
/// |---|---|
/// | the primary answers | that: it decides, also when it returns to an older version |
/// | the primary does not answer in time, fails, or throttles for too long | the first replica in order that is not behind |
/// | the primary denies access, or has no such secret | that error: a replica must not hide it |
/// | a replica answers with a version that was live here before, or is older than the live one | none: it is behind |
/// | the live key was rejected | all are asked at once: another version than the live one, of these the newest |
/// | no copy has an answer | an error that names the fault of each |
///
/// [The policy](crate::docs::permissions#copies-in-other-regions) names each region.
///
/// A copy that failed is asked last for a while ([`Replicas::avoid_for`]), and in its place again after that. Ages are compared
/// where the source tells when a version was created, as Secrets Manager does.
///
/// Metric: `credswap_replica_fetches_total{replica, outcome="answered"|"behind"|"failed"}`.
#[derive(Clone)]
pub struct Replicas {
    copies: Arc<[Replica]>,
    each: Duration,
    avoid_for: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
struct Replica {
    name: Arc<str>,
    source: BoxSource,
}

#[derive(Default)]
struct State {
    history: History,
    /// For each copy that failed: until when it is asked last.
    avoided: Vec<Option<Instant>>,
    answered: Option<usize>,
}

impl Replicas {
    /// Creates a source with only a primary. The names are those in logs and metrics: regions, say.
    pub fn new(name: impl Into<Arc<str>>, primary: impl Source) -> Self {
        let primary = Replica {
            name: name.into(),
            source: BoxSource::new(primary),
        };
        Self {
            copies: [primary].into(),
            each: Duration::from_secs(5),
            avoid_for: Duration::from_secs(60),
            state: Arc::default(),
        }
    }

    /// Adds a replica, to be asked after those before it.
    #[must_use]
    pub fn replica(mut self, name: impl Into<Arc<str>>, source: impl Source) -> Self {
        let replica = Replica {
            name: name.into(),
            source: BoxSource::new(source),
        };
        self.copies = self.copies.iter().cloned().chain([replica]).collect();
        self
    }

    /// Sets how long one copy may take before the next is asked. Default 5 seconds. All of them together are limited by
    /// [`Timeouts::fetch`](crate::refresh::Timeouts::fetch).
    #[must_use]
    pub fn each(mut self, timeout: Duration) -> Self {
        self.each = timeout;
        self
    }

    /// Sets for how long a copy that failed is asked last. Default 1 minute.
    #[must_use]
    pub fn avoid_for(mut self, time: Duration) -> Self {
        self.avoid_for = time;
        self
    }

    /// Returns the name of the copy that answered the last fetch; `None` before the first answer.
    pub fn last_answered(&self) -> Option<&str> {
        let answered = lock(&self.state).answered?;
        Some(&self.copies[answered].name)
    }

    /// Returns the copies in the order in which they are asked now.
    fn order(&self) -> Vec<usize> {
        let now = Instant::now();
        let state = lock(&self.state);
        let is_avoided = |copy: &usize| {
            let avoided = state.avoided.get(*copy).copied().flatten();
            avoided.is_some_and(|until| until > now)
        };
        let (last, first): (Vec<_>, Vec<_>) = (0..self.copies.len()).partition(is_avoided);
        first.into_iter().chain(last).collect()
    }

    /// Asks one copy.
    async fn ask(self, copy: usize, request: FetchRequest) -> (usize, Result<Secret, Error>) {
        let source = &self.copies[copy].source;
        let result = match timeout(self.each, source.fetch(&request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("no answer within {:?}", self.each),
            )),
        };
        let mut state = lock(&self.state);
        state.avoided.resize(self.copies.len(), None);
        let failed = result.as_ref().is_err_and(Error::is_retryable);
        state.avoided[copy] = failed.then(|| deadline_in(self.avoid_for));
        drop(state);
        if let Err(error) = &result {
            tracing::warn!(replica = %self.copies[copy].name, error = %error.report(), "a copy of the secret cannot be fetched");
            self.count(copy, "failed");
        }
        (copy, result)
    }

    /// Asks one after the other.
    async fn first_answer(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let mut faults = Vec::new();
        for copy in self.order() {
            match self.clone().ask(copy, request.clone()).await {
                (_, Ok(secret)) if copy == 0 || !lock(&self.state).history.is_behind(&secret) => {
                    return Ok(self.answer(copy, secret));
                }
                (_, Ok(_)) => faults.push((copy, self.behind(copy))),
                // A person has to change something there; a replica would hide it until the next rotation.
                (0, Err(error)) if !error.is_retryable() => return Err(error),
                (_, Err(error)) => faults.push((copy, error)),
            }
        }
        Err(self.no_answer(faults))
    }

    /// Asks all at once.
    async fn newest_answer(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let mut asked = JoinSet::new();
        for copy in 0..self.copies.len() {
            let answer = self.clone().ask(copy, request.clone());
            asked.spawn(answer.in_current_span());
        }
        let (mut answers, mut faults) = (Vec::new(), Vec::new());
        while let Some(asked) = asked.join_next().await {
            match asked {
                Ok((copy, Ok(secret))) => answers.push((copy, secret)),
                Ok((copy, Err(error))) => faults.push((copy, error)),
                // A panic in a source: it has no answer.
                Err(_) => {}
            }
        }
        let behind: Vec<_> = {
            let state = lock(&self.state);
            let is_behind =
                |(copy, secret): &&(usize, Secret)| *copy > 0 && state.history.is_behind(secret);
            answers
                .iter()
                .filter(is_behind)
                .map(|(copy, _)| *copy)
                .collect()
        };
        faults.extend(behind.into_iter().map(|copy| (copy, self.behind(copy))));
        let newest = lock(&self.state).history.newest(answers);
        match newest {
            Some((copy, secret)) => Ok(self.answer(copy, secret)),
            None => Err(self.no_answer(faults)),
        }
    }

    fn answer(&self, copy: usize, secret: Secret) -> Secret {
        self.count(copy, "answered");
        let mut state = lock(&self.state);
        state.history.answers(&secret);
        if state.answered.replace(copy) != Some(copy) {
            let replica = &self.copies[copy].name;
            tracing::info!(%replica, version = %secret.version(), "this copy of the secret answers now");
        }
        secret
    }

    fn behind(&self, copy: usize) -> Error {
        self.count(copy, "behind");
        Error::new(
            ErrorKind::Unavailable,
            "it has not received the live version yet",
        )
    }

    /// The error of the copy that is preferred decides what to do.
    fn no_answer(&self, mut faults: Vec<(usize, Error)>) -> Error {
        faults.sort_by_key(|(copy, _)| *copy);
        let kind = faults
            .first()
            .map_or(ErrorKind::Panicked, |(_, error)| error.kind());
        let faults: Vec<_> = faults
            .iter()
            .map(|(copy, error)| format!("{}: {}", self.copies[*copy].name, error.report()))
            .collect();
        Error::new(
            kind,
            format!("no copy of the secret can be used: {}", faults.join("; ")),
        )
    }

    fn count(&self, copy: usize, outcome: &'static str) {
        let replica = metrics::SharedString::from(Arc::clone(&self.copies[copy].name));
        counter!("credswap_replica_fetches_total", "replica" => replica, "outcome" => outcome)
            .increment(1);
    }
}

impl Source for Replicas {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        lock(&self.state)
            .history
            .is_live(request.live_version.as_ref());
        if request.reasons.has(Reason::Rejected) {
            self.newest_answer(request).await
        } else {
            self.first_answer(request).await
        }
    }

    fn secret_id(&self) -> Option<&SecretId> {
        self.copies[0].source.secret_id()
    }

    async fn drained(&self, version: &VersionId) {
        for copy in self.copies.iter() {
            copy.source.drained(version).await;
        }
    }

    async fn discarded(&self, version: &VersionId) {
        for copy in self.copies.iter() {
            copy.source.discarded(version).await;
        }
    }

    async fn shutdown(&self) {
        for copy in self.copies.iter() {
            copy.source.shutdown().await;
        }
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.copies.iter().map(|copy| &copy.name).collect();
        f.debug_struct("Replicas")
            .field("copies", &names)
            .field("last_answered", &self.last_answered())
            .finish_non_exhaustive()
    }
}
