//! Runs the triggers, and keeps their health in the status.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::status::{Status, TriggerStatus};
use crate::trigger::{Health, Lookout, Looks, Trigger};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A trigger that has not been started.
pub(super) struct Planned {
    name: Cow<'static, str>,
    run: Box<dyn FnOnce(Looks) -> Running + Send>,
}

/// The running triggers; dropping them stops them.
#[derive(Default)]
pub(super) struct Triggers {
    tasks: JoinSet<()>,
    index: HashMap<Id, usize>,
}

impl Planned {
    pub(super) fn new(trigger: impl Trigger) -> Self {
        Self {
            name: trigger.name(),
            run: Box::new(|looks| Box::pin(trigger.run(looks))),
        }
    }
}

impl Triggers {
    pub(super) fn start(
        planned: Vec<Planned>,
        lookout: &Lookout,
        status: &Arc<watch::Sender<Status>>,
    ) -> Self {
        let mut triggers = Self::default();
        for (index, Planned { name, run }) in planned.into_iter().enumerate() {
            let looks = lookout.looks();
            status.send_modify(|status| {
                status.triggers.push(TriggerStatus {
                    name,
                    health: Health::Starting,
                });
            });
            let task = reported(run(looks.clone()), looks, Arc::clone(status), index);
            let id = triggers.tasks.spawn(task).id();
            triggers.index.insert(id, index);
        }
        triggers
    }

    /// Waits until a trigger panics, and reports it. For ever, if none does.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn watch(&mut self, status: &watch::Sender<Status>) {
        while let Some(end) = self.tasks.join_next_with_id().await {
            if let Err(error) = end
                && error.is_panic()
            {
                let index = self.index.get(&error.id()).copied();
                set_health(
                    status,
                    index,
                    Health::deaf("it panicked, and was not started again"),
                );
            }
        }
        std::future::pending().await
    }

    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

/// Runs a trigger and carries what it says of its health into the status.
async fn reported(
    mut run: Running,
    looks: Looks,
    status: Arc<watch::Sender<Status>>,
    index: usize,
) {
    let mut health = looks.watch_health();
    loop {
        tokio::select! {
            () = &mut run => break,
            Ok(()) = health.changed() => {
                let now = health.borrow_and_update().clone();
                set_health(&status, Some(index), now);
            }
        }
    }
    set_health(&status, Some(index), Health::Ended);
}

fn set_health(status: &watch::Sender<Status>, index: Option<usize>, health: Health) {
    status.send_modify(|status| {
        if let Some(trigger) = index.and_then(|index| status.triggers.get_mut(index)) {
            match &health {
                Health::Deaf { reason } => {
                    tracing::warn!(trigger = %trigger.name, %reason, "trigger does not hear");
                }
                other => tracing::info!(trigger = %trigger.name, health = ?other, "trigger"),
            }
            trigger.health = health;
        }
    });
}
