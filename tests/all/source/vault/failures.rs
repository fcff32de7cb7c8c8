//! Whatever Vault answers: the last good key stays, and the error says what to change.

use super::*;

/// An answer to a mint, what it means, and what the error says.
const ANSWERS: [(u16, &str, ErrorKind, &str); 8] = [
    (503, "Vault is sealed", ErrorKind::Unavailable, "unseal"),
    (473, "", ErrorKind::Unavailable, "standby"),
    (
        429,
        "rate limit quota exceeded",
        ErrorKind::Unavailable,
        "quota",
    ),
    (
        500,
        "internal error",
        ErrorKind::Unavailable,
        "inside Vault",
    ),
    (
        403,
        "permission denied",
        ErrorKind::PermissionDenied,
        "policy",
    ),
    (404, "no handler for route", ErrorKind::NotFound, "mount"),
    (400, "Role \"up\" not found", ErrorKind::NotFound, "role"),
    (
        400,
        "Error creating IAM user: RequestError: send request failed",
        ErrorKind::Unavailable,
        "behind it",
    ),
];

#[tokio::test(start_paused = true)]
async fn the_last_good_key_stays_and_the_error_says_what_to_change() {
    for (status, answer, kind, says) in ANSWERS {
        let fixture = Fixture::new();
        let (key, trigger) = fixture.start().await;
        fixture.server.fail("aws/creds", 1000, status, answer);
        trigger.event();
        until("the failure", || key.status().last_error.is_some()).await;
        let error = key.status().last_error.expect("failed").error;
        assert_eq!(error.kind(), kind, "{status} {answer}");
        assert!(
            error.to_string().contains(says),
            "{status} {answer}: {error}"
        );
        fixture.watch(&key, 10 * MINUTE).await;
        assert_eq!(key.status().generation, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_passes_is_not_seen_by_the_caller() {
    for status in [429, 472, 473, 503] {
        let fixture = Fixture::new();
        fixture.server.fail("aws/creds", 3, status, "");
        fixture.server.fail("approle/login", 1, status, "");
        first(&fixture.creds())
            .await
            .expect("at the fourth attempt");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_minted_is_not_repeated_at_once() {
    let fixture = Fixture::new();
    fixture.server.fail("aws/creds", 1, 500, "internal error");
    let error = first(&fixture.creds()).await.expect_err("once");
    assert!(error.is_retryable());
    assert_eq!(fixture.server.count("aws/creds"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_no_url_is_named() {
    let fixture = Fixture::new();
    for address in ["vault:8200", "", "ftp://vault", "https://"] {
        let login = Login::token("t");
        let vault = Vault::new(&fixture.sdk(), address, login);
        let error = first(&vault.aws_creds("up")).await.expect_err("no URL");
        assert_eq!(error.kind(), ErrorKind::Config, "{address}");
        assert!(error.to_string().contains("https://host:8200"), "{error}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let sdk = SdkConfig::builder().http_client(http).build();
    let address = crate::support::canned::nowhere();
    let vault = Vault::new(&sdk, address, Login::token("t")).attempts(2);
    let error = first(&vault.aws_creds("up")).await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("check the address"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_vaults_is_malformed_without_its_text() {
    let sdk = crate::support::canned::answering(200, "<html>hidden</html>");
    let vault = Vault::new(&sdk, "http://proxy", Login::app_role("r", "s")).attempts(1);
    let error = first(&vault.kv("app")).await.expect_err("not Vault");
    assert!(error.to_string().contains("not Vault's"), "{error}");
    assert!(!format!("{error:?} {}", error.report()).contains("hidden"));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_in_the_background_is_logged_with_the_name() {
    let (log, _here) = Log::collect();
    let fixture = Fixture::new();
    let builder = fixture.builder(fixture.creds()).name("uploads");
    let keys = builder.start().await.expect("the first key");
    fixture.server.fail("leases/renew", 8, 503, "sealed");
    fixture
        .server
        .fail("leases/revoke", 1, 403, "permission denied");
    let drained = keys.status().version;
    keys.report_rejected(1);
    keys.drained(&drained).await.expect("another key is live");
    for what in ["could not be renewed", "cannot be revoked"] {
        until(what, || !log.lines("WARN", what).is_empty()).await;
    }
    let text = log.text();
    let nameless = |line: &&str| !line.contains("credswap{refreshable=uploads}");
    assert_eq!(text.lines().find(nameless), None, "whose is it?");
}
