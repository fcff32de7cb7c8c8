//! The rotation over the SDK's clients, against the embedded cloud: its steps, its bad inputs, and a crash at each call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use credswap::aws::check::CallerIdentity;
use credswap::rotation::*;
use credswap::{Error, ErrorKind, VersionId};
use credswap_testkit::{self as embedded, Action, Cloud, SecretContent, Service};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::canned::config;

const SECRET: &str = "prod/uploader";
const USER: &str = "uploader";
/// No test waits for it.
const LONG: Duration = Duration::from_secs(60);

type Keys = AccessKeys<SecretsManager, IamClient, CallerIdentity, Told>;
type Cloudy = Rotation<SecretsManager, Keys, Heard>;

/// What consumers say, as a test tells them to.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeMap<String, Usage>>>);

impl UsageSource for Told {
    async fn usage_of(&self, _: &SecretDescription, version: &VersionId) -> Result<Usage, Error> {
        let words = self.0.lock().expect("not poisoned");
        let word = words.get(version.as_str()).cloned();
        Ok(word.unwrap_or(Usage::new(UsageState::Unknown)))
    }
}

#[derive(Clone, Default)]
struct Heard {
    events: Arc<Mutex<Vec<RotationEvent>>>,
    failures: Arc<AtomicUsize>,
}

impl Announcer for Heard {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let failing = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.failures.fetch_update(order, order, failing).is_ok() {
            return Err(Error::new(ErrorKind::Unavailable, "no broker"));
        }
        self.events
            .lock()
            .expect("not poisoned")
            .push(event.clone());
        Ok(())
    }
}

struct World {
    cloud: Cloud,
    told: Told,
    heard: Heard,
    /// How far the rotation's clock is ahead of the cloud's.
    ahead: Arc<AtomicU64>,
}

impl World {
    /// A user whose key is in a secret with a few fields more.
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_user(USER);
        let key = cloud.create_access_key(USER);
        cloud.create_secret(SECRET, format!(
            "{{ \"note\": \"é\\\"\",\n \"secretkey\":\"{}\", \"accesskey\" :\"{}\", \"username\": \"{USER}\", \"port\": 1.0}}",
            key.secret(),
            key.id()
        ));
        Self {
            cloud,
            told: Told::default(),
            heard: Heard::default(),
            ahead: Arc::default(),
        }
    }

    fn rotation_by(&self, role: Credentials) -> Cloudy {
        let sdk = config(&self.cloud, role);
        let mut policy = Policy::default();
        policy.test_again = (Duration::from_millis(1), Duration::from_millis(5));
        policy.propagation = Duration::from_millis(100);
        let client = aws_sdk_secretsmanager::Client::new(&sdk);
        let store = SecretsManager::new(client)
            .attempts(1)
            .attempt_timeout(LONG);
        let iam = IamClient::new(&sdk).attempts(1).attempt_timeout(LONG);
        let check = CallerIdentity::new(&sdk);
        let keys = AccessKeys::new(store.clone(), iam, check, self.told.clone())
            .policy(policy.clone())
            .clock(self.clock());
        Rotation::new(store, keys, self.heard.clone())
            .policy(policy)
            .clock(self.clock())
    }

    fn rotation(&self) -> Cloudy {
        self.rotation_by(self.cloud.root())
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the cloud's keys have the wall clock's times"
    )]
    fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let ahead = Arc::clone(&self.ahead);
        move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::SeqCst))
    }

    fn pass(&self, time: Duration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    async fn rotate(&self, rotation: &Cloudy, token: &str) -> Result<(), Error> {
        for step in Step::ALL {
            rotation.step(&request(step, token)).await?;
        }
        Ok(())
    }

    fn tell(&self, version: &str, standing: UsageState) {
        let mut words = self.told.0.lock().expect("not poisoned");
        words.insert(version.to_owned(), Usage::new(standing));
    }

    fn released(&self, version: &str) {
        let since = self.clock()();
        let presumed_gone = Vec::new();
        self.tell(
            version,
            UsageState::Released {
                since,
                presumed_gone,
            },
        );
    }

    fn events(&self) -> Vec<RotationEvent> {
        self.heard.events.lock().expect("not poisoned").clone()
    }

    fn current_text(&self) -> String {
        match self.cloud.current_secret(SECRET) {
            SecretContent::Text(text) => text,
            SecretContent::Binary(bytes) => String::from_utf8(bytes).expect("JSON"),
        }
    }

    fn current_key(&self) -> String {
        key_in(&self.current_text())
    }

    fn put(&self, content: Value) {
        self.cloud.put_secret(SECRET, &content);
    }
}

