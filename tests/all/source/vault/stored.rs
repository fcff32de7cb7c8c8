//! What is read: KV version 2, and static roles.

use super::*;
use credswap::aws::{AccessKey, Fields};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_kv_secret_has_the_version_of_its_metadata() {
    let fixture = Fixture::new();
    let source = fixture.connection().kv("prod/uploader");
    for version in ["1", "2", "3"] {
        let data =
            json!({"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": format!("secret-{version}")});
        fixture.server.put("prod/uploader", data);
        let secret = first(&source).await.expect("stored");
        assert_eq!(secret.version().as_str(), version);
        assert!(secret.created().is_some() && secret.expires().is_none());
        let key = AccessKey::parse(&secret, &Fields::default()).expect("a key");
        assert_eq!(key.id(), "AKIAEXAMPLE");
    }
    assert_eq!(
        source.secret_id().expect("named").as_str(),
        "secret/prod/uploader"
    );
    assert_eq!(fixture.server.count("auth/approle/login"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kv_secret_that_is_absent_or_deleted_is_not_found() {
    let fixture = Fixture::new();
    let source = fixture.connection().kv("prod/uploader");
    let absent = first(&source).await.expect_err("absent");
    fixture
        .server
        .put("prod/uploader", json!({"password": "p"}));
    first(&source).await.expect("stored");
    fixture.server.delete("prod/uploader");
    let deleted = first(&source).await.expect_err("deleted");
    for error in [absent, deleted] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("secret/data/prod/uploader"),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn static_keys_follow_vaults_rotation_and_are_not_revoked() {
    let fixture = Fixture::new();
    let source = fixture.connection().aws_static_creds("up");
    let trigger = TestTrigger::new();
    let builder = fixture.builder(source).poll_every(MINUTE).trigger(trigger);
    let key = builder.start().await.expect("a key");
    fixture.server.rotate_static();
    key.updates().newer_than(1).await;
    assert_eq!(key.status().version.as_str(), "AKIASTATIC2");
    key.shutdown(SECOND).await.expect("nothing is in use");
    assert_eq!(fixture.server.count("sys/leases"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_static_password_is_fetched_again_when_it_is_due() {
    let fixture = Fixture::new();
    let source = fixture.connection().database_static_creds("reports");
    let secret = first(&source).await.expect("a password");
    assert_eq!(secret.version().as_str(), "2026-01-31T12:00:01.123456789Z");
    let left = secret
        .expires()
        .expect("known")
        .duration_since(fixture.clock()());
    assert_eq!(left.expect("later"), 5 * MINUTE);
    fixture.server.rotate_static();
    let next = first(&source).await.expect("the next");
    assert_ne!(next.version(), secret.version());
}

#[tokio::test(start_paused = true)]
async fn keys_and_sessions_are_keys_of_the_aws_connector() {
    let fixture = Fixture::new();
    let vault = fixture.connection();
    let key = first(&vault.aws_creds("up")).await.expect("minted");
    let session = first(&vault.aws_sts("up", Default::default()))
        .await
        .expect("minted");
    let fixed = first(&vault.aws_static_creds("up")).await.expect("read");
    for (secret, has_token) in [(key, false), (session, true), (fixed, false)] {
        let key = AccessKey::parse(&secret, &Fields::default()).expect("a key");
        let credentials = key.to_credentials(None);
        assert_eq!(credentials.session_token().is_some(), has_token);
    }
    // Without options, a session is read.
    assert_eq!(fixture.server.count("GET aws/sts/up"), 1);
}

#[tokio::test(start_paused = true)]
async fn mounts_names_and_namespaces_are_those_that_were_set() {
    let fixture = Fixture::new();
    let vault = fixture
        .connection()
        .namespace("team/storage")
        .mount("/aws prod/");
    let source = vault.aws_creds("up");
    let error = first(&source).await.expect_err("no such mount");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let calls = fixture.server.calls();
    assert_eq!(calls[1].name, "GET aws%20prod/creds/up");
    assert!(
        calls
            .iter()
            .all(|call| call.namespace.as_deref() == Some("team/storage"))
    );
    assert_eq!(
        source.secret_id().expect("named").as_str(),
        "aws prod/creds/up"
    );
}
