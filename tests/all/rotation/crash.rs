//! A rotation that dies, or gets no answer, at each of its calls.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use credswap::rotation::Step;
use credswap::rotation::seam::CURRENT;

use crate::rotation::convergence::{INITIAL_STATES, InitialState, TOKEN, with_faults};
use crate::rotation::faults::{CRASHES, Fault, at_each_call, at_each_call_from};
use crate::rotation::in_memory::{Process, request};

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_leaves_nothing_behind() {
    let mut schedules = 0;
    for initial in INITIAL_STATES {
        let run =
            async |fault: Option<(usize, Fault)>| with_faults(initial, fault.as_slice()).await;
        schedules += at_each_call(&CRASHES, run).await;
    }
    println!("{schedules} schedules with one crash");
    assert!(schedules > 600, "{schedules}");
}

// Five tests, so that they share the machine's cores.

#[tokio::test(start_paused = true)]
async fn two_crashes_leave_nothing_behind() {
    assert_enough(any_two_calls(InitialState::OneKey).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_with_a_released_old_key() {
    assert_enough(any_two_calls(InitialState::OldKeyReleased).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_with_an_inactive_old_key() {
    assert_enough(any_two_calls(InitialState::OldKeyInactive).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_after_a_cancelled_rotation() {
    assert_enough(any_two_calls(InitialState::Cancelled).await);
}

#[tokio::test(start_paused = true)]
async fn two_crashes_after_a_rollback() {
    assert_enough(any_two_calls(InitialState::RolledBack).await);
}

fn assert_enough(schedules: usize) {
    println!("{schedules} schedules with two crashes");
    assert!(schedules > 10_000, "{schedules}");
}

async fn any_two_calls(initial: InitialState) -> usize {
    let schedules = AtomicUsize::new(0);
    at_each_call(&CRASHES, async |first| {
        let calls = with_faults(initial, first.as_slice()).await;
        let Some(first) = first else { return calls };
        // The calls that the first crash adds are covered, too.
        let pairs = at_each_call_from(first.0 + 1, calls, &CRASHES, async |at, fault| {
            with_faults(initial, &[first, (at, fault)]).await;
        });
        schedules.fetch_add(pairs.await, Ordering::Relaxed);
        calls
    })
    .await;
    schedules.into_inner()
}

#[tokio::test(start_paused = true)]
async fn a_label_moved_meanwhile_is_neither_moved_nor_announced() {
    for calls in 0..6 {
        let process = Process::new();
        let rotation = process.rotation();
        for step in [Step::Create, Step::Test] {
            rotation
                .step(&request(step, TOKEN))
                .await
                .expect("the step succeeds");
        }
        process.account().consumers.clear();
        let finish = request(Step::Finish, TOKEN);
        let mut finish = Box::pin(rotation.step(&finish));
        for _ in 0..calls {
            let ended = finish
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(ended.is_pending());
        }
        let moved_before = process
            .account()
            .log
            .iter()
            .any(|(_, _, name, _)| *name == "move_current");
        {
            let mut account = process.account();
            account.keys.remove(0);
            let key = account.new_key();
            account.add_version("by-hand", Some(&key), &[CURRENT]);
        }
        let done = finish.await;
        let account = process.account();
        if !moved_before {
            let current = account.labelled(CURRENT).map(|v| v.id.clone());
            // Either it saw the person's version before it began to move, or it lost.
            assert_eq!(done.is_ok(), current.as_deref() == Some(TOKEN), "{done:?}");
            assert_eq!(done.is_ok(), !account.announced.is_empty());
        }
    }
}
