//! A call that fails, or is the last one of its process, at each call in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credswap::rotation::seam::{CURRENT, PREVIOUS};
use credswap_testkit::{Action, KeyInfo, KeyStatus, SecretContent};
use tokio::sync::Notify;

use super::{SECRET, Setup, USER, key_in};
use crate::rotation::faults::{Fault, at_each_call};

/// A process that dies is gone when the call arrives; whether the call is done is up to chance.
const FAULTS: [Fault; 3] = [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore];

#[tokio::test]
async fn over_the_network_too_a_crash_leaves_nothing_behind() {
    let schedules = at_each_call(&FAULTS, async |fault| with_fault(fault).await).await;
    println!("{schedules} schedules");
    assert!(schedules > 100, "{schedules}");
}

/// Rotates and retires until both succeed, with one call that fails. Returns the number of calls.
async fn with_fault(fault: Option<(usize, Fault)>) -> usize {
    let setup = Setup::new().await;
    let first = setup.version();
    let (calls, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    fail_at(&setup, fault, Arc::clone(&calls), Arc::clone(&dead));
    let token = setup.cloud.begin_rotation(SECRET);
    let mut rotated = false;
    for _ in 0..4 {
        let rotation = setup.rotation();
        rotated = tokio::select! {
            done = setup.rotate(&rotation, &token) => done.is_ok(),
            () = dead.notified() => false,
        };
        setup.cloud.release();
        if rotated {
            break;
        }
        setup.pass(Duration::from_secs(20 * 60));
    }
    assert!(rotated, "{fault:?}");
    setup.released(&first);
    for _ in 0..8 {
        let rotation = setup.rotation();
        let retired = tokio::select! {
            done = rotation.retire(SECRET) => done.is_ok(),
            () = dead.notified() => false,
        };
        setup.cloud.release();
        let tags = setup.cloud.tags(SECRET);
        let tagged = tags.keys().any(|tag| tag.starts_with("credswap:key:"));
        if retired && setup.cloud.keys(USER).len() == 1 && !tagged {
            break;
        }
        setup.pass(Duration::from_secs(13 * 3600));
    }
    let keys = setup.cloud.keys(USER);
    let tags = setup.cloud.tags(SECRET);
    assert_eq!(keys.len(), 1, "{fault:?}: {keys:?} {tags:?}");
    assert_eq!(keys[0].id, setup.current_key(), "{fault:?}");
    assert_eq!(keys[0].status, KeyStatus::Active);
    assert_eq!(setup.cloud.staged(SECRET, CURRENT).as_ref(), Some(&token));
    assert_eq!(setup.cloud.staged(SECRET, PREVIOUS), Some(first));
    let mut events = setup.events().into_iter();
    assert!(events.any(|event| event.version_id.as_str() == token));
    // The hook holds the cloud, which would otherwise run for as long as the test's process.
    setup.cloud.clear_faults();
    calls.load(Ordering::SeqCst)
}

/// Counts the calls, and lets one of them fail; asserts at each call that the current key works.
fn fail_at(
    setup: &Setup,
    fault: Option<(usize, Fault)>,
    calls: Arc<AtomicUsize>,
    dead: Arc<Notify>,
) {
    let cloud = setup.cloud.clone();
    setup.cloud.on_call(move |_| {
        let current = key_in(&match cloud.current_secret(SECRET) {
            SecretContent::Text(text) => text,
            SecretContent::Binary(_) => panic!("the test's secrets are text"),
        });
        let is_active_current =
            |key: &KeyInfo| key.id == current && key.status == KeyStatus::Active;
        // A panic in here would only be an answer that does not come.
        if !cloud.keys(USER).iter().any(is_active_current) {
            eprintln!("rule 8 is broken");
            std::process::abort();
        }
        let call = calls.fetch_add(1, Ordering::SeqCst);
        match fault {
            Some((at, fault)) if at == call => match fault {
                Fault::FailBefore => Action::Disconnect,
                Fault::FailAfter => Action::LoseAnswer,
                _ => {
                    dead.notify_one();
                    Action::Hang
                }
            },
            _ => Action::Pass,
        }
    });
}
