//! Each answer and its meaning, as a table.

use super::*;

/// Each answer, the path it came from, and what it means.
const ROWS: [(u16, &str, &str, ErrorKind, &str); 22] = [
    (
        503,
        r#"{"errors":["Vault is sealed"]}"#,
        CREDS,
        ErrorKind::Unavailable,
        "unseal",
    ),
    (503, "", CREDS, ErrorKind::Unavailable, "inside Vault"),
    (
        500,
        r#"{"errors":["internal error"]}"#,
        CREDS,
        ErrorKind::Unavailable,
        "inside Vault",
    ),
    (502, "<html>", CREDS, ErrorKind::Unavailable, "inside Vault"),
    (412, "", CREDS, ErrorKind::Unavailable, "inside Vault"),
    (307, "", CREDS, ErrorKind::Unavailable, "standby"),
    (472, "", CREDS, ErrorKind::Unavailable, "standby"),
    (473, "", CREDS, ErrorKind::Unavailable, "standby"),
    (
        429,
        r#"{"errors":["request path \"aws/creds/up\": rate limit quota exceeded"]}"#,
        CREDS,
        ErrorKind::Unavailable,
        "quota",
    ),
    (
        403,
        r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
        CREDS,
        ErrorKind::PermissionDenied,
        CREDS,
    ),
    (
        403,
        r#"{"errors":["permission denied"]}"#,
        LOGIN,
        ErrorKind::Unauthenticated,
        "bindings",
    ),
    (
        404,
        r#"{"errors":["no handler for route \"aws/creds/up\". route entry not found."]}"#,
        CREDS,
        ErrorKind::NotFound,
        "mount",
    ),
    (
        404,
        r#"{"errors":[]}"#,
        "secret/data/app",
        ErrorKind::NotFound,
        "secret/data/app",
    ),
    (
        400,
        r#"{"errors":["Role \"up\" not found"]}"#,
        CREDS,
        ErrorKind::NotFound,
        "role",
    ),
    (
        400,
        r#"{"errors":["unknown role: up"]}"#,
        "database/creds/up",
        ErrorKind::NotFound,
        "role",
    ),
    (
        400,
        r#"{"errors":["lease not found"]}"#,
        "sys/leases/renew",
        ErrorKind::NotFound,
        "revoked",
    ),
    (
        400,
        r#"{"errors":["invalid role or secret ID"]}"#,
        LOGIN,
        ErrorKind::Unauthenticated,
        "credential",
    ),
    (
        400,
        r#"{"errors":["Error creating IAM user: RequestError: send request failed"]}"#,
        CREDS,
        ErrorKind::Unavailable,
        "reach",
    ),
    (
        400,
        r#"{"errors":["Error creating IAM user: Throttling: Rate exceeded"]}"#,
        CREDS,
        ErrorKind::Unavailable,
        "reach",
    ),
    (
        400,
        r#"{"errors":["Error creating IAM user: AccessDenied: not yours"]}"#,
        CREDS,
        ErrorKind::PermissionDenied,
        "root key",
    ),
    (
        400,
        r#"{"errors":["Error creating IAM user: InvalidClientTokenId: gone"]}"#,
        CREDS,
        ErrorKind::Config,
        "config/root",
    ),
    (
        405,
        r#"{"errors":["unsupported operation"]}"#,
        CREDS,
        ErrorKind::Config,
        "405",
    ),
];
const CREDS: &str = "aws/creds/up";
const LOGIN: &str = "auth/approle/login";

#[test]
fn each_answer_says_what_to_change() {
    for (status, body, path, kind, says) in ROWS {
        let error = Rejection::new(status, body.as_bytes()).error("minting a key", path);
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert!(error.to_string().contains(says), "{status} {body}: {error}");
        assert!(!error.report().contains('\n'), "{}", error.report());
    }
}

#[test]
fn a_wrong_signature_is_not_quoted() {
    let body = br#"{"errors":["from STS: <Code>SignatureDoesNotMatch</Code> x-amz-security-token:hidden"]}"#;
    let error = Rejection::new(400, body).error("the login", "auth/aws/login");
    assert!(!error.report().contains("hidden"), "{}", error.report());
}

#[test]
fn only_a_lease_that_is_unknown_is_gone() {
    let gone = Rejection::new(400, br#"{"errors":["lease not found"]}"#);
    let unreachable = Rejection::new(400, br#"{"errors":["failed to revoke: RequestError"]}"#);
    assert!(gone.is_lease_gone() && !unreachable.is_lease_gone());
    assert!(!Rejection::new(403, br#"{"errors":["lease not found"]}"#).is_lease_gone());
}
