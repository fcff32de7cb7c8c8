//! What each login sends, and that none shows its secret.

use super::*;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

async fn body_of(login: Login) -> (String, Value) {
    let fixture = Fixture::new();
    first(&fixture.with_login(login).aws_creds("up"))
        .await
        .expect("minted");
    let call = fixture.server.calls().swap_remove(0);
    (call.name, call.body)
}

#[tokio::test(start_paused = true)]
async fn each_login_sends_its_own_fields() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "from the file\n").expect("written");
    let from_file = || Login::file(file.path());
    let rows = [
        (
            Login::app_role("id", "sid"),
            "approle",
            json!({"role_id": "id", "secret_id": "sid"}),
        ),
        (
            Login::app_role("id", from_file()),
            "approle",
            json!({"role_id": "id", "secret_id": "from the file"}),
        ),
        (
            Login::kubernetes_with("up", from_file()),
            "kubernetes",
            json!({"role": "up", "jwt": "from the file"}),
        ),
        (
            Login::jwt("up", from_file()),
            "jwt",
            json!({"role": "up", "jwt": "from the file"}),
        ),
        (
            Login::jwt("up", "j").mount("oidc/prod"),
            "oidc/prod",
            json!({"role": "up", "jwt": "j"}),
        ),
    ];
    for (login, mount, body) in rows {
        assert_eq!(
            body_of(login).await,
            (format!("POST auth/{mount}/login"), body)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_at_each_login() {
    let fixture = Fixture::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "one").expect("written");
    let source = fixture
        .with_login(Login::jwt("up", Login::file(file.path())))
        .aws_creds("up");
    let live = first(&source).await.expect("minted");
    std::fs::write(file.path(), "two").expect("written");
    fixture.server.revoke_tokens();
    fetch(&source, Reason::Rejected, &live)
        .await
        .expect("minted");
    let calls = fixture.server.calls();
    let jwts: Vec<_> = calls
        .iter()
        .filter_map(|call| call.body["jwt"].as_str())
        .collect();
    assert_eq!(jwts, ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_rejected_says_what_to_check() {
    let fixture = Fixture::new();
    let source = fixture
        .with_login(Login::app_role("role", "wrong hidden"))
        .aws_creds("up");
    let error = first(&source).await.expect_err("wrong");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("credential"), "{error}");
    for (path, fault) in [
        ("/does/not/exist", "cannot be read"),
        ("/dev/null", "is empty"),
    ] {
        let source = fixture
            .with_login(Login::jwt("up", Login::file(path)))
            .aws_creds("up");
        let error = first(&source).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Config);
        let says = format!("{path}` {fault}");
        assert!(error.to_string().contains(&says), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_aws_login_is_a_signed_get_caller_identity() {
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKIDEXAMPLE",
            "hidden",
            Some("session".to_owned()),
            None,
            "test",
        )))
        .build();
    let (name, body) = body_of(Login::aws_iam(&sdk, "up", "vault.example.com")).await;
    assert_eq!(name, "POST auth/aws/login");
    let decoded = |field: &str| {
        let text = body[field].as_str().expect("a text");
        String::from_utf8(aws_smithy_types_base64(text)).expect("text")
    };
    assert_eq!(
        (&body["role"], &body["iam_http_request_method"]),
        (&json!("up"), &json!("POST"))
    );
    assert!(decoded("iam_request_url").starts_with("https://sts.eu-west-1.amazonaws.com"));
    assert!(decoded("iam_request_body").contains("Action=GetCallerIdentity"));
    let headers: Value = serde_json::from_str(&decoded("iam_request_headers")).expect("JSON");
    let signature = headers["authorization"][0].as_str().expect("signed");
    assert!(
        signature.contains("AKIDEXAMPLE") && signature.contains("x-vault-aws-iam-server-id"),
        "{signature}"
    );
    assert_eq!(headers["x-vault-aws-iam-server-id"][0], "vault.example.com");
    assert!(!body.to_string().contains("hidden") && !headers.to_string().contains("hidden"));
}

#[tokio::test(start_paused = true)]
async fn an_aws_login_without_credentials_says_so() {
    let sdk = SdkConfig::builder()
        .region(Region::from_static("eu-west-1"))
        .build();
    let fixture = Fixture::new();
    let source = fixture
        .with_login(Login::aws_iam(&sdk, "up", None))
        .aws_creds("up");
    let error = first(&source).await.expect_err("no credentials");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("credentials"), "{error}");
}

fn aws_smithy_types_base64(text: &str) -> Vec<u8> {
    aws_smithy_types::base64::decode(text).expect("base64")
}

#[tokio::test]
async fn no_log_and_no_debug_shows_a_secret() {
    let server = Server::new();
    let http = aws_smithy_http_client::Builder::new().build_http();
    let sdk = SdkConfig::builder().http_client(http).build();
    let login = Login::app_role("role", "hidden secret id");
    let address = server.serve().await;
    let (log, collecting) = Log::collect_from(LevelFilter::TRACE);
    let vault = Vault::new(&sdk, address, login.clone());
    let source = vault.aws_creds("up");
    let secret = first(&source).await.expect("minted");
    source.drained(secret.version()).await;
    source.shutdown().await;
    drop(collecting);
    let token = server
        .calls()
        .into_iter()
        .find_map(|call| call.token)
        .expect("logged in");
    let log = log.text();
    assert!(!log.is_empty());
    let shown = format!("{log} {vault:?} {login:?} {source:?} {secret:?}");
    for hidden in ["hidden secret id", &token, "hidden-key"] {
        assert!(!shown.contains(hidden), "{hidden}");
    }
}
