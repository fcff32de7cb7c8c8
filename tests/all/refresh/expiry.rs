//! Material that expires: by its source, or by what it says itself.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use credswap::connect::Connect;
use credswap::hot::DrainToken;
use credswap::{Error, Refreshable, Secret};
use tokio::time::Instant;

use super::fixture::{ScriptedSource, settle};

/// Connects to the version, whose material expires at a time that the test sets.
#[derive(Clone, Default)]
struct Expiring(Arc<Mutex<Option<SystemTime>>>);

impl Connect for Expiring {
    type Value = Option<SystemTime>;

    async fn connect(&self, _: &Secret, _: &DrainToken) -> Result<Option<SystemTime>, Error> {
        Ok(*self.0.lock().unwrap())
    }

    fn expires(&self, value: &Option<SystemTime>) -> Option<SystemTime> {
        *value
    }
}

/// A wall clock that goes with Tokio's.
fn clock() -> impl Fn() -> SystemTime + Send + Sync + 'static {
    let begun = Instant::now();
    move || SystemTime::UNIX_EPOCH + begun.elapsed()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn the_sooner_of_both_expiries_leads_to_a_refresh_before_it() {
    for (of_source, of_value, expected) in [
        (None, Some(at(1000)), 1000),
        (Some(at(2000)), Some(at(1000)), 1000),
        (Some(at(1000)), Some(at(2000)), 1000),
        (Some(at(1000)), None, 1000),
    ] {
        let (source, connector) = (ScriptedSource::at("v1"), Expiring::default());
        if let Some(at) = of_source {
            source.expires(at);
        }
        *connector.0.lock().unwrap() = of_value;
        let refreshable = Refreshable::builder(source.clone(), connector.clone())
            .without_polling()
            .clock(clock())
            .start()
            .await
            .expect("starts");
        assert_eq!(refreshable.status().expires, Some(at(expected)));
        tokio::time::sleep(Duration::from_secs(700)).await;
        assert_eq!(source.fetches(), 1);
        source.now(Ok("v2"));
        *connector.0.lock().unwrap() = None;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(refreshable.status().version.as_str(), "v2");
        assert!(
            source
                .last_request()
                .reasons
                .has(credswap::trigger::Reason::Expiry)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_expires_unreplaced_is_fetched_again_and_then_not_ready() {
    let (source, connector) = (ScriptedSource::at("v1"), Expiring::default());
    *connector.0.lock().unwrap() = Some(at(1000));
    let refreshable = Refreshable::builder(source.clone(), connector.clone())
        .without_polling()
        .clock(clock())
        .start()
        .await
        .expect("starts");
    tokio::time::sleep(Duration::from_secs(990)).await;
    let fetches = source.fetches();
    assert!((3..8).contains(&fetches), "{fetches}");
    assert!(refreshable.status().is_ready());
    tokio::time::sleep(Duration::from_secs(12)).await;
    let status = refreshable.status();
    assert!(status.expired && !status.is_ready() && status.is_running());
    let fetches = source.fetches();
    assert!(fetches < 20, "{fetches}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(source.fetches(), fetches, "it does not fetch for ever");

    *connector.0.lock().unwrap() = Some(at(5000));
    source.now(Ok("v2"));
    refreshable.refresh().await.expect("a new one");
    settle().await;
    let status = refreshable.status();
    assert!(status.is_ready() && !status.expired);
    assert_eq!(status.expires, Some(at(5000)));
}
