//! Another kind of secret under the same four steps: a door code, and the door that must learn it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::connect::Verdict;
use credswap::rotation::*;
use credswap::{Error, ErrorKind};

use crate::rotation::world::{Fate, Hands, SECRET};

#[derive(Default)]
struct Door {
    code: String,
    made: usize,
    discarded: Vec<String>,
    /// How many tries until it has learned.
    slow: usize,
}

#[derive(Clone)]
struct Codes(Arc<Mutex<Door>>);

fn code(content: &Content) -> String {
    let code = content.secret().expose_str().expect("a text");
    code.to_owned()
}

impl SecretKind for Codes {
    async fn create(&self, task: &StepContext<'_>, current: &Content) -> Result<Content, Error> {
        task.in_time()?;
        let mut door = self.0.lock().expect("not poisoned");
        door.made += 1;
        Ok(current.renewed(format!("code {}", door.made), task.token()))
    }

    async fn discard(&self, _: &StepContext<'_>, made: &Content) -> Result<(), Error> {
        let mut door = self.0.lock().expect("not poisoned");
        door.discarded.push(code(made));
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
            () if door.slow > 0 => {
                door.slow -= 1;
                Verdict::NotYet(error(ErrorKind::NotPropagated))
            }
            () => Verdict::Good,
        }
    }
}

fn runner(hands: &Hands) -> (Runner<Hands, Codes, Hands>, Arc<Mutex<Door>>) {
    let door = Arc::new(Mutex::new(Door::default()));
    let rotation = Rotation::new(hands.clone(), Codes(Arc::clone(&door)), hands.clone());
    let hands = hands.clone();
    let rotation = rotation.clock(move || hands.world().now);
    (Runner::new(rotation).seed(7), door)
}

fn current(hands: &Hands) -> Option<String> {
    let world = hands.world();
    world
        .labelled(CURRENT)
        .and_then(|version| version.content.clone())
}

/// Rule 8 is about access keys, which these are none.
fn without_keys() -> Hands {
    let hands = Hands::new();
    hands.world().keyless = true;
    hands
}

#[tokio::test(start_paused = true)]
async fn the_runner_makes_sets_tests_and_finishes() {
    let hands = without_keys();
    let (runner, door) = runner(&hands);
    door.lock().expect("not poisoned").slow = 3;
    let version = runner.rotate(SECRET).await.expect("it rotates");
    assert_eq!(current(&hands).as_deref(), Some("code 1"));
    assert_eq!(door.lock().expect("not poisoned").code, "code 1");
    assert_eq!(hands.world().announced, [version]);
}

#[tokio::test(start_paused = true)]
async fn the_runner_retries_the_whole_rotation_and_makes_no_second_version() {
    let hands = without_keys();
    let (runner, door) = runner(&hands);
    // Wherever one call fails or its answer is lost, the version that is stored is the one that is finished.
    for at in 0..40 {
        for fate in [Fate::FailBefore, Fate::FailAfter] {
            let at = hands.world().calls + at;
            hands.world().plan = [(at, fate)].into();
            let versions = hands.world().versions.len();
            let version = runner.rotate(SECRET).await.expect("it is retried");
            let world = hands.world();
            assert_eq!(world.versions.len(), versions + 1, "{fate:?}");
            assert_eq!(
                world.labelled(CURRENT).map(|v| v.id.clone()),
                Some(version.to_string())
            );
            assert_eq!(world.announced.last(), Some(&version));
        }
    }
    assert_eq!(
        current(&hands),
        Some(door.lock().expect("not poisoned").code.clone())
    );
}

#[tokio::test(start_paused = true)]
async fn the_runner_gives_up_after_its_attempts_and_the_next_one_goes_on_where_it_was() {
    let hands = without_keys();
    let (runner, door) = runner(&hands);
    let runner = runner
        .attempts(2)
        .backoff(Duration::from_secs(1), Duration::from_secs(1));
    door.lock().expect("not poisoned").slow = 1000;
    let error = runner
        .rotate(SECRET)
        .await
        .expect_err("the door is too slow");
    assert_eq!(error.kind(), ErrorKind::NotPropagated);
    let pending = hands.world().labelled(PENDING).map(|v| v.id.clone());
    door.lock().expect("not poisoned").slow = 0;
    let version = runner.rotate(SECRET).await.expect("it goes on");
    assert_eq!(Some(version.to_string()), pending);
    assert_eq!(door.lock().expect("not poisoned").made, 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_any_more_is_taken_back() {
    let hands = without_keys();
    let (runner, door) = runner(&hands);
    let create = |token: &str| {
        let request = StepRequest {
            step: Step::Create,
            secret_id: SECRET.to_owned(),
            token: token.into(),
            rotation_token: None,
        };
        let rotation = runner.rotation().clone();
        async move { rotation.step(&request).await }
    };
    let token = "11111111-1111-4111-8111-111111111111";
    let (one, other) = tokio::join!(create(token), create(token));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let door = door.lock().expect("not poisoned");
    assert_eq!((door.made, door.discarded.len()), (2, 1));
    let stored = hands
        .world()
        .versions
        .last()
        .and_then(|v| v.content.clone());
    assert!(stored.is_some_and(|stored| !door.discarded.contains(&stored)));
}
