//! Rotations and a retirement that run at the same time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use credswap::rotation::Step;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::rotation::convergence::{
    INITIAL_STATES, InitialState, MAX_RETRIES, TOKEN, converge, prepared, retire,
};
use crate::rotation::faults::Fault;
use crate::rotation::in_memory::{HOUR, MINUTE, Process, SECRET, request};

/// A step is suspended after each of its calls, while another run of the same rotation finishes.
#[tokio::test(start_paused = true)]
async fn a_step_that_another_run_overtakes_converges() {
    let mut overtaken = 0;
    for (before, step) in Step::ALL.into_iter().enumerate() {
        for calls in 0.. {
            let process = Process::new();
            for step in &Step::ALL[..before] {
                let done = process.rotation().step(&request(*step, TOKEN)).await;
                done.expect("the step succeeds");
            }
            let rotation = process.other(1).rotation();
            let request = request(step, TOKEN);
            let mut slow = Box::pin(rotation.step(&request));
            // The first poll begins the first call, each other one ends a call.
            let mut cx = Context::from_waker(Waker::noop());
            if (0..=calls).any(|_| slow.as_mut().poll(&mut cx).is_ready()) {
                break;
            }
            let fast = process.rotate(TOKEN).await;
            let slow = slow.await;
            for (run, ended) in [("fast", fast.map(drop)), ("slow", slow)] {
                let Err(error) = ended else { continue };
                let text = error.report();
                assert!(error.is_retryable(), "{run} {step} {calls}: {text}");
            }
            converge(&process).await;
            overtaken += 1;
        }
    }
    assert!(overtaken > 15, "{overtaken}");
}

/// To IAM it would look as if a consumer still used a key that is being retired.
#[tokio::test(start_paused = true)]
async fn a_test_that_was_suspended_does_not_use_a_key_that_was_replaced_meanwhile() {
    let process = Process::new();
    for step in [Step::Create, Step::Set] {
        let done = process.rotation().step(&request(step, TOKEN)).await;
        done.expect("the step succeeds");
    }
    process.account().not_yet = 1;
    let rotation = process.other(1).rotation();
    let test = request(Step::Test, TOKEN);
    let mut suspended = Box::pin(rotation.step(&test));
    let mut cx = Context::from_waker(Waker::noop());
    // Until it waits for the second try, and makes no more calls.
    loop {
        let before = process.account().calls;
        let polls = (0..3).map(|_| suspended.as_mut().poll(&mut cx).is_pending());
        assert_eq!(polls.filter(|is_pending| *is_pending).count(), 3);
        if process.account().calls == before {
            break;
        }
    }
    let tests = process.account().count("check");
    assert_eq!(tests, 1);
    for token in [TOKEN, "version-2-of-this-secret-is-being-made"] {
        let done = process.rotate(token).await;
        done.expect("the rotation succeeds");
        process.account().now += 48 * HOUR;
        process.account().consumer_refreshes("first");
    }
    tokio::time::advance(96 * HOUR).await;
    let tests = process.account().count("check");
    let error = suspended
        .await
        .expect_err("the version was replaced")
        .report();
    assert!(error.contains("is not staged for rotation"), "{error}");
    assert_eq!(process.account().count("check"), tests);
}

