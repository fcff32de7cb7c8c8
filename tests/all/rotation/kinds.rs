//! Another kind of secret under the same four steps: a door code that the door must be set to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::connect::Verdict;
use credswap::rotation::seam::{self, CURRENT, PENDING};
use credswap::rotation::{Content, Runner, SecretKind, Step, StepContext};
use credswap::{Backoff, Error, ErrorKind};

use crate::rotation::faults::Fault;
use crate::rotation::in_memory::{Process, SECRET, request};

#[derive(Default)]
struct Door {
    code: String,
    created: usize,
    undone: Vec<String>,
    /// How many tests fail before it has the code.
    failing_tests: usize,
}

#[derive(Clone)]
struct Codes(Arc<Mutex<Door>>);

fn code(content: &Content) -> String {
    let code = content.secret().expose_str().expect("a text");
    code.to_owned()
}

impl SecretKind for Codes {
    async fn create(&self, context: &StepContext<'_>, current: &Content) -> Result<Content, Error> {
        context.check_deadline()?;
        let mut door = self.0.lock().expect("not poisoned");
        door.created += 1;
        Ok(current.renewed(format!("code {}", door.created), context.token()))
    }

    async fn undo_create(&self, _: &StepContext<'_>, created: &Content) -> Result<(), Error> {
        let mut door = self.0.lock().expect("not poisoned");
        door.undone.push(code(created));
        Ok(())
    }

    async fn set(&self, _: &Content, pending: &Content) -> Result<(), Error> {
        self.0.lock().expect("not poisoned").code = code(pending);
        Ok(())
    }

    async fn test(&self, pending: &Content) -> Verdict {
        let mut door = self.0.lock().expect("not poisoned");
        let error = |kind| Error::new(kind, "the door stays shut");
        match () {
            () if door.code != code(pending) => Verdict::Bad(error(ErrorKind::Rejected)),
            () if door.failing_tests > 0 => {
                door.failing_tests -= 1;
                Verdict::NotYet(error(ErrorKind::NotPropagated))
            }
            () => Verdict::Good,
        }
    }
}

fn runner(process: &Process) -> (Runner, Arc<Mutex<Door>>) {
    let door = Arc::new(Mutex::new(Door::default()));
    let clock = process.clone();
    let rotation = seam::builder(process.clone(), Codes(Arc::clone(&door)))
        .announcer(process.clone())
        .clock(move || clock.account().now)
        .build();
    (Runner::new(rotation).seed(7), door)
}

fn current(process: &Process) -> Option<String> {
    let account = process.account();
    account
        .labelled(CURRENT)
        .and_then(|version| version.content.clone())
}

/// Rule 8 is about access keys, and these are not.
fn without_keys() -> Process {
    let process = Process::new();
    process.account().has_no_keys = true;
    process
}

#[tokio::test(start_paused = true)]
async fn the_runner_creates_sets_tests_and_finishes() {
    let process = without_keys();
    let (runner, door) = runner(&process);
    door.lock().expect("not poisoned").failing_tests = 3;
    let version = runner.rotate(SECRET).await.expect("it rotates");
    assert_eq!(current(&process).as_deref(), Some("code 1"));
    assert_eq!(door.lock().expect("not poisoned").code, "code 1");
    assert_eq!(process.account().announced, [version]);
}

#[tokio::test(start_paused = true)]
async fn a_retried_rotation_creates_no_second_version() {
    let process = without_keys();
    let (runner, door) = runner(&process);
    // Wherever one call fails or its answer is lost, the version that is stored is the one that is finished.
    for at in 0..40 {
        for fault in [Fault::FailBefore, Fault::FailAfter] {
            let at = process.account().calls + at;
            process.account().faults = [(at, fault)].into();
            let versions = process.account().versions.len();
            let version = runner.rotate(SECRET).await.expect("it is retried");
            let account = process.account();
            assert_eq!(account.versions.len(), versions + 1, "{fault:?}");
            assert_eq!(
                account.labelled(CURRENT).map(|v| v.id.clone()),
                Some(version.to_string())
            );
            assert_eq!(account.announced.last(), Some(&version));
        }
    }
    assert_eq!(
        current(&process),
        Some(door.lock().expect("not poisoned").code.clone())
    );
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_given_up_is_continued() {
    let process = without_keys();
    let (runner, door) = runner(&process);
    let runner = runner
        .attempts(2)
        .backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(1)));
    door.lock().expect("not poisoned").failing_tests = 1000;
    let error = runner
        .rotate(SECRET)
        .await
        .expect_err("the door fails too many tests");
    assert_eq!(error.kind(), ErrorKind::NotPropagated);
    let pending = process.account().labelled(PENDING).map(|v| v.id.clone());
    door.lock().expect("not poisoned").failing_tests = 0;
    let version = runner.rotate(SECRET).await.expect("it continues");
    assert_eq!(Some(version.to_string()), pending);
    assert_eq!(door.lock().expect("not poisoned").created, 1);
}

#[tokio::test(start_paused = true)]
async fn what_can_no_longer_be_stored_is_undone() {
    let process = without_keys();
    let (runner, door) = runner(&process);
    let create = |token: &str| {
        let request = request(Step::Create, token);
        let rotation = runner.rotation().clone();
        async move { rotation.step(&request).await }
    };
    let token = "11111111-1111-4111-8111-111111111111";
    let (one, other) = tokio::join!(create(token), create(token));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let door = door.lock().expect("not poisoned");
    assert_eq!((door.created, door.undone.len()), (2, 1));
    let stored = process
        .account()
        .versions
        .last()
        .and_then(|v| v.content.clone());
    assert!(stored.is_some_and(|stored| !door.undone.contains(&stored)));
}
