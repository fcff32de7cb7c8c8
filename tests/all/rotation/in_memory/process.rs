//! A process that rotates, and each of whose calls may be its last.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use credswap::rotation::{Policy, Rotation, Step, StepRequest, seam};
use credswap::{Error, ErrorKind, VersionId};

use super::account::Account;
use super::{MINUTE, SECRET};
use crate::rotation::faults::Fault;

/// A process that calls the account, and may die. Clones are the same process.
#[derive(Clone)]
pub(crate) struct Process {
    account: Arc<Mutex<Account>>,
    id: usize,
}

impl Process {
    /// A process on a new account.
    pub(crate) fn new() -> Self {
        Self {
            account: Arc::new(Mutex::new(Account::new())),
            id: 0,
        }
    }

    /// Another process on the same account.
    pub(crate) fn other(&self, id: usize) -> Self {
        Self {
            account: Arc::clone(&self.account),
            id,
        }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A rotation that knows that all consumers report.
    pub(crate) fn rotation(&self) -> Rotation {
        self.rotation_with(Policy::default().all_consumers_report())
    }

    pub(crate) fn rotation_with(&self, policy: Policy) -> Rotation {
        let process = self.clone();
        seam::access_keys(self.clone(), self.clone(), self.clone())
            .usage(self.clone())
            .announcer(self.clone())
            .policy(policy)
            .clock(move || process.account().now)
            .accept_new_tokens()
            .build()
    }

    /// The whole rotation, once. The token is taken over from one that is in progress.
    pub(crate) async fn rotate(&self, token: &str) -> Result<VersionId, Error> {
        self.rotate_with(Policy::default().all_consumers_report(), token)
            .await
    }

    /// As `rotate`, with another policy.
    pub(crate) async fn rotate_with(
        &self,
        policy: Policy,
        token: &str,
    ) -> Result<VersionId, Error> {
        let rotation = self.rotation_with(policy);
        let in_progress = rotation.in_progress(SECRET).await?;
        let token = in_progress.unwrap_or_else(|| VersionId::from(token));
        for step in Step::ALL {
            rotation.step(&request(step, token.as_str())).await?;
        }
        Ok(token)
    }

    /// Runs until it ends, or its process dies: `None`.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.account().dead.remove(&self.id);
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.account().dead.contains(&self.id) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    pub(super) async fn call<T: Send>(
        &self,
        name: &'static str,
        write: impl FnOnce(&mut Account) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let signed = self.account().now;
        // One call per poll, so that a test can interleave two callers between any two calls.
        let mut yielded = false;
        poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        let lost = || Err(Error::new(ErrorKind::Unavailable, "no answer"));
        let answer = {
            let mut account = self.account();
            // AWS rejects a signature that is older than this.
            let too_old = account.now > signed + 5 * MINUTE;
            let fault = match too_old {
                true => Some(Fault::FailBefore),
                false => account.faults.get(&account.calls).copied(),
            };
            account.calls += 1;
            let now = account.now;
            account.log.push((self.id, now, name, fault));
            match fault {
                None | Some(Fault::DieAfter | Fault::FailAfter) => {
                    let answer = write(&mut account);
                    account.assert_rule_8();
                    match fault {
                        Some(Fault::FailAfter) => lost(),
                        Some(_) => {
                            account.dead.insert(self.id);
                            answer
                        }
                        None => answer,
                    }
                }
                Some(Fault::DieBefore) => {
                    account.dead.insert(self.id);
                    lost()
                }
                Some(Fault::FailBefore) => lost(),
                Some(Fault::Late) => {
                    let until = signed + 5 * MINUTE;
                    let write = Box::new(move |account: &mut Account| drop(write(account)));
                    account.in_flight.push((until, write));
                    lost()
                }
            }
        };
        if self.account().dead.contains(&self.id) {
            pending::<()>().await;
        }
        answer
    }
}

pub(crate) fn request(step: Step, token: &str) -> StepRequest {
    StepRequest::new(step, SECRET, token.into())
}
