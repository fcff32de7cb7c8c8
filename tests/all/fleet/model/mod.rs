//! Any fleet, any network, any history of the ledger: a version is never released while it is in use, and always soon after.
//!
//! The simulation knows the truth (who uses what). The ledger knows only the reports that arrived.

use std::time::Duration;

use credswap::VersionId;
use credswap::fleet::Assumptions;
use proptest::prelude::*;

use self::process::LogKind;
use self::simulation::Simulation;
use self::step::step;

mod invariants;
mod log;
mod process;
mod simulation;
mod step;

const SECRET: &str = "prod/uploader";
const SECOND: u64 = 1000;
const TICK: u64 = SECOND;
const LONGEST_TTL: u64 = 60 * SECOND;
const LATE_ADOPTION: u64 = 20 * SECOND;
const GRACE: u64 = 7 * SECOND;
/// How long a report takes to arrive, at most, and how far the clocks of the brokers are off. The former and twice the latter
/// (one clock timed a report, another the next) must fit into the grace.
const DELAY: u64 = 4 * SECOND;
const SKEW: u64 = SECOND;

fn assumptions() -> Assumptions {
    Assumptions::default()
        .shortest_ttl(Duration::from_secs(5))
        .longest_ttl(Duration::from_millis(LONGEST_TTL))
        .grace(Duration::from_millis(GRACE))
        .late_adoption(Duration::from_millis(LATE_ADOPTION))
}

fn version(number: usize) -> VersionId {
    format!("v{number}").into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_released_while_in_use_and_always_soon_after(
        seed in any::<u64>(),
        kind in prop::sample::select(vec![LogKind::Unordered, LogKind::Kafka]),
        fleet in 1..5_usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut simulation = Simulation::new(seed, kind);
        for _ in 0..fleet {
            let ttl = simulation.rng.u64(5..=60) * SECOND;
            simulation.start(None, false, ttl);
        }
        for step in steps {
            simulation.apply(step)?;
        }
        simulation.recover();
        // Of crashed processes, too: a report may be in flight.
        let in_flight = simulation.in_flight.iter().flat_map(|(_, _, record)| record.presigned.values());
        let presigners = simulation.running.iter().flat_map(|process| process.presigned.values());
        let last = simulation.pinned_until.values().chain(in_flight).chain(presigners).max().copied().unwrap_or(0);
        if last > simulation.now {
            simulation.wait(last + GRACE - simulation.now)?;
        }
        // Stated in the module's documentation.
        let longest = LONGEST_TTL.max(LATE_ADOPTION + LONGEST_TTL / 3) + 2 * GRACE;
        simulation.wait(longest)?;
        simulation.all_released(&simulation.ledger)?;
        simulation.compact();
        simulation.all_released(&simulation.refolded())?;
    }
}
