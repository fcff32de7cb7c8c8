//! The calls: one record per request, and counts by action.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Mutex;

use tokio::sync::watch;

/// How many records are kept, so that a bench does not fill the memory. Counts include all calls.
const MAX_RECORDS: usize = 20_000;

/// The services of a [`Cloud`](crate::Cloud).
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
    /// All services.
    pub const ALL: [Self; 4] = [Self::S3, Self::Iam, Self::Sts, Self::SecretsManager];

    /// Returns the name in ARNs, actions and signatures.
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

/// One request, before anything of it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The operation, such as `PutObject`.
    pub action: String,
    /// The resource: a secret's id, `/bucket/key`, a user or an access key id.
    pub resource: Option<String>,
    pub(crate) access_key_id: Option<String>,
}

impl Call {
    /// Returns `service:Action`, such as `s3:PutObject`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service.as_str(), self.action)
    }

    /// Returns the access key id that the request claims to be signed with.
    pub fn access_key_id(&self) -> Option<&str> {
        self.access_key_id.as_deref()
    }

    /// Returns the last four characters of that id, which may be printed.
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

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is processed.
    Pass,
    /// It is answered with this status and code, and not processed.
    Fail(u16, &'static str),
    /// Its connection is closed, and it is not processed.
    Disconnect,
    /// It is processed, then its connection is closed without an answer.
    LoseAnswer,
    /// It waits for [`Cloud::release`](crate::Cloud::release), then it is processed.
    Hang,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Processed and answered with success.
    Done,
    /// Answered with an error: status and code.
    Rejected(u16, String),
    /// The connection was closed before the call was processed.
    Disconnected,
    /// Processed, and the connection was closed without an answer.
    AnswerLost,
}

/// A call and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The request.
    pub call: Call,
    /// How it ended.
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
            let mut inner = self.inner.lock().expect("the lock is not poisoned");
            match inner.counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(inner.counts.insert(name.to_owned(), 1)),
            }
        }
        self.arrivals.send_replace(());
    }

    pub(crate) fn ended(&self, call: Call, outcome: Outcome) {
        let mut inner = self.inner.lock().expect("the lock is not poisoned");
        if inner.records.len() == MAX_RECORDS {
            inner.records.pop_front();
        }
        inner.records.push_back(CallRecord { call, outcome });
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let inner = self.inner.lock().expect("the lock is not poisoned");
        inner.counts.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let inner = self.inner.lock().expect("the lock is not poisoned");
        inner.records.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.inner.lock().expect("the lock is not poisoned") = Inner::default();
    }

    pub(crate) async fn called(&self, name: &str, times: usize) {
        let mut arrivals = self.arrivals.subscribe();
        while self.count(name) < times {
            // The sender is in `self`, so this cannot fail.
            let _ = arrivals.changed().await;
        }
    }
}
