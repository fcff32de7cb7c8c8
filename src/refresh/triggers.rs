//! Runs the triggers, and tells their health.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tracing::{Instrument, Span};

use crate::trigger::{Health, RefreshRequester, RefreshRequests, Trigger};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A trigger that has not been started.
pub(super) struct Planned {
    pub(super) name: Cow<'static, str>,
    run: Box<dyn FnOnce(RefreshRequester) -> Running + Send>,
}

/// The running triggers; dropping them stops them.
pub(super) struct Triggers {
    tasks: JoinSet<()>,
    index: HashMap<Id, usize>,
    changes: mpsc::UnboundedReceiver<(usize, Health)>,
}

impl Planned {
    pub(super) fn new(trigger: impl Trigger) -> Self {
        Self {
            name: trigger.name(),
            run: Box::new(|requester| Box::pin(trigger.run(requester))),
        }
    }
}

impl Triggers {
    pub(super) fn start(planned: Vec<Planned>, requests: &RefreshRequests, span: &Span) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let mut index = HashMap::new();
        for (number, Planned { run, .. }) in planned.into_iter().enumerate() {
            let requester = requests.requester();
            let running = span.in_scope(|| run(requester.clone()));
            let forwarded = forward_health(running, requester, sender.clone(), number);
            let id = tasks.spawn(forwarded.instrument(span.clone())).id();
            index.insert(id, number);
        }
        Self {
            tasks,
            index,
            changes,
        }
    }

    /// Waits until a trigger's health changes, and returns which one's and to what. For ever, if there are no triggers.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> (usize, Health) {
        loop {
            tokio::select! {
                Some(change) = self.changes.recv() => return change,
                Some(ended) = self.tasks.join_next_with_id() => {
                    if let Err(error) = ended
                        && error.is_panic()
                        && let Some(number) = self.index.get(&error.id())
                    {
                        return (*number, Health::disconnected("it panicked, and was not started again"));
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

/// Runs a trigger and forwards its health.
async fn forward_health(
    mut run: Running,
    requester: RefreshRequester,
    changes: mpsc::UnboundedSender<(usize, Health)>,
    number: usize,
) {
    let mut health = requester.subscribe_health();
    // The loop that receives them may be gone: then this task, too, is about to be aborted.
    let forward = |health| drop(changes.send((number, health)));
    loop {
        tokio::select! {
            () = &mut run => break,
            Ok(()) = health.changed() => forward(health.borrow_and_update().clone()),
        }
    }
    forward(Health::Ended);
}
