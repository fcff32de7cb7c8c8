//! What was called: one record for each request, and counts by action.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Mutex;

use tokio::sync::watch;

/// How many records are kept; counts are of everything. Enough for a test, bounded for a bench.
const KEPT: usize = 20_000;

/// The services a [`Cloud`](crate::Cloud) has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// S3.
    S3,
    /// IAM.
    Iam,
    /// STS.
    Sts,
    /// Secrets Manager.
    SecretsManager,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::S3, Self::Iam, Self::Sts, Self::SecretsManager];

    /// The name in ARNs, actions and signatures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::SecretsManager => "secretsmanager",
        }
    }

    pub(crate) fn from_signing_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == name)
    }
}

/// One request, as it looks before anything is checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The operation, such as `PutObject`.
    pub action: String,
    /// What it is about: a secret's id, `/bucket/key`, a user or an access key id.
    pub resource: Option<String>,
    pub(crate) access_key_id: Option<String>,
}

impl Call {
    /// `service:Action`, such as `s3:PutObject`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service.as_str(), self.action)
    }

    /// The access key id the request claims to be signed with.
    pub fn access_key_id(&self) -> Option<&str> {
        self.access_key_id.as_deref()
    }

    /// The last four characters of that, which may be shown.
    pub fn key_suffix(&self) -> &str {
        let id = self.access_key_id().unwrap_or_default();
        id.get(id.len().saturating_sub(4)..).unwrap_or_default()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} key=…{}", self.name(), self.key_suffix())?;
        match &self.resource {
            Some(resource) => write!(f, " {resource}"),
            None => Ok(()),
        }
    }
}

/// What a hook makes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Pass,
    /// Do nothing and answer this status and code.
    Fail(u16, &'static str),
    /// Do nothing and close the connection.
    Disconnect,
    /// Do it, then close the connection without an answer.
    LoseAnswer,
    /// Wait for [`Cloud::release`](crate::Cloud::release), then go on.
    Hang,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done and answered.
    Done,
    /// Answered with an error: status and code.
    Refused(u16, String),
    /// Closed before anything was done.
    Disconnected,
    /// Done (or refused), and closed without an answer.
    AnswerLost,
}

/// A call and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The request.
    pub call: Call,
    /// Its end.
    pub outcome: Outcome,
}

pub(crate) struct CallLog {
    inner: Mutex<Inner>,
    arrivals: watch::Sender<()>,
}

#[derive(Default)]
struct Inner {
    counts: HashMap<String, usize>,
    records: VecDeque<CallRecord>,
}

impl CallLog {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            arrivals: watch::Sender::new(()),
        }
    }

    pub(crate) fn arrived(&self, name: &str) {
        {
            let mut inner = self.inner.lock().expect("no code panics with the log");
            match inner.counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(inner.counts.insert(name.to_owned(), 1)),
            }
        }
        self.arrivals.send_replace(());
    }

    pub(crate) fn ended(&self, call: Call, outcome: Outcome) {
        let mut inner = self.inner.lock().expect("no code panics with the log");
        if inner.records.len() == KEPT {
            inner.records.pop_front();
        }
        inner.records.push_back(CallRecord { call, outcome });
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let inner = self.inner.lock().expect("no code panics with the log");
        inner.counts.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let inner = self.inner.lock().expect("no code panics with the log");
        inner.records.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.inner.lock().expect("no code panics with the log") = Inner::default();
    }

    pub(crate) async fn called(&self, name: &str, times: usize) {
        let mut arrivals = self.arrivals.subscribe();
        while self.count(name) < times {
            // The sender lives in self, so this cannot fail.
            let _ = arrivals.changed().await;
        }
    }
}
