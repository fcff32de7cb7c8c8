//! What must hold after any crash: the rotation is retried until it succeeds, and nothing is left behind.

use credswap::VersionId;
use credswap::rotation::seam::{CURRENT, PENDING};

use crate::rotation::faults::Fault;
use crate::rotation::in_memory::{HOUR, MINUTE, Process, SECRET};

pub(crate) const TOKEN: &str = "version-1-of-this-secret-is-being-made";
pub(crate) const MAX_RETRIES: usize = 20;

/// What exists before the rotation begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InitialState {
    OneKey,
    /// An earlier rotation's old key was never retired.
    OldKeyReleased,
    /// And was deactivated, and then retire was not called again.
    OldKeyInactive,
    /// A rotation was cancelled when its version was pending.
    Cancelled,
    /// The old key was deactivated, then the secret was rolled back to it.
    RolledBack,
}

pub(crate) const INITIAL_STATES: [InitialState; 5] = [
    InitialState::OneKey,
    InitialState::OldKeyReleased,
    InitialState::OldKeyInactive,
    InitialState::Cancelled,
    InitialState::RolledBack,
];

/// Returns a process on an account in this state.
pub(crate) fn prepared(initial: InitialState) -> Process {
    let process = Process::new();
    {
        let mut account = process.account();
        if !matches!(initial, InitialState::OneKey) {
            let key = account.new_key();
            let labels: &[&str] = match initial {
                InitialState::Cancelled => &[PENDING],
                // A rotation leaves AWSPENDING where it is.
                InitialState::RolledBack => &[PENDING, CURRENT],
                _ => &[CURRENT],
            };
            account.add_version("version-0b", Some(&key), labels);
            account.now += MINUTE;
            match initial {
                InitialState::Cancelled => account.unlabel(PENDING),
                _ => account.consumer_refreshes("first"),
            }
            account.now += 48 * HOUR;
            match initial {
                InitialState::OldKeyInactive => account.keys[0].active = false,
                InitialState::RolledBack => {
                    let old = account.keys[0].id.clone();
                    let tag = "deactivated 1700000000 2023-11-14T22:13:20Z".to_owned();
                    account.tags.insert(format!("credswap:key:{old}"), tag);
                    account.key_mut(&old).active = false;
                    account.label_by_hand(CURRENT, "version-0");
                    account.consumer_refreshes("first");
                }
                _ => {}
            }
        }
    }
    process
}

/// The rotation and retire, each retried until it succeeds. Returns the number of calls.
pub(crate) async fn converge(process: &Process) -> usize {
    let mut token = None;
    for _ in 0..MAX_RETRIES {
        if let Some(Ok(current)) = process.run(process.rotate(TOKEN)).await {
            token = Some(current);
            break;
        }
        process.account().now += 20 * MINUTE;
    }
    let token =
        token.unwrap_or_else(|| panic!("it does not converge: {}", process.account().history()));
    retire(process, &token).await;
    process.account().calls
}

/// Retires until only the current key is left, and asserts that nothing else is.
pub(crate) async fn retire(process: &Process, token: &VersionId) {
    process.account().consumer_refreshes("first");
    for _ in 0..MAX_RETRIES {
        process.account().now += 13 * HOUR;
        // By another version's consumers, the current key is used all the time.
        process.account().consumer_refreshes("first");
        let done = process.run(process.rotation().retire(SECRET)).await;
        let account = process.account();
        let tags = account
            .tags
            .keys()
            .any(|tag| tag.starts_with("credswap:key:"));
        if matches!(done, Some(Ok(_))) && account.keys.len() == 1 && !tags {
            break;
        }
    }
    process.account().assert_converged(token);
}

/// Converges from this state, with these faults at these calls. Returns the number of calls.
pub(crate) async fn with_faults(initial: InitialState, faults: &[(usize, Fault)]) -> usize {
    let process = prepared(initial);
    process.account().faults = faults.iter().copied().collect();
    converge(&process).await
}
