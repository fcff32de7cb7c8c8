//! A rotation that dies, or hears nothing, at each of its calls; and two that run at the same time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use credswap::VersionId;
use credswap::rotation::{CURRENT, PENDING, Step};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::rotation::world::{CRASHES, Fate, HOUR, Hands, MINUTE, SECRET, request};

const TOKEN: &str = "version-1-of-this-secret-is-being-made";
const MOST_RETRIES: usize = 20;

/// What is there before the rotation begins.
#[derive(Debug, Clone, Copy)]
enum Before {
    OneKey,
    /// An earlier rotation's old key was never retired.
    OldKeyReleased,
    /// And was deactivated, and then nobody came back.
    OldKeyInactive,
    /// A rotation was cancelled when its version was pending.
    Cancelled,
}

const ALL: [Before; 4] = [
    Before::OneKey,
    Before::OldKeyReleased,
    Before::OldKeyInactive,
    Before::Cancelled,
];

fn prepared(before: Before) -> Hands {
    let hands = Hands::new();
    {
        let mut world = hands.world();
        if !matches!(before, Before::OneKey) {
            let key = world.new_key();
            let cancelled = matches!(before, Before::Cancelled);
            let labels = if cancelled { [PENDING] } else { [CURRENT] };
            world.add_version("version-0b", Some(&key), &labels);
            world.now += MINUTE;
            match before {
                Before::Cancelled => world.unlabel(PENDING),
                _ => world.consumer_reloads("first"),
            }
            world.now += 48 * HOUR;
            if matches!(before, Before::OldKeyInactive) {
                world.keys[0].active = false;
            }
        }
    }
    hands
}

/// The rotation and retire, each retried until it succeeds. Gives the number of calls.
async fn converge(hands: &Hands) -> usize {
    let mut token = None;
    for _ in 0..MOST_RETRIES {
        if let Some(Ok(current)) = hands.live(hands.rotate(TOKEN)).await {
            token = Some(current);
            break;
        }
        hands.world().now += 20 * MINUTE;
    }
    let token = token.unwrap_or_else(|| panic!("it does not converge: {}", hands.world().story()));
    retire(hands, &token).await;
    hands.world().calls
}

async fn retire(hands: &Hands, token: &VersionId) {
    hands.world().consumer_reloads("first");
    for _ in 0..MOST_RETRIES {
        hands.world().now += 13 * HOUR;
        // By another version's consumers, the current key is used all the time.
        hands.world().consumer_reloads("first");
        let done = hands.live(hands.rotation().retire(SECRET)).await;
        let world = hands.world();
        let notes = world
            .tags
            .keys()
            .any(|tag| tag.starts_with("credswap:key:"));
        if matches!(done, Some(Ok(_))) && world.keys.len() == 1 && !notes {
            break;
        }
    }
    hands.world().assert_converged(token);
}