/// What the scheduler of the random runs does next.
#[derive(Debug, Clone)]
enum Turn {
    /// This one makes its next call, which ends like this.
    Call(usize, Option<Fault>),
    /// This one is killed and started again.
    Kill(usize),
    Pass(Duration),
    /// What was on its way arrives.
    Deliver,
    Refresh(&'static str),
    /// The reports of this consumer are lost, until it refreshes.
    CutOff(&'static str),
}

fn turn() -> impl Strategy<Value = Turn> {
    // Most calls succeed and follow each other soon, or no rotation would ever finish.
    let fault = prop_oneof![
        40 => Just(None),
        1 => Just(Some(Fault::FailBefore)),
        1 => Just(Some(Fault::FailAfter)),
        1 => Just(Some(Fault::Late)),
    ];
    prop_oneof![
        200 => (0..3_usize, fault).prop_map(|(who, fault)| Turn::Call(who, fault)),
        2 => (0..3_usize).prop_map(Turn::Kill),
        3 => (0..90_u64).prop_map(|s| Turn::Pass(Duration::from_secs(s))),
        2 => (0..40_u32).prop_map(|m| Turn::Pass(m * MINUTE)),
        1 => (0..30_u32).prop_map(|h| Turn::Pass(h * HOUR)),
        2 => Just(Turn::Deliver),
        4 => prop::sample::select(vec!["first", "second"]).prop_map(Turn::Refresh),
        1 => prop::sample::select(vec!["first", "second"]).prop_map(Turn::CutOff),
    ]
}

type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Two rotate, again and again, and one retires.
fn work<'a>(process: &'a Process, who: usize, tokens: [&'a str; 2]) -> Work<'a> {
    let process = process.other(who);
    Box::pin(async move {
        loop {
            match who {
                2 => drop(process.rotation().retire(SECRET).await),
                _ => drop(process.rotate(tokens[who]).await),
            }
        }
    })
}

/// What the second consumer does at the beginning.
#[derive(Debug, Clone, Copy)]
enum Second {
    Absent,
    Reporting,
    CutOff,
}

/// Runs the turns, then lets everything converge. Returns how many times the turns tried to move AWSCURRENT.
fn interleave(initial: InitialState, second: Second, tokens: [&str; 2], turns: &[Turn]) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let process = prepared(initial);
    if !matches!(second, Second::Absent) {
        process.account().consumer_refreshes("second");
    }
    if matches!(second, Second::CutOff) {
        process.account().cut_off.insert("second");
    }
    let mut moves = 0;
    runtime.block_on(async {
        let mut actors: Vec<_> = (0..3).map(|who| work(&process, who, tokens)).collect();
        for turn in turns {
            match turn {
                Turn::Call(who, fault) => {
                    let next = process.account().calls;
                    if let Some(fault) = fault {
                        process.account().faults.insert(next, *fault);
                    }
                    // No sleeps: every key is known at once, so each poll is one call.
                    let mut cx = Context::from_waker(Waker::noop());
                    let ended = actors[*who].as_mut().poll(&mut cx);
                    assert!(matches!(ended, Poll::Pending));
                    process.account().faults.remove(&next);
                }
                Turn::Kill(who) => actors[*who] = work(&process, *who, tokens),
                Turn::Pass(time) => {
                    process.account().now += *time;
                    tokio::time::advance(*time).await;
                }
                Turn::Deliver => process.account().deliver_one(),
                Turn::Refresh(who) => process.account().consumer_refreshes(who),
                Turn::CutOff(who) => drop(process.account().cut_off.insert(who)),
            }
        }
        drop(actors);
        moves = process.account().count("move_current");
        // Now nothing fails any more, and one rotation runs to its end.
        process.account().now += HOUR;
        process.account().deliver_one();
        let last = "version-last-of-this-secret";
        let mut token = None;
        for _ in 0..MAX_RETRIES {
            for consumer in ["first", "second"] {
                process.account().consumer_refreshes(consumer);
            }
            // What is in the way by then has to be retired.
            let _ = process.rotation().retire(SECRET).await;
            match process.rotate(last).await {
                Ok(current) => {
                    token = Some(current);
                    break;
                }
                Err(error) => process.account().last_error = error.report(),
            }
            process.account().now += 2 * HOUR;
        }
        let token = token
            .unwrap_or_else(|| panic!("it does not converge: {}", process.account().history()));
        process.account().consumer_refreshes("second");
        retire(&process, &token).await;
    });
    moves
}

/// The same schedules each time, so that a failure belongs to what has changed. For others: `PROPTEST_RNG_SEED=…`.
#[test]
fn any_order_of_two_rotations_and_a_retire_converges() {
    let defaults = ProptestConfig::default();
    let config = ProptestConfig {
        cases: 4000,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        rng_seed: match defaults.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            given => given,
        },
        ..defaults
    };
    let schedules = (
        prop::sample::select(INITIAL_STATES.to_vec()),
        prop::sample::select(vec![Second::Absent, Second::Reporting, Second::CutOff]),
        any::<bool>(),
        prop::collection::vec(turn(), 50..600),
    );
    let progressed = AtomicUsize::new(0);
    let ran = TestRunner::new(config).run(&schedules, |(initial, second, same_token, turns)| {
        let other = if same_token {
            TOKEN
        } else {
            "version-2-of-this-secret-is-being-made"
        };
        let moves = interleave(initial, second, [TOKEN, other], &turns);
        progressed.fetch_add(usize::from(moves > 1), Ordering::Relaxed);
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    // Turns in which no rotation ever finishes prove nothing.
    let progressed = progressed.into_inner();
    assert!(progressed > 300, "{progressed} schedules of 4000");
}