fn key_in(text: &str) -> String {
    let json: Value = serde_json::from_str(text).expect("JSON");
    let key = json["accesskey"].as_str().or(json["accessKeyId"].as_str());
    key.expect("a key").to_owned()
}

fn request(step: Step, token: &str) -> StepRequest {
    StepRequest {
        step,
        secret_id: SECRET.to_owned(),
        token: token.into(),
        rotation_token: None,
    }
}

fn assert_tells(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{}", error.report());
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in {error}");
    }
}

#[tokio::test]
async fn a_rotation_replaces_the_key_and_nothing_else_and_tells() {
    let world = World::new().await;
    let (old, before) = (world.current_key(), world.current_text());
    let old_version = world.cloud.staged(SECRET, CURRENT).expect("current");
    let token = world.cloud.begin_rotation(SECRET);
    world
        .rotate(&world.rotation(), &token)
        .await
        .expect("it rotates");

    assert_eq!(world.cloud.staged(SECRET, CURRENT), Some(token.clone()));
    let (new, after) = (world.current_key(), world.current_text());
    assert_ne!(new, old);
    let json: Value = serde_json::from_str(&after).expect("JSON");
    let secret = json["secretkey"].as_str().expect("a secret key");
    let before_json: Value = serde_json::from_str(&before).expect("JSON");
    let old_secret = before_json["secretkey"].as_str().expect("a secret key");
    let expected = before.replace(&old, &new).replace(old_secret, secret);
    assert!(after == expected, "all but the key stays, byte for byte");

    let [event] = &world.events()[..] else {
        panic!("one event")
    };
    assert_eq!(event.secret_id, world.cloud.secret_arn(SECRET));
    assert_eq!(event.version_id.as_str(), token);
    assert_eq!(event.previous_version_id, Some(old_version.as_str().into()));
    // Both keys work: consumers have all the time they need.
    let active = embedded::KeyStatus::Active;
    assert!(
        world
            .cloud
            .keys(USER)
            .iter()
            .all(|key| key.status == active)
    );
}

#[tokio::test]
async fn each_step_may_be_called_again_at_any_time() {
    let world = World::new().await;
    let rotation = world.rotation();
    let token = world.cloud.begin_rotation(SECRET);
    for done in 0..4 {
        for step in &Step::ALL[..=done] {
            for _ in 0..2 {
                let answer = rotation.step(&request(*step, &token)).await;
                answer.unwrap_or_else(|error| panic!("{step}: {}", error.report()));
            }
        }
    }
    assert_eq!(world.cloud.keys(USER).len(), 2);
    assert_eq!(world.cloud.count("iam:CreateAccessKey"), 1);
    assert_eq!(
        world.events().len(),
        2,
        "a retry that finds it moved tells again"
    );
    assert_eq!(
        world.events()[0].previous_version_id,
        world.events()[1].previous_version_id
    );
}

#[tokio::test]
async fn two_runs_of_a_step_at_the_same_time_end_in_one_key() {
    let world = World::new().await;
    let rotation = world.rotation();
    let token = world.cloud.begin_rotation(SECRET);
    for step in Step::ALL {
        let request = request(step, &token);
        let (one, other) = tokio::join!(rotation.step(&request), rotation.step(&request));
        assert!(one.is_ok() || other.is_ok(), "{step}: {one:?} {other:?}");
        for error in [one, other].into_iter().filter_map(Result::err) {
            assert!(error.is_retryable(), "{step}: {}", error.report());
        }
    }
    assert_eq!(world.cloud.keys(USER).len(), 2);
    assert_eq!(world.cloud.staged(SECRET, CURRENT), Some(token));
}

#[tokio::test]
async fn an_event_that_is_not_published_fails_the_step_and_the_retry_publishes_it() {
    let world = World::new().await;
    let token = world.cloud.begin_rotation(SECRET);
    world.heard.failures.store(1, Ordering::SeqCst);
    let failed = world.rotate(&world.rotation(), &token).await;
    assert_tells(
        &failed.expect_err("no broker"),
        ErrorKind::Unavailable,
        &["no broker"],
    );
    assert_eq!(world.cloud.staged(SECRET, CURRENT), Some(token.clone()));
    world
        .rotate(&world.rotation(), &token)
        .await
        .expect("it is retried");
    assert_eq!(world.events().len(), 1);
    assert!(world.events()[0].previous_version_id.is_some());
}

