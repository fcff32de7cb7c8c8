//! On OpenBao, over TLS with a CA of its own: `tests/real/vault.sh`.

use super::*;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::time::sleep;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/real/vault.sh"))
}

/// Returns a connection that trusts the system's CAs.
fn connection(address: &str, login: Login) -> Vault {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let sdk = SdkConfig::builder().http_client(http).build();
    Vault::new(&sdk, address, login)
}

fn address() -> String {
    variable("BAO_ADDR")
}

/// Returns the login of the pod whose token is in the file that the script keeps.
fn pod() -> Login {
    Login::kubernetes_with("up", Login::file(variable("CREDSWAP_POD_TOKEN_FILE")))
}

fn jwt() -> Login {
    Login::jwt("up", Login::file(variable("CREDSWAP_JWT_FILE")))
}

#[tokio::test]
#[ignore = "needs OpenBao: tests/real/vault.sh"]
async fn a_jwt_and_a_pod_log_in_again_when_their_token_has_ended() {
    for login in [jwt(), pod()] {
        let name = format!("{login:?}");
        let vault = connection(&address(), login).ca_file_from_env();
        let source = vault.kv("settings");
        // Tokens end after 4 s, however often they are renewed.
        let end = Instant::now() + 10 * SECOND;
        while Instant::now() < end {
            let read = first(&source).await;
            read.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
            sleep(SECOND / 4).await;
        }
        source.shutdown().await;
    }
}

#[tokio::test]
#[ignore = "needs OpenBao: tests/real/vault.sh"]
async fn a_login_that_is_not_accepted_says_what_to_check() {
    // The token of another service account, and none.
    let other = variable("CREDSWAP_OTHER_POD_TOKEN_FILE");
    for login in [
        Login::kubernetes_with("up", Login::file(&other)),
        Login::jwt("up", Login::file(&other)),
        Login::jwt("up", "none"),
        Login::jwt("missing", Login::file(variable("CREDSWAP_JWT_FILE"))),
    ] {
        let name = format!("{login:?}");
        let vault = connection(&address(), login).ca_file_from_env();
        let error = first(&vault.kv("settings")).await.expect_err(&name);
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{name}: {report}");
        assert!(error.to_string().contains("check the role"), "{report}");
    }
}

#[tokio::test]
#[ignore = "needs OpenBao: tests/real/vault.sh"]
async fn what_is_wrong_with_tls_is_said() {
    let plain = address().replace("https://", "http://");
    // This machine as well, and its certificate names 127.0.0.1 and localhost.
    let elsewhere = address().replace("127.0.0.1", "0.0.0.0");
    let trusting = |address: &str| connection(address, jwt()).ca_file_from_env();
    for (vault, says) in [
        (connection(&address(), jwt()), "does not trust the CA"),
        (trusting(&plain), "write the address with https://"),
        (trusting(&elsewhere), "not valid for the host"),
    ] {
        let error = first(&vault.kv("settings")).await.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Config, "{}", error.report());
        assert!(error.to_string().contains(says), "{}", error.report());
    }
}
