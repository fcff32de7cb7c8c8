//! Leases are renewed in time, replaced before their maximum, and revoked whatever happens.

use std::collections::BTreeSet;

use super::*;
use credswap::VersionId;
use tokio::runtime::Handle;

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_at_two_thirds_of_what_was_granted() {
    let fixture = Fixture::new();
    fixture.server.set_lease(3600, 1_000_000);
    let (key, _trigger) = fixture.start().await;
    fixture.watch(&key, 200 * MINUTE).await;
    let renewals = fixture.server.calls().into_iter();
    let times: Vec<_> = renewals
        .filter(|call| call.name.ends_with("leases/renew"))
        .map(|call| call.at.as_secs())
        .collect();
    assert!((2160..=2401).contains(&times[0]), "{times:?}");
    assert!((2160..=2401).contains(&(times[1] - times[0])), "{times:?}");
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn at_its_maximum_a_lease_is_replaced_before_it_ends() {
    for (ttl, max) in [(60, 200), (60, 61), (60, 60), (600, 2000), (8, 20)] {
        for polls in [false, true] {
            let fixture = Fixture::new();
            fixture.server.set_lease(ttl, max);
            let mut builder = fixture.builder(fixture.creds());
            if polls {
                builder = builder.poll_every(Duration::from_secs(ttl) / 7);
            }
            let key = builder.start().await.expect("the first key");
            let time = Duration::from_secs(max) * 6;
            fixture.watch(&key, time).await;
            let minted = fixture.server.minted();
            assert!(
                (5..=18).contains(&minted),
                "{ttl}/{max}: {minted} in six maxima"
            );
            assert!(
                fixture.server.leases().len() <= 2,
                "the old ones are revoked"
            );
            assert_eq!(key.status().consecutive_failures, 0);
            key.shutdown(SECOND).await.expect("nothing is in use");
            assert!(fixture.server.leases().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_replaced_before_it_ends() {
    let fixture = Fixture::new();
    fixture.server.set_lease(900, 900);
    let options = StsOptions::default()
        .ttl(15 * MINUTE)
        .session_name("uploader");
    let source = fixture.connection().aws_sts("up", options);
    let key = fixture.builder(source).start().await.expect("a session");
    fixture.watch(&key, 100 * MINUTE).await;
    assert!(
        (8..=12).contains(&fixture.server.minted()),
        "{}",
        fixture.server.minted()
    );
    assert_eq!(
        fixture.server.count("sys/leases/renew"),
        0,
        "sessions are not renewable"
    );
    let minting = fixture.server.calls();
    let call = minting
        .iter()
        .find(|call| call.name == "POST aws/sts/up")
        .expect("minted");
    assert_eq!(call.body["ttl"], "900s");
    assert_eq!(call.body["role_session_name"], "uploader");
}

#[tokio::test(start_paused = true)]
async fn a_slow_check_at_the_maximum_is_done_before_the_old_key_ends() {
    let fixture = Fixture::new();
    fixture.server.set_lease(600, 1500);
    let connect = Material::default();
    let key = fixture.checked(fixture.creds(), connect.clone());
    let key = key.start().await.expect("the first key");
    for _ in 0..3 {
        // IAM needs a minute and a half to know the next key.
        let _connect = connect.clone().returns(|| Verdict::NotYet(rejected()), 24);
        fixture.watch(&key, 26 * MINUTE).await;
    }
    assert!(fixture.server.minted() >= 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_an_administrator_revoked_is_noticed_at_its_renewal() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    fixture.server.revoke_leases();
    key.updates().newer_than(1).await;
    assert!(
        fixture.begun.elapsed() < MINUTE,
        "{:?}",
        fixture.begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_for_a_while_is_repeated() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    tokio::time::sleep(35 * SECOND).await;
    fixture.server.seal(true);
    tokio::time::sleep(15 * SECOND).await;
    fixture.server.seal(false);
    fixture.watch(&key, 10 * MINUTE).await;
    assert_eq!(fixture.server.minted(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_that_a_lease_did_not_survive_another_is_minted() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    tokio::time::sleep(30 * SECOND).await;
    fixture.server.seal(true);
    tokio::time::sleep(5 * MINUTE).await;
    fixture.server.seal(false);
    key.updates().newer_than(1).await;
    assert!(
        fixture.begun.elapsed() < 8 * MINUTE,
        "{:?}",
        fixture.begun.elapsed()
    );
    fixture.watch(&key, 10 * MINUTE).await;
    assert_eq!(fixture.server.minted(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_fails_is_repeated_and_then_left_to_vault() {
    for (failures, queued) in [(4, 0), (1000, 1)] {
        let fixture = Fixture::new();
        let source = fixture.connection().revoke_for(MINUTE).aws_creds("up");
        let secret = first(&source).await.expect("minted");
        let error = "failed to revoke: DeleteConflict: Cannot delete entity";
        fixture
            .server
            .fail("sys/leases/revoke", failures, 400, error);
        source.drained(secret.version()).await;
        tokio::time::sleep(2 * MINUTE).await;
        let calls = fixture.server.calls().into_iter();
        let calls: Vec<_> = calls
            .filter(|call| call.name.ends_with("leases/revoke"))
            .collect();
        let later = calls.iter().filter(|call| call.body["sync"] == false);
        assert_eq!(later.count(), queued);
        assert!((5..20).contains(&calls.len()), "{}", calls.len());
        assert!(
            fixture.server.leases().is_empty(),
            "it is not renewed, and ended"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_beside_a_sealed_vault_ends() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    fixture.server.seal(true);
    let begun = Instant::now();
    key.shutdown(SECOND).await.expect("nothing is in use");
    assert!(begun.elapsed() <= 31 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn five_hundred_leases_leave_nothing_behind() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();
    let fixture = Fixture::new();
    fixture.server.set_lease(4, 4);
    let source = Arc::new(fixture.creds());
    let key = fixture.builder(Shared(Arc::clone(&source)));
    let key = key.start().await.expect("the first key");
    for _ in 0..1700 {
        fixture.watch(&key, SECOND).await;
        let held = format!("{source:?}");
        let few = ["leases: 1, ", "leases: 2, "]
            .iter()
            .any(|few| held.contains(few));
        assert!(few && held.contains("revoking: 0"), "{held}");
        assert!(
            tasks() <= tasks_before + 6,
            "{} tasks of {tasks_before}",
            tasks()
        );
    }
    let minted = fixture.server.minted();
    assert!(minted >= 500, "{minted}");
    key.shutdown(SECOND).await.expect("nothing is in use");
    assert!(fixture.server.leases().is_empty());
    assert!(format!("{source:?}").contains("leases: 0, revoking: 0"));
    drop((key, source));
    until("the end of the tasks", || tasks() == tasks_before).await;

    let mut revoked = BTreeSet::new();
    for call in fixture.server.calls() {
        let lease = call.body["lease_id"].as_str().map(str::to_owned);
        match (call.name.as_str(), lease) {
            ("POST sys/leases/revoke", Some(lease)) => {
                assert!(revoked.insert(lease.clone()), "{lease} is revoked twice");
            }
            ("POST sys/leases/renew", Some(lease)) => {
                assert!(
                    !revoked.contains(&lease),
                    "{lease} is renewed and was revoked"
                );
            }
            _ => {}
        }
    }
    let all = (1..=minted).map(|number| format!("aws/creds/up/lease{number}"));
    assert_eq!(revoked, all.collect(), "each is revoked once");
}

/// A source that the test goes on watching.
struct Shared(Arc<LeasedSecret>);

impl Source for Shared {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        self.0.fetch(request).await
    }

    async fn drained(&self, version: &VersionId) {
        self.0.drained(version).await;
    }

    async fn discarded(&self, version: &VersionId) {
        self.0.discarded(version).await;
    }

    async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_user_is_leased_like_a_key() {
    let fixture = Fixture::new();
    fixture.server.set_lease(60, 200);
    let source = fixture.connection().database_creds("reports");
    let user = fixture.builder(source).start().await.expect("a user");
    assert_eq!(
        *user.lease(),
        r#"{"password":"password 1","username":"v-reports-1"}"#
    );
    fixture.watch(&user, 20 * MINUTE).await;
    user.shutdown(SECOND).await.expect("nothing is in use");
    assert!(fixture.server.leases().is_empty());
}