#[tokio::test]
async fn the_master_secrets_key_calls_iam_where_one_is_named() {
    let world = World::new().await;
    world.cloud.create_user("rotator");
    world.cloud.create_user("role");
    let master = world.cloud.create_access_key("rotator");
    world.cloud.create_secret("master", master.to_json());
    let key = world.cloud.keys(USER).remove(0).id;
    let arn = world.cloud.secret_arn("master");
    world.put(json!({"accesskey": key, "secretkey": "x", "username": USER, "masterarn": arn}));
    world.cloud.deny("role", "iam:*");
    let role = world.cloud.create_access_key("role").credentials();
    let token = world.cloud.begin_rotation(SECRET);
    world
        .rotate(&world.rotation_by(role.clone()), &token)
        .await
        .expect("it rotates");

    let text = world.current_text();
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["masterarn"], arn);

    // And without a master secret, the role is what is denied.
    world.put(json!({"accesskey": key, "secretkey": "x", "username": USER}));
    let token = world.cloud.begin_rotation(SECRET);
    let error = world
        .rotate(&world.rotation_by(role), &token)
        .await
        .expect_err("denied");
    assert_tells(
        &error,
        ErrorKind::PermissionDenied,
        &["iam:ListAccessKeys", "the rotation's role"],
    );
}

#[tokio::test]
async fn a_master_secret_that_does_not_do_is_named_with_what_to_change() {
    let world = World::new().await;
    let key = world.cloud.keys(USER).remove(0).id;
    let with_master =
        |arn: &str| json!({"accesskey": key, "secretkey": "x", "username": USER, "masterarn": arn});
    let fails = async |role: Credentials| {
        let token = world.cloud.begin_rotation(SECRET);
        let answer = world.rotate(&world.rotation_by(role), &token).await;
        answer.expect_err("it cannot rotate")
    };
    let root = world.cloud.root();

    world.put(with_master("no-such-master"));
    let error = fails(root.clone()).await;
    assert_tells(
        &error,
        ErrorKind::NotFound,
        &["no-such-master", "does not exist"],
    );

    world.cloud.create_secret("master", "{}");
    world.put(with_master("master"));
    let error = fails(root.clone()).await;
    assert_tells(&error, ErrorKind::Malformed, &["`master`", "no access key"]);

    world.cloud.create_user("rotator");
    let master = world.cloud.create_access_key("rotator");
    world.cloud.put_secret("master", master.to_json());
    world.cloud.deny("rotator", "iam:CreateAccessKey");
    let error = fails(root.clone()).await;
    assert_tells(
        &error,
        ErrorKind::PermissionDenied,
        &[
            "`iam:CreateAccessKey`",
            "grant it to the user whose key is in the master secret `master`",
        ],
    );

    world.cloud.delete_key(master.id());
    let error = fails(root).await;
    assert_tells(
        &error,
        ErrorKind::Unauthenticated,
        &["the master secret `master`"],
    );
    assert_eq!(world.cloud.keys(USER).len(), 1, "nothing is left");
}

#[tokio::test]
async fn what_cannot_be_rotated_is_refused_with_its_reason_and_nothing_changes() {
    let world = World::new().await;
    let key = world.cloud.keys(USER).remove(0).id;
    let stranger = world.cloud.create_user("stranger").name;
    let full = json!({"accesskey": key, "secretkey": "x"});
    let with = |field: &str, value: &str| {
        let mut content = full.clone();
        content[field] = value.into();
        content
    };
    let mut session = with("username", USER);
    session["sessiontoken"] = "t".into();
    for (content, words) in [
        (full.clone(), "has no user name"),
        (with("username", "nobody"), "`nobody`"),
        (
            with("username", &stranger),
            "IAM says that it is of `uploader`",
        ),
        (session, "session token"),
        (json!({"username": USER}), "access key id"),
        (json!([]), "no object"),
    ] {
        world.put(content);
        let token = world.cloud.begin_rotation(SECRET);
        let error = world
            .rotate(&world.rotation(), &token)
            .await
            .expect_err(words);
        assert_tells(&error, ErrorKind::Malformed, &[words]);
        assert_eq!(world.cloud.keys(USER).len(), 1);
        assert_ne!(world.cloud.staged(SECRET, CURRENT), Some(token));
    }
}

