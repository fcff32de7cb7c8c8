//! What can happen to a call, and the schedules that put it at every call in turn.

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The caller dies before it.
    DieBefore,
    /// The caller dies after it.
    DieAfter,
    /// It is not done, and fails.
    FailBefore,
    /// It is done, and its answer is lost.
    FailAfter,
    /// It fails, and is done later; AWS accepts it for 5 minutes.
    Late,
}

/// The faults after which everything must converge, at whatever call they happen.
pub(crate) const CRASHES: [Fault; 4] = [
    Fault::DieBefore,
    Fault::DieAfter,
    Fault::FailBefore,
    Fault::FailAfter,
];

/// Calls `run` with each fault at each call, and once without. `run` returns how many calls it made. Returns how many
/// schedules there were.
pub(crate) async fn at_each_call(
    faults: &[Fault],
    run: impl AsyncFn(Option<(usize, Fault)>) -> usize,
) -> usize {
    at_each_call_from(0, run(None).await, faults, async |at, fault| {
        run(Some((at, fault))).await;
    })
    .await
}

/// Calls `run` with each fault at each of these calls. Returns how many schedules there were.
pub(crate) async fn at_each_call_from(
    first: usize,
    end: usize,
    faults: &[Fault],
    run: impl AsyncFn(usize, Fault),
) -> usize {
    let mut schedules = 0;
    for at in first..end {
        for fault in faults {
            run(at, *fault).await;
            schedules += 1;
        }
    }
    schedules
}
