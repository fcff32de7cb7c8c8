//! A lease ends with its token: the token outlives it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_periodic_token_is_renewed_for_ever() {
    let fixture = Fixture::new();
    fixture.server.set_token(300, 0);
    let (key, _trigger) = fixture.start().await;
    fixture.watch(&key, 50 * MINUTE).await;
    assert_eq!(fixture.server.count("auth/approle/login"), 1);
    assert_eq!(fixture.server.minted(), 1);
    assert!(fixture.server.count("renew-self") >= 15);
}

#[tokio::test(start_paused = true)]
async fn at_the_tokens_maximum_a_key_is_minted_under_a_new_one() {
    for (ttl, max) in [(300, 1000), (300, 300), (20, 30)] {
        let fixture = Fixture::new();
        fixture.server.set_token(ttl, max);
        let (key, _trigger) = fixture.start().await;
        fixture.watch(&key, Duration::from_secs(5 * max)).await;
        let logins = fixture.server.count("auth/approle/login");
        assert!((4..=12).contains(&logins), "{ttl}/{max}: {logins} logins");
        assert!(fixture.server.minted() <= logins, "one key for each");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_draining_key_is_renewed_until_it_has_drained() {
    let fixture = Fixture::new();
    fixture.server.set_token(300, 0);
    let (key, trigger) = fixture.start().await;
    let in_flight = key.lease();
    // Another login, by a token that is not accepted for one call.
    fixture
        .server
        .fail("aws/creds", 1, 403, "permission denied");
    fixture
        .server
        .fail("lookup-self", 1, 403, "permission denied");
    trigger.event();
    key.updates().newer_than(1).await;
    assert_eq!(fixture.server.count("auth/approle/login"), 2);
    tokio::time::sleep(4 * MINUTE).await;
    assert!(
        fixture
            .server
            .leases()
            .contains(&"aws/creds/up/lease2".to_owned())
    );
    drop(in_flight);
}

#[tokio::test(start_paused = true)]
async fn a_draining_key_outlives_many_terms_of_its_token() {
    let fixture = Fixture::new();
    fixture.server.set_token(100, 0);
    let (key, trigger) = fixture.start().await;
    let in_flight = key.lease();
    trigger.event();
    key.updates().newer_than(1).await;
    for _ in 0..60 {
        tokio::time::sleep(MINUTE / 2).await;
        assert!(
            fixture
                .server
                .leases()
                .contains(&"aws/creds/up/lease1".to_owned())
        );
    }
    drop(in_flight);
    until("the revocation", || fixture.server.leases().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_accepted_any_more_leads_to_one_login() {
    let fixture = Fixture::new();
    let (key, _trigger) = fixture.start().await;
    fixture.server.revoke_tokens();
    key.report_rejected(1);
    key.updates().newer_than(1).await;
    assert_eq!(fixture.server.count("auth/approle/login"), 2);
    fixture.watch(&key, 10 * MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_leads_to_no_further_login() {
    let fixture = Fixture::new();
    let source = fixture.connection().aws_creds("forbidden");
    for _ in 0..3 {
        let error = first(&source).await.expect_err("forbidden");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(
            error.to_string().contains("`aws/creds/forbidden`"),
            "{error}"
        );
    }
    assert_eq!(fixture.server.count("auth/approle/login"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_given_token_that_ends_is_an_error_and_mints_nothing() {
    let fixture = Fixture::new();
    let token = fixture.server.create_token(600);
    let source = fixture.with_login(Login::token(token)).aws_creds("up");
    let key = fixture
        .builder(source)
        .start()
        .await
        .expect("the first key");
    fixture.watch(&key, 595 * SECOND).await;
    assert_eq!(fixture.server.minted(), 1);
    let error = key.status().last_error.expect("the token ends").error;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("periodic"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_token_file_that_is_replaced_is_followed() {
    let fixture = Fixture::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let write = |token: &str| std::fs::write(file.path(), format!("{token}\n")).expect("written");
    write(&fixture.server.create_token(600));
    let source = fixture
        .with_login(Login::token(Login::file(file.path())))
        .aws_creds("up");
    let key = fixture
        .builder(source)
        .start()
        .await
        .expect("the first key");
    for _ in 0..5 {
        tokio::time::sleep(5 * MINUTE).await;
        write(&fixture.server.create_token(600));
        fixture.watch(&key, 3 * MINUTE).await;
    }
    assert!(
        (3..=8).contains(&fixture.server.minted()),
        "{}",
        fixture.server.minted()
    );
    key.shutdown(SECOND).await.expect("nothing is in use");
    assert_eq!(
        fixture.server.count("revoke-self"),
        0,
        "the token is not ours"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_vault_does_not_know_is_unauthenticated() {
    let fixture = Fixture::new();
    let source = fixture.with_login(Login::token("wrong")).aws_creds("up");
    let error = first(&source).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}