#[tokio::test]
async fn a_token_that_is_not_staged_begins_nothing() {
    let world = World::new().await;
    let stale = world.cloud.begin_rotation(SECRET);
    world.cloud.remove_stage(SECRET, PENDING);
    for token in ["00000000-0000-4000-8000-000000000000", &stale] {
        for step in Step::ALL {
            let error = world.rotation().step(&request(step, token)).await;
            let error = error.expect_err("not staged");
            assert_tells(
                &error,
                ErrorKind::InvalidRequest,
                &[token, "not staged", step.as_str()],
            );
        }
    }
    let error = world
        .rotation()
        .accept_new_tokens()
        .step(&StepRequest {
            secret_id: "none".to_owned(),
            ..request(Step::Create, &stale)
        })
        .await;
    assert_tells(
        &error.expect_err("no secret"),
        ErrorKind::NotFound,
        &["`none`"],
    );
    // While one is under way, a new token does not begin another.
    world.cloud.begin_rotation(SECRET);
    let error = world
        .rotation()
        .accept_new_tokens()
        .step(&request(Step::Create, &stale))
        .await;
    assert_tells(
        &error.expect_err("one at a time"),
        ErrorKind::InvalidRequest,
        &["is being rotated"],
    );
    assert_eq!(world.cloud.count("iam:CreateAccessKey"), 0);
}