async fn with_plan(before: Before, plan: &[(usize, Fate)]) -> usize {
    let hands = prepared(before);
    hands.world().plan = plan.iter().copied().collect();
    converge(&hands).await
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_or_after_any_call_leaves_nothing_behind() {
    let mut schedules = 0;
    for before in ALL {
        let calls = with_plan(before, &[]).await;
        for at in 0..calls {
            for fate in CRASHES {
                with_plan(before, &[(at, fate)]).await;
                schedules += 1;
            }
        }
        println!("{before:?}: {calls} calls");
    }
    println!("{schedules} schedules with one crash");
    assert!(schedules > 600, "{schedules}");
}

// Four tests, so that they share the machine's cores.

#[tokio::test(start_paused = true)]
async fn two_crashes_at_any_two_calls_leave_nothing_behind() {
    assert_some(any_two_calls(Before::OneKey).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_leave_nothing_behind_where_an_old_key_is_released() {
    assert_some(any_two_calls(Before::OldKeyReleased).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_leave_nothing_behind_where_an_old_key_is_inactive() {
    assert_some(any_two_calls(Before::OldKeyInactive).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_leave_nothing_behind_where_a_rotation_was_cancelled() {
    assert_some(any_two_calls(Before::Cancelled).await);
}

fn assert_some(schedules: usize) {
    println!("{schedules} schedules with two crashes");
    assert!(schedules > 10_000, "{schedules}");
}

async fn any_two_calls(before: Before) -> usize {
    let mut schedules = 0;
    let calls = with_plan(before, &[]).await;
    for first in 0..calls {
        for fate in CRASHES {
            // What the first one makes longer is covered, too.
            let calls = with_plan(before, &[(first, fate)]).await;
            for second in first + 1..calls {
                for other in CRASHES {
                    with_plan(before, &[(first, fate), (second, other)]).await;
                    schedules += 1;
                }
            }
        }
    }
    schedules
}

#[tokio::test(start_paused = true)]
async fn a_label_that_a_person_moves_meanwhile_is_neither_moved_nor_announced() {
    for calls in 0..6 {
        let hands = Hands::new();
        let rotation = hands.rotation();
        for step in [Step::Create, Step::Test] {
            rotation
                .step(&request(step, TOKEN))
                .await
                .expect("it goes well");
        }
        hands.world().consumers.clear();
        let finish = request(Step::Finish, TOKEN);
        let mut finish = Box::pin(rotation.step(&finish));
        for _ in 0..calls {
            let ended = finish
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(ended.is_pending());
        }
        let moved_before = hands
            .world()
            .log
            .iter()
            .any(|(_, _, name, _)| *name == "move_current");
        {
            let mut world = hands.world();
            world.keys.remove(0);
            let key = world.new_key();
            world.add_version("by-hand", Some(&key), &[CURRENT]);
        }
        let done = finish.await;
        let world = hands.world();
        if !moved_before {
            let current = world.labelled(CURRENT).map(|v| v.id.clone());
            // Either it saw the person's version before it began to move, or it lost.
            assert_eq!(done.is_ok(), current.as_deref() == Some(TOKEN), "{done:?}");
            assert_eq!(done.is_ok(), !world.announced.is_empty());
        }
    }
}

/// A step stands still after each of its calls, while another run of the same rotation goes to its end.
#[tokio::test(start_paused = true)]
async fn a_step_that_another_run_overtakes_ends_well() {
    let mut overtaken = 0;
    for (before, step) in Step::ALL.into_iter().enumerate() {
        for calls in 0.. {
            let hands = Hands::new();
            for step in &Step::ALL[..before] {
                let done = hands.rotation().step(&request(*step, TOKEN)).await;
                done.expect("it goes well");
            }
            let rotation = hands.actor(1).rotation();
            let request = request(step, TOKEN);
            let mut slow = Box::pin(rotation.step(&request));
            // The first poll begins the first call, each other one ends a call.
            let mut cx = Context::from_waker(Waker::noop());
            if (0..=calls).any(|_| slow.as_mut().poll(&mut cx).is_ready()) {
                break;
            }
            let fast = hands.rotate(TOKEN).await;
            let slow = slow.await;
            for (run, ended) in [("fast", fast.map(drop)), ("slow", slow)] {
                let Err(error) = ended else { continue };
                let text = error.report();
                assert!(error.is_retryable(), "{run} {step} {calls}: {text}");
            }
            converge(&hands).await;
            overtaken += 1;
        }
    }
    assert!(overtaken > 15, "{overtaken}");
}

/// What the scheduler of the random runs does next.
#[derive(Debug, Clone)]
enum Turn {
    /// This one makes its next call, which ends like this.
    Call(usize, Option<Fate>),
    /// This one is killed and started again.
    Kill(usize),
    Pass(Duration),
    /// What was on its way arrives.
    Deliver,
    Reload(&'static str),
    /// This consumer is not heard any more, until it reloads.
    CutOff(&'static str),
}

fn turn() -> impl Strategy<Value = Turn> {
    // Most calls go well and follow each other soon, or no rotation would ever come to its end.
    let fate = prop_oneof![
        40 => Just(None),
        1 => Just(Some(Fate::FailBefore)),
        1 => Just(Some(Fate::FailAfter)),
        1 => Just(Some(Fate::Late)),
    ];
    prop_oneof![
        200 => (0..3_usize, fate).prop_map(|(who, fate)| Turn::Call(who, fate)),
        2 => (0..3_usize).prop_map(Turn::Kill),
        3 => (0..90_u64).prop_map(|s| Turn::Pass(Duration::from_secs(s))),
        2 => (0..40_u32).prop_map(|m| Turn::Pass(m * MINUTE)),
        1 => (0..30_u32).prop_map(|h| Turn::Pass(h * HOUR)),
        2 => Just(Turn::Deliver),
        4 => prop::sample::select(vec!["first", "second"]).prop_map(Turn::Reload),
        1 => prop::sample::select(vec!["first", "second"]).prop_map(Turn::CutOff),
    ]
}

type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Two rotate, again and again, and one retires.
fn work<'a>(hands: &'a Hands, who: usize, tokens: [&'a str; 2]) -> Work<'a> {
    let hands = hands.actor(who);
    Box::pin(async move {
        loop {
            match who {
                2 => drop(hands.rotation().retire(SECRET).await),
                _ => drop(hands.rotate(tokens[who]).await),
            }
        }
    })
}

/// How the second consumer is at the beginning.
#[derive(Debug, Clone, Copy)]
enum Second {
    Absent,
    Heard,
    CutOff,
}

/// Gives how often AWSCURRENT was asked to move while things were in disorder.
fn interleave(before: Before, second: Second, tokens: [&str; 2], turns: &[Turn]) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let hands = prepared(before);
    if !matches!(second, Second::Absent) {
        hands.world().consumer_reloads("second");
    }
    if matches!(second, Second::CutOff) {
        hands.world().cut_off.insert("second");
    }
    let mut moves = 0;
    runtime.block_on(async {
        let mut actors: Vec<_> = (0..3).map(|who| work(&hands, who, tokens)).collect();
        for turn in turns {
            match turn {
                Turn::Call(who, fate) => {
                    let next = hands.world().calls;
                    if let Some(fate) = fate {
                        hands.world().plan.insert(next, *fate);
                    }
                    // No sleeps: every key is known at once, so each poll is one call.
                    let mut cx = Context::from_waker(Waker::noop());
                    let ended = actors[*who].as_mut().poll(&mut cx);
                    assert!(matches!(ended, Poll::Pending));
                    hands.world().plan.remove(&next);
                }
                Turn::Kill(who) => actors[*who] = work(&hands, *who, tokens),
                Turn::Pass(time) => {
                    hands.world().now += *time;
                    tokio::time::advance(*time).await;
                }
                Turn::Deliver => hands.world().deliver_one(),
                Turn::Reload(who) => hands.world().consumer_reloads(who),
                Turn::CutOff(who) => drop(hands.world().cut_off.insert(who)),
            }
        }
        drop(actors);
        moves = hands.world().count("move_current");
        // Now everything comes to rest, and one rotation runs to its end.
        hands.world().now += HOUR;
        hands.world().deliver_one();
        let last = "version-last-of-this-secret";
        let mut token = None;
        for _ in 0..MOST_RETRIES {
            for consumer in ["first", "second"] {
                hands.world().consumer_reloads(consumer);
            }
            // What stands in the way by then has to be retired.
            let _ = hands.rotation().retire(SECRET).await;
            match hands.rotate(last).await {
                Ok(current) => {
                    token = Some(current);
                    break;
                }
                Err(error) => hands.world().last_error = error.report(),
            }
            hands.world().now += 2 * HOUR;
        }
        let token =
            token.unwrap_or_else(|| panic!("it does not converge: {}", hands.world().story()));
        hands.world().consumer_reloads("second");
        retire(&hands, &token).await;
    });
    moves
}

#[test]
fn two_rotations_and_a_retire_in_any_order_leave_nothing_behind() {
    let config = ProptestConfig {
        cases: 4000,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let schedules = (
        prop::sample::select(ALL.to_vec()),
        prop::sample::select(vec![Second::Absent, Second::Heard, Second::CutOff]),
        any::<bool>(),
        prop::collection::vec(turn(), 50..600),
    );
    let progressed = AtomicUsize::new(0);
    let ran = TestRunner::new(config).run(&schedules, |(before, second, same_token, turns)| {
        let other = if same_token {
            TOKEN
        } else {
            "version-2-of-this-secret-is-being-made"
        };
        let moves = interleave(before, second, [TOKEN, other], &turns);
        progressed.fetch_add(usize::from(moves > 1), Ordering::Relaxed);
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    // Disorder in which nothing ever comes to its end proves nothing.
    let progressed = progressed.into_inner();
    assert!(progressed > 300, "{progressed} schedules of 4000");
}
