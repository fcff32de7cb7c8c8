//! Any order of swaps, leases, clones, tokens and drops, against a plain model that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use credswap::hot::{Drain, DrainToken, HotSwap, Lease};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Swap,
    Lease,
    CloneLease(usize),
    DropLease(usize),
    HoldOf(usize),
    DropHold(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Swap),
        3 => Just(Step::Lease),
        2 => any::<usize>().prop_map(Step::CloneLease),
        4 => any::<usize>().prop_map(Step::DropLease),
        1 => any::<usize>().prop_map(Step::HoldOf),
        2 => any::<usize>().prop_map(Step::DropHold),
    ]
}

/// Counts its drops.
struct Value(Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One generation as the model sees it.
struct Model {
    leases: usize,
    tokens: usize,
    drops: Arc<AtomicUsize>,
    drain: Option<Drain>,
}

#[derive(Default)]
struct World {
    generations: Vec<Model>,
    leases: Vec<Lease<Value>>,
    tokens: Vec<(usize, DrainToken)>,
}

impl World {
    fn publish(&mut self) -> Value {
        let drops = Arc::new(AtomicUsize::new(0));
        self.generations.push(Model {
            leases: 0,
            tokens: 0,
            drops: Arc::clone(&drops),
            drain: None,
        });
        Value(drops)
    }

    fn of(&mut self, lease: &Lease<Value>) -> &mut Model {
        let number = usize::try_from(Lease::generation(lease)).expect("small");
        &mut self.generations[number - 1]
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (index, model) in self.generations.iter().enumerate() {
            let live = model.drain.is_none();
            let drops = model.drops.load(Ordering::SeqCst);
            prop_assert_eq!(
                drops,
                usize::from(!live && model.leases == 0),
                "drops of {}",
                index + 1
            );
            let Some(drain) = &model.drain else { continue };
            let out = model.leases + model.tokens;
            prop_assert_eq!(drain.is_drained(), out == 0, "drained {}", index + 1);
            let expected = if model.leases > 0 {
                model.leases
            } else {
                model.tokens
            };
            prop_assert_eq!(drain.outstanding(), expected, "outstanding {}", index + 1);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn drains_are_announced_when_the_model_says_so(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::default();
        let first = world.publish();
        let cell = HotSwap::new(first);
        for step in steps {
            match step {
                Step::Swap => {
                    let value = world.publish();
                    let drain = cell.swap(value);
                    let old = world.generations.len() - 2;
                    world.generations[old].drain = Some(drain);
                }
                Step::Lease => {
                    let lease = cell.lease();
                    world.of(&lease).leases += 1;
                    world.leases.push(lease);
                }
                Step::CloneLease(n) if !world.leases.is_empty() => {
                    let lease = world.leases[n % world.leases.len()].clone();
                    world.of(&lease).leases += 1;
                    world.leases.push(lease);
                }
                Step::DropLease(n) if !world.leases.is_empty() => {
                    let lease = world.leases.swap_remove(n % world.leases.len());
                    world.of(&lease).leases -= 1;
                }
                Step::HoldOf(n) if !world.leases.is_empty() => {
                    let lease = world.leases[n % world.leases.len()].clone();
                    let number = usize::try_from(Lease::generation(&lease)).expect("small");
                    world.generations[number - 1].tokens += 1;
                    world.tokens.push((number, Lease::token(&lease)));
                }
                Step::DropHold(n) if !world.tokens.is_empty() => {
                    let (number, token) = world.tokens.swap_remove(n % world.tokens.len());
                    world.generations[number - 1].tokens -= 1;
                    drop(token);
                }
                _ => {}
            }
            world.check()?;
        }
    }
}
