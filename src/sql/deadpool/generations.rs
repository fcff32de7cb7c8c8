//! Which generation each connection of a pool logged in with.
//!
//! deadpool gives its hooks the client, and a client does not tell who made it. But it runs the `post_create` hook in the same
//! poll in which `Connect` completes, with nothing in between: so what `Connect` leaves behind in the thread is taken by the
//! hook for that client and no other. A client for which nothing was left counts as older than all: it is used once.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use deadpool_postgres::ClientWrapper;
use tokio::sync::Notify;

use crate::util::lock::lock;

thread_local! {
    static CONNECTED: Cell<Option<Connected>> = const { Cell::new(None) };
}

/// The generation of connections that are kept whatever goes live.
pub(super) const NEVER_REPLACED: u64 = u64::MAX;

/// A connection that was made for a client: its generation, and whether it is still open.
pub(super) struct Connected {
    pub(super) generation: u64,
    pub(super) open: Weak<()>,
}

/// The connections of one pool.
#[derive(Default)]
pub(super) struct Generations {
    /// By the address of the client's statement cache, which is its own for as long as it lives.
    connections: Mutex<HashMap<usize, Connected>>,
    outdated: Notify,
}

impl Connected {
    /// Leaves the connection for [`Generations::add`].
    pub(super) fn hand_over(self) {
        CONNECTED.set(Some(self));
    }

    fn is_open(&self) -> bool {
        self.open.strong_count() > 0
    }
}

impl Generations {
    /// Adds a client that was created in this poll. `live` is the generation that is live now.
    pub(super) fn add(&self, client: &ClientWrapper, live: u64) {
        let connected = CONNECTED.take().unwrap_or(Connected {
            generation: 0,
            open: Weak::new(),
        });
        let outdated = connected.generation < live;
        let mut connections = lock(&self.connections);
        connections.retain(|_, connected| connected.is_open());
        connections.insert(address(client), connected);
        drop(connections);
        if outdated {
            self.outdated.notify_one();
        }
    }

    /// Returns the generation that the client logged in with.
    pub(super) fn of(&self, client: &ClientWrapper) -> u64 {
        let connections = lock(&self.connections);
        connections
            .get(&address(client))
            .map_or(0, |connected| connected.generation)
    }

    /// Returns whether a connection of a generation older than `live` is open.
    pub(super) fn has_older(&self, live: u64) -> bool {
        lock(&self.connections)
            .values()
            .any(|connected| connected.generation < live && connected.is_open())
    }

    /// Waits for a client whose generation was replaced while it logged in. Cancel safe.
    pub(super) async fn outdated(&self) {
        self.outdated.notified().await;
    }
}

fn address(client: &ClientWrapper) -> usize {
    Arc::as_ptr(&client.statement_cache).addr()
}
