//! Closes the connections of older generations while they are idle in the pool.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::time::sleep;

use super::generations::Generations;
use crate::hot::Updates;

// deadpool does not tell when a client is returned.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// Closes what a swap leaves in the pool: what is idle at once, and what is in use soon after it was returned. Ends with the
/// pool, which `pool` returns while it lives, or with the refreshable.
pub(super) async fn follow(
    pool: impl Fn() -> Option<Pool>,
    generations: Arc<Generations>,
    mut updates: Updates,
) {
    loop {
        tokio::select! {
            next = updates.next() => if next.is_none() { return },
            () = generations.outdated() => {}
        }
        let mut delay = FIRST_DELAY;
        loop {
            let Some(pool) = pool() else { return };
            let live = updates.latest();
            close_idle(&pool, &generations, live);
            drop(pool);
            if !generations.has_older(live) {
                break;
            }
            tokio::select! {
                () = sleep(delay) => delay = (delay * 2).min(LONGEST_DELAY),
                next = updates.next() => match next {
                    Some(_) => delay = FIRST_DELAY,
                    None => return,
                },
            }
        }
    }
}

fn close_idle(pool: &Pool, generations: &Generations, live: u64) {
    let closed = pool
        .retain(|client, _| generations.of(client) >= live)
        .removed
        .len();
    if closed > 0 {
        tracing::debug!(
            closed,
            generation = live,
            "closed idle connections of older versions"
        );
    }
}
