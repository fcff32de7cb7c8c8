//! A rotation and a retirement call what the policy allows, and fail without any line of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use credswap::rotation::{Policy, Rotation, Step, StepRequest, Usage, UsageState};
use credswap::test_util::TestUsage;
use credswap::{Backoff, Error};
use credswap_testkit::Cloud;
use serde_json::json;

use super::aws::actions;
use super::page::section;
use crate::support::canned::config;

const SECRET: &str = "prod/uploader";
const USER: &str = "uploader";
const ROLE: &str = "role";
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Setup {
    cloud: Cloud,
    usage: TestUsage,
    rotation: Rotation,
    ahead: Arc<AtomicU64>,
}

impl Setup {
    /// The role may do everything but what is denied.
    #[allow(
        clippy::disallowed_methods,
        reason = "the cloud's keys have the wall clock's times"
    )]
    async fn new(denied: Option<&str>) -> Self {
        let (cloud, usage) = (Cloud::start().await, TestUsage::new());
        cloud.create_user(USER);
        cloud.create_user(ROLE);
        let key = cloud.create_access_key(USER);
        let secret = json!({"accesskey": key.id(), "secretkey": key.secret(), "username": USER});
        cloud.create_secret(SECRET, &secret);
        if let Some(action) = denied {
            cloud.deny(ROLE, action);
        }
        let role = cloud.create_access_key(ROLE).credentials();
        let ahead = Arc::new(AtomicU64::new(0));
        let seconds = Arc::clone(&ahead);
        let millis = |n| Duration::from_millis(n);
        let policy = Policy::default()
            .all_consumers_report()
            .attempts(1)
            .propagation(Duration::from_secs(60))
            .test_backoff(Backoff::new(millis(1), millis(5)));
        let rotation = Rotation::access_keys(&config(&cloud, role))
            .usage(usage.clone())
            .policy(policy)
            .clock(move || SystemTime::now() + Duration::from_secs(seconds.load(Ordering::SeqCst)))
            .build();
        Self {
            cloud,
            usage,
            rotation,
            ahead,
        }
    }

    /// Rotates, and retires the old key to its end.
    async fn rotate_and_retire(&self) -> Result<(), Error> {
        let old = self.cloud.staged(SECRET, "AWSCURRENT").expect("current");
        let token = self.cloud.begin_rotation(SECRET);
        for step in Step::ALL {
            let request = StepRequest::new(step, SECRET, token.as_str().into());
            self.rotation.step(&request).await?;
        }
        let released = UsageState::Released {
            since: SystemTime::UNIX_EPOCH,
            presumed_gone: Vec::new(),
        };
        self.usage.set(old, Usage::new(released));
        self.rotation.retire(SECRET).await?;
        self.ahead.fetch_add(DAY.as_secs(), Ordering::SeqCst);
        self.rotation.retire(SECRET).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_rotation_calls_all_that_the_policy_allows_and_nothing_else() {
    let setup = Setup::new(None).await;
    setup.rotate_and_retire().await.expect("it may");
    assert_eq!(setup.cloud.keys(USER).len(), 1, "the old key is deleted");
    let mut called: BTreeSet<_> = setup
        .cloud
        .calls()
        .iter()
        .map(|record| record.call.name())
        .collect();
    assert!(called.remove("sts:GetCallerIdentity"), "testSecret");
    let mut allowed = actions(&section("The rotation function"));
    // Of Secrets Manager, for its caller.
    for by_the_service in ["kms:Decrypt", "kms:GenerateDataKey"] {
        assert!(allowed.remove(by_the_service));
    }
    assert_eq!(called, allowed);
}

#[tokio::test]
async fn without_any_line_something_fails_that_names_it() {
    for action in actions(&section("The rotation function")) {
        let setup = Setup::new(Some(&action)).await;
        let result = setup.rotate_and_retire().await;
        let error = result.expect_err(&format!("nothing failed without {action}"));
        assert!(error.report().contains(&action), "{}", error.report());
        let keys = setup.cloud.keys(USER).len();
        // The table says of these that no key is left behind, or none is created.
        let leaves_no_key = [
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "iam:CreateAccessKey",
        ];
        if leaves_no_key.contains(&action.as_str()) {
            assert_eq!(keys, 1, "after a denied {action}");
        }
    }
}

#[test]
fn the_template_of_the_example_allows_the_same() {
    let template = include_str!("../../../examples/rotation_lambda/template.yaml");
    let of_template: BTreeSet<_> = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter_map(|item| item.split_once(" #"))
        .map(|(action, _)| action.to_owned())
        .filter(|action| super::page::is_action(action))
        .collect();
    assert_eq!(of_template, actions(&section("The rotation function")));
}