#[tokio::test]
async fn finish_before_create_publishes_nothing() {
    let world = World::new().await;
    let before = world.cloud.staged(SECRET, CURRENT);
    let token = world.cloud.begin_rotation(SECRET);
    for step in [Step::Set, Step::Finish] {
        let error = world
            .rotation()
            .step(&request(step, &token))
            .await
            .expect_err("empty");
        assert_tells(
            &error,
            ErrorKind::InvalidRequest,
            &["createSecret has to come before"],
        );
    }
    assert_eq!(world.cloud.staged(SECRET, CURRENT), before);
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn a_test_without_a_rotation_tests_what_there_is() {
    // RotateImmediately=false: testSecret alone, on a version that is empty, or holds a copy.
    let world = World::new().await;
    let token = world.cloud.begin_rotation(SECRET);
    world
        .rotation()
        .step(&request(Step::Test, &token))
        .await
        .expect("it works");
    world
        .cloud
        .put_secret_version(SECRET, &token, world.current_text(), &[PENDING]);
    world
        .rotation()
        .step(&request(Step::Test, &token))
        .await
        .expect("it works");
    // A copy of the current key is no rotation.
    let error = world
        .rotation()
        .step(&request(Step::Finish, &token))
        .await
        .expect_err("a copy");
    assert_tells(&error, ErrorKind::Rejected, &["holds the current key"]);
}

#[tokio::test]
async fn a_new_key_is_waited_for_and_a_wrong_one_is_not() {
    let world = World::new().await;
    let token = world.cloud.begin_rotation(SECRET);
    world.cloud.delay_new_keys([Service::Sts], 3);
    world
        .rotate(&world.rotation(), &token)
        .await
        .expect("it is known in the end");
    assert_eq!(world.cloud.count("sts:GetCallerIdentity"), 4);

    // Never known: said after the bound, as what it is.
    world.released(&world.cloud.staged(SECRET, PREVIOUS).expect("previous"));
    world.cloud.hold_new_keys([Service::Sts]);
    let token = world.cloud.begin_rotation(SECRET);
    let error = world
        .rotate(&world.rotation(), &token)
        .await
        .expect_err("not known");
    assert_tells(&error, ErrorKind::NotPropagated, &["too new"]);

    // Wrong: said at once.
    world.cloud.clear_faults();
    let asked = world.cloud.count("sts:GetCallerIdentity");
    world.cloud.remove_stage(SECRET, PENDING);
    let wrong = world.cloud.begin_rotation(SECRET);
    let id = world.current_key();
    let content = json!({"accesskey": id, "secretkey": "wrong", "username": USER});
    world
        .cloud
        .put_secret_version(SECRET, &wrong, &content, &[PENDING]);
    let error = world
        .rotation()
        .step(&request(Step::Test, &wrong))
        .await
        .expect_err("wrong");
    assert_tells(&error, ErrorKind::Rejected, &["does not belong to it"]);
    assert_eq!(world.cloud.count("sts:GetCallerIdentity"), asked + 1);
}

#[tokio::test]
async fn two_keys_in_use_are_kept_and_their_holders_named() {
    let world = World::new().await;
    let rotation = world.rotation();
    let first = world.cloud.staged(SECRET, CURRENT).expect("current");
    world
        .rotate(&rotation, &world.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    let straggler = Holder {
        instance: "straggler-7".to_owned(),
        using: "3 leases".to_owned(),
        until: None,
    };
    for (standing, words) in [
        (
            UsageState::InUse {
                by: vec![straggler],
            },
            "straggler-7 (3 leases)",
        ),
        (UsageState::Unknown, "no consumer has ever said a word"),
    ] {
        world.tell(&first, standing);
        let token = world.cloud.begin_rotation(SECRET);
        let error = world.rotate(&rotation, &token).await.expect_err("no room");
        assert_tells(&error, ErrorKind::InUse, &["no room", words, CURRENT]);
        assert_eq!(world.cloud.keys(USER).len(), 2);
        assert_eq!(world.cloud.count("iam:DeleteAccessKey"), 0);
        world.cloud.remove_stage(SECRET, PENDING);
    }
    // When the last one lets go, there is room.
    world.released(&first);
    world
        .rotate(&rotation, &world.cloud.begin_rotation(SECRET))
        .await
        .expect("there is room");
    assert_eq!(world.cloud.keys(USER).len(), 2);
}

#[tokio::test]
async fn a_key_that_a_person_made_is_never_touched() {
    let world = World::new().await;
    let person = world.cloud.create_access_key(USER);
    for wait in [0, 3600, 30 * 24 * 3600] {
        world.pass(Duration::from_secs(wait));
        let token = world.cloud.begin_rotation(SECRET);
        let error = world
            .rotate(&world.rotation(), &token)
            .await
            .expect_err("no room");
        assert_tells(
            &error,
            ErrorKind::Config,
            &[&person.id()[16..], "may be somebody's"],
        );
        world.rotation().retire(SECRET).await.expect("it requester");
        world.cloud.remove_stage(SECRET, PENDING);
    }
    let keys = world.cloud.keys(USER);
    assert!(keys.iter().any(|key| key.id == person.id()));
    assert_eq!(world.cloud.count("iam:UpdateAccessKey"), 0);
}

#[tokio::test]
async fn an_old_key_is_deactivated_watched_and_deleted() {
    let world = World::new().await;
    let (old, first) = (world.current_key(), world.cloud.staged(SECRET, CURRENT));
    let rotation = world.rotation();
    world
        .rotate(&rotation, &world.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    world.released(&first.expect("current"));

    let status = |id: &str| {
        let keys = world.cloud.keys(USER);
        keys.into_iter()
            .find(|key| key.id == id)
            .map(|key| key.status)
    };
    rotation.retire(SECRET).await.expect("it retires");
    assert_eq!(status(&old), Some(embedded::KeyStatus::Inactive));
    rotation.retire(SECRET).await.expect("it watches");
    assert_eq!(status(&old), Some(embedded::KeyStatus::Inactive));
    world.pass(Duration::from_secs(24 * 3600));
    let retired = rotation.retire(SECRET).await.expect("it deletes");
    assert_eq!(status(&old), None);
    assert!(
        retired
            .keys
            .iter()
            .any(|key| key.id == old && key.did == KeyAction::Deleted),
        "{retired:?}"
    );
    assert!(
        !world
            .cloud
            .tags(SECRET)
            .keys()
            .any(|tag| tag.starts_with("credswap:key:"))
    );
}

#[tokio::test]
async fn a_binary_secret_stays_binary() {
    let world = World::new().await;
    let text = world.current_text();
    world.cloud.put_secret(SECRET, text.into_bytes());
    world
        .rotate(&world.rotation(), &world.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    assert!(matches!(
        world.cloud.current_secret(SECRET),
        SecretContent::Binary(_)
    ));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for action in [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
        "secretsmanager:TagResource",
        "iam:ListAccessKeys",
        "iam:CreateAccessKey",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    ] {
        let world = World::new().await;
        world.cloud.create_user("role");
        world.cloud.deny("role", action);
        let role = world.cloud.create_access_key("role").credentials();
        let token = world.cloud.begin_rotation(SECRET);
        let error = world
            .rotate(&world.rotation_by(role), &token)
            .await
            .expect_err(action);
        assert_tells(&error, ErrorKind::PermissionDenied, &[action]);
        // What was made in vain was taken back.
        let keys = world.cloud.keys(USER).len();
        assert_eq!(
            keys,
            if action.ends_with("Stage") { 2 } else { 1 },
            "{action}"
        );
        world.cloud.allow("role", action);
        world
            .rotate(&world.rotation(), &token)
            .await
            .expect("it converges");
    }
}

/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Lost,
    AnswerLost,
    /// The process is gone when the call arrives; the call may be done or not.
    Dies,
}

/// Rotates and retires until both succeed, with one call that does not go well. Gives the number of calls.
async fn schedule(at: usize, fate: Option<Fate>) -> usize {
    let world = World::new().await;
    let first = world.cloud.staged(SECRET, CURRENT).expect("current");
    let (calls, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, told) = (calls.clone(), dead.clone());
    let cloud = world.cloud.clone();
    world.cloud.on_call(move |_| {
        let current = key_in(&match cloud.current_secret(SECRET) {
            SecretContent::Text(text) => text,
            SecretContent::Binary(_) => panic!("the test's secrets are text"),
        });
        let active = |key: &embedded::KeyInfo| {
            key.id == current && key.status == embedded::KeyStatus::Active
        };
        // A panic in here would only be an answer that does not come.
        if !cloud.keys(USER).iter().any(active) {
            eprintln!("rule 8 is broken");
            std::process::abort();
        }
        match fate {
            _ if counted.fetch_add(1, Ordering::SeqCst) != at => Action::Pass,
            None => Action::Pass,
            Some(Fate::Lost) => Action::Disconnect,
            Some(Fate::AnswerLost) => Action::LoseAnswer,
            Some(Fate::Dies) => {
                told.notify_one();
                Action::Hang
            }
        }
    });
    let token = world.cloud.begin_rotation(SECRET);
    let mut rotated = false;
    for _ in 0..4 {
        let rotation = world.rotation();
        rotated = tokio::select! {
            done = world.rotate(&rotation, &token) => done.is_ok(),
            () = dead.notified() => false,
        };
        world.cloud.release();
        if rotated {
            break;
        }
        world.pass(Duration::from_secs(20 * 60));
    }
    assert!(rotated, "{at} {fate:?}");
    world.released(&first);
    for _ in 0..8 {
        let rotation = world.rotation();
        let retired = tokio::select! {
            done = rotation.retire(SECRET) => done.is_ok(),
            () = dead.notified() => false,
        };
        world.cloud.release();
        let notes = world
            .cloud
            .tags(SECRET)
            .keys()
            .any(|tag| tag.starts_with("credswap:key:"));
        if retired && world.cloud.keys(USER).len() == 1 && !notes {
            break;
        }
        world.pass(Duration::from_secs(13 * 3600));
    }
    let keys = world.cloud.keys(USER);
    assert_eq!(
        keys.len(),
        1,
        "{at} {fate:?}: {keys:?} {:?}",
        world.cloud.tags(SECRET)
    );
    assert_eq!(keys[0].id, world.current_key(), "{at} {fate:?}");
    assert_eq!(keys[0].status, embedded::KeyStatus::Active);
    assert_eq!(world.cloud.staged(SECRET, CURRENT).as_ref(), Some(&token));
    assert_eq!(world.cloud.staged(SECRET, PREVIOUS), Some(first));
    assert!(
        world
            .events()
            .iter()
            .any(|event| event.version_id.as_str() == token)
    );
    // The hook holds the cloud, which would go on for as long as the test's process.
    world.cloud.clear_faults();
    calls.load(Ordering::SeqCst)
}

#[tokio::test]
async fn over_the_wire_too_a_crash_at_any_call_leaves_nothing_behind() {
    let calls = schedule(usize::MAX, None).await;
    let mut schedules = 0;
    for at in 0..calls {
        for fate in [Fate::Lost, Fate::AnswerLost, Fate::Dies] {
            schedule(at, Some(fate)).await;
            schedules += 1;
        }
    }
    println!("{calls} calls, {schedules} schedules");
    assert!(schedules > 100, "{schedules}");
}
