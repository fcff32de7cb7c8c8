//! What happens to a fleet.

use proptest::prelude::*;

use super::SECOND;

/// What happens to a fleet. Processes are chosen by a number, modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Wait(u64),
    Rotate,
    /// Fetches the secret; if that changes the version, this many leases of the one before are left.
    Refresh {
        who: usize,
        stale: bool,
        leases: u32,
    },
    Drain(usize, usize),
    Presign {
        who: usize,
        for_s: u64,
    },
    Start {
        like: Option<usize>,
        stale: bool,
        ttl: u64,
    },
    Crash(usize),
    End(usize),
    Pause(usize),
    Resume(usize),
    Disconnect(usize),
    Reconnect(usize),
    LoseNext(usize),
    Compact,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = || 0..64_usize;
    prop_oneof![
        8 => (0..40 * SECOND).prop_map(Step::Wait),
        2 => Just(Step::Rotate),
        6 => (who(), any::<bool>(), 0..3_u32).prop_map(|(who, stale, leases)| Step::Refresh { who, stale, leases }),
        4 => (who(), who()).prop_map(|(who, which)| Step::Drain(who, which)),
        1 => (who(), 1..200_u64).prop_map(|(who, for_s)| Step::Presign { who, for_s }),
        3 => (prop::option::of(who()), any::<bool>(), 5..=60_u64)
            .prop_map(|(like, stale, ttl)| Step::Start { like, stale, ttl: ttl * SECOND }),
        1 => who().prop_map(Step::Crash),
        1 => who().prop_map(Step::End),
        1 => who().prop_map(Step::Pause),
        1 => who().prop_map(Step::Resume),
        2 => who().prop_map(Step::Disconnect),
        1 => who().prop_map(Step::Reconnect),
        1 => who().prop_map(Step::LoseNext),
        1 => Just(Step::Compact),
    ]
}
