//! A fetch mints only when it must, and what was minted is given back.

use super::*;

#[tokio::test(start_paused = true)]
async fn only_the_start_mints_until_there_is_a_reason() {
    let fixture = Fixture::new();
    let source = fixture.creds();
    let live = first(&source).await.expect("minted");
    assert_eq!(live.version().as_str(), "aws/creds/up/lease1");
    for reason in [
        Reason::Start,
        Reason::CatchUp,
        Reason::Interval,
        Reason::Expiry,
        Reason::Signal,
        Reason::Manual,
    ] {
        let same = fetch(&source, reason, &live).await.expect("the same");
        assert_eq!(same.version(), live.version(), "{reason}");
    }
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_or_a_rejection_mints_once() {
    for reason in [Reason::Event, Reason::Rejected] {
        let fixture = Fixture::new();
        let source = fixture.creds();
        let live = first(&source).await.expect("minted");
        let new = fetch(&source, reason, &live).await.expect("minted");
        assert_eq!(new.version().as_str(), "aws/creds/up/lease2");
        // It is not live yet: the reason stands, and is served by it.
        let same = fetch(&source, reason, &live).await.expect("the same");
        assert_eq!(same.version(), new.version());
        assert_eq!(fixture.server.minted(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_names_the_live_version_mints_nothing() {
    let fixture = Fixture::new();
    let source = fixture.creds();
    let live = first(&source).await.expect("minted");
    let version = live.version().as_str();
    let request = FetchRequest::new(Reason::Event)
        .live(version)
        .expected(version);
    source.fetch(&request).await.expect("the same");
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_revoked_when_it_has_drained_and_not_before() {
    let fixture = Fixture::new();
    let (key, trigger) = fixture.start().await;
    let in_flight = key.lease();
    trigger.event();
    key.updates().newer_than(1).await;
    fixture.watch(&key, 10 * MINUTE).await;
    assert_eq!(
        fixture.server.leases().len(),
        2,
        "the old one is renewed while it drains"
    );
    drop(in_flight);
    until("the revocation", || fixture.server.leases().len() == 1).await;
    assert!(fixture.server.count("sys/leases/revoke") == 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_is_replaced_at_once() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    fixture.server.revoke_leases();
    key.report_rejected(1);
    key.updates().newer_than(1).await;
    assert_eq!(key.status().version.as_str(), "aws/creds/up/lease2");
    assert_eq!(fixture.server.minted(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_known_yet_is_checked_again_and_not_minted_again() {
    let fixture = Fixture::new();
    let connect = Material::default().returns(|| Verdict::NotYet(rejected()), 5);
    let key = fixture
        .checked(fixture.creds(), connect)
        .start()
        .await
        .expect("known at last");
    assert_eq!(key.status().version.as_str(), "aws/creds/up/lease1");
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_its_check_is_revoked() {
    let fixture = Fixture::new();
    let (trigger, connect) = (TestTrigger::new(), Material::default());
    let key = fixture
        .checked(fixture.creds(), connect.clone())
        .trigger(trigger.clone());
    let key = key.start().await.expect("the first key");
    let connect = connect.returns(|| Verdict::Bad(rejected()), 1);
    trigger.event();
    // The refresh is repeated, with another key.
    key.updates().newer_than(1).await;
    assert_eq!(key.status().version.as_str(), "aws/creds/up/lease3");
    until("the revocations", || {
        fixture.server.leases() == ["aws/creds/up/lease3"]
    })
    .await;
    drop(connect);
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_fails_its_check_is_revoked() {
    let fixture = Fixture::new();
    let connect = Material::default().returns(|| Verdict::Bad(rejected()), 1);
    let error = fixture
        .checked(fixture.creds(), connect)
        .start()
        .await
        .expect_err("bad");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(fixture.server.leases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mint_that_nobody_waits_for_is_used_by_the_next_fetch() {
    let fixture = Fixture::new();
    let source = fixture.creds();
    let given_up = tokio::time::timeout(Duration::ZERO, first(&source)).await;
    assert!(given_up.is_err());
    let secret = first(&source).await.expect("the same");
    assert_eq!(fixture.server.leases(), [secret.version().as_str()]);
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mint_that_is_under_way_at_the_end_is_given_back() {
    let fixture = Fixture::new();
    let source = fixture.creds();
    let given_up = tokio::time::timeout(Duration::ZERO, first(&source)).await;
    assert!(given_up.is_err());
    source.shutdown().await;
    assert_eq!(fixture.server.minted(), 1);
    assert!(fixture.server.leases().is_empty());
    let error = first(&source).await.expect_err("shut down");
    assert_eq!(error.kind(), ErrorKind::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn a_mint_whose_answer_is_lost_is_not_repeated_by_itself() {
    let fixture = Fixture::new();
    fixture.server.lose_answers("aws/creds", 1);
    let source = fixture.creds();
    let error = first(&source).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn forged_events_mint_a_limited_number_of_keys() {
    let fixture = Fixture::new();
    let source = fixture.creds();
    let mut live = first(&source).await.expect("minted");
    for _ in 0..100 {
        live = fetch(&source, Reason::Event, &live).await.expect("a key");
    }
    assert_eq!(fixture.server.minted(), 11);
    tokio::time::sleep(6 * SECOND).await;
    fetch(&source, Reason::Event, &live).await.expect("minted");
    assert_eq!(fixture.server.minted(), 12);
}

#[tokio::test(start_paused = true)]
async fn the_end_gives_everything_back() {
    let fixture = Fixture::new();
    let (key, trigger) = fixture.start().await;
    let in_flight = key.lease();
    trigger.event();
    key.updates().newer_than(1).await;
    assert_eq!(fixture.server.leases().len(), 2);
    let still_leased = key.shutdown(SECOND).await;
    assert!(still_leased.is_err());
    assert!(fixture.server.leases().is_empty());
    assert_eq!(fixture.server.count("auth/token/revoke-self"), 1);
    drop(in_flight);
}
