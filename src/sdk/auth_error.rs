//! The error codes with which AWS services reject a key, in all of their protocols.
//!
//! One rejection has many codes: S3 sends `InvalidAccessKeyId` where STS sends `InvalidClientTokenId` and Secrets Manager
//! `UnrecognizedClientException`. [`AuthError`] knows the codes and what they mean; [`error_code`] finds the code in a raw
//! response.

use std::ops::Range;

/// A rejection whose cause is, or may be, the key that signed the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AuthError {
    code: &'static str,
    kind: AuthErrorKind,
}

/// What an [`AuthError`] says about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum AuthErrorKind {
    /// The service does not know the access key id: deleted, deactivated, or so new that it is not known yet.
    UnknownKey,
    /// The key id is known and the signature is wrong: the secret access key is not the one that belongs to it.
    WrongSignature,
    /// The session token has expired, or does not belong to this key.
    InvalidToken,
    /// Denied, either because of the key or because of the request: a missing permission, or a `HEAD` that was answered with
    /// a bare 403.
    Denied,
}

impl AuthError {
    /// Returns the auth error with this code; `None` if the code is that of another error.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        CODES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|&(code, kind)| Self { code, kind })
    }

    /// Returns the auth error in a raw response: its status, its header `x-amzn-errortype` and its body.
    ///
    /// A signature that is rejected because of its *time* is not an auth error: another key does not help against clock skew.
    pub(crate) fn of_response(status: u16, error_type: Option<&str>, body: &[u8]) -> Option<Self> {
        if !(400..500).contains(&status) {
            return None;
        }
        let Some(code) = error_code(error_type, body) else {
            return matches!(status, 401 | 403).then_some(Self::BARE);
        };
        let error = Self::of_code(code)?;
        let is_clock_skew = error.kind == AuthErrorKind::WrongSignature
            && CLOCK_TEXTS
                .iter()
                .any(|text| find(truncated(body), text.as_bytes()).is_some());
        (!is_clock_skew).then_some(error)
    }

    /// Returns the service's code; `none` for a response that has only its status.
    #[cfg(any(test, feature = "aws"))]
    pub(crate) fn code(self) -> &'static str {
        self.code
    }

    /// Returns what it says about the key.
    pub(crate) fn kind(self) -> AuthErrorKind {
        self.kind
    }

    /// Returns whether the cause may be the request as well as the key.
    #[cfg(any(test, feature = "aws"))]
    pub(crate) fn is_ambiguous(self) -> bool {
        self.kind == AuthErrorKind::Denied
    }

    const BARE: Self = Self {
        code: "none",
        kind: AuthErrorKind::Denied,
    };
}

/// Returns whether the service rejected the request's *time*: this machine's clock, or the service's, is wrong.
///
/// Query and JSON services have no code of their own for it: they call the signature wrong, and the message has the reason.
#[cfg(any(test, feature = "secrets-manager", feature = "sts", feature = "s3"))]
pub(crate) fn is_clock_skew(code: &str, message: &str) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => true,
        _ => {
            AuthError::of_code(code).is_some_and(|e| e.kind == AuthErrorKind::WrongSignature)
                && CLOCK_TEXTS.iter().any(|text| message.contains(text))
        }
    }
}

/// Returns the error code in a raw error response of any AWS protocol: from the header `x-amzn-errortype`, from XML's `<Code>`
/// or from JSON's `__type` or `code`; without its namespace. `None` if there is none, or if it is not shaped like one.
///
/// Only the first 64 KiB of the body are searched.
pub(crate) fn error_code<'a>(error_type: Option<&'a str>, body: &'a [u8]) -> Option<&'a str> {
    if let Some(code) = error_type.and_then(bare_code) {
        return Some(code);
    }
    let body = truncated(body).trim_ascii_start();
    // A body may begin with a byte order mark, which contains neither '<' nor '{'.
    let start = body.iter().take(4).position(|b| matches!(b, b'<' | b'{'))?;
    match body[start] {
        b'<' => between(body, b"<Code>", b"<"),
        _ => json_text(body, b"\"__type\"").or_else(|| json_text(body, b"\"code\"")),
    }
}

const CODES: &[(&str, AuthErrorKind)] = &[
    ("InvalidAccessKeyId", AuthErrorKind::UnknownKey), // S3
    ("InvalidSecurity", AuthErrorKind::UnknownKey),    // S3
    ("InvalidClientTokenId", AuthErrorKind::UnknownKey), // IAM, STS, other query services
    ("UnrecognizedClientException", AuthErrorKind::UnknownKey), // Secrets Manager, other JSON services
    ("AuthFailure", AuthErrorKind::UnknownKey),                 // EC2
    ("SignatureDoesNotMatch", AuthErrorKind::WrongSignature),   // S3, query services
    ("InvalidSignatureException", AuthErrorKind::WrongSignature), // JSON services
    ("InvalidSignature", AuthErrorKind::WrongSignature),
    ("ExpiredToken", AuthErrorKind::InvalidToken),
    ("ExpiredTokenException", AuthErrorKind::InvalidToken),
    ("InvalidToken", AuthErrorKind::InvalidToken), // S3
    ("TokenRefreshRequired", AuthErrorKind::InvalidToken), // S3
    ("AccessDenied", AuthErrorKind::Denied),
    ("AccessDeniedException", AuthErrorKind::Denied),
    ("UnauthorizedOperation", AuthErrorKind::Denied), // EC2
    ("AuthorizationError", AuthErrorKind::Denied),    // SNS
    ("Forbidden", AuthErrorKind::Denied),
];

/// "Signature expired: 20200101T000000Z is now earlier than …", "Signature not yet current: …".
const CLOCK_TEXTS: [&str; 2] = ["Signature expired", "Signature not yet current"];

const LONGEST_BODY: usize = 64 * 1024;
const LONGEST_CODE: usize = 128;

fn truncated(body: &[u8]) -> &[u8] {
    &body[..body.len().min(LONGEST_BODY)]
}

/// Returns the code without its decoration: `com.amazonaws.kms#Code`, `Code:http://…` and `Code;Sender` are all `Code`.
fn bare_code(code: &str) -> Option<&str> {
    let code = code.split([':', ';', ',']).next().unwrap_or(code);
    let code = code.rsplit('#').next().unwrap_or(code).trim();
    let is_code_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(is_code_byte))
        .then_some(code)
}

/// Returns the code in the string value of `key`. A quote inside a JSON string has a backslash before it, so `key` with both of
/// its quotes is only found as a string of its own, and with a colon after it only as a key.
fn json_text<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let mut rest = body;
    while let Some(found) = find(rest, key) {
        rest = &rest[found.end..];
        if let Some(value) = rest.trim_ascii_start().strip_prefix(b":")
            && let Some(text) = value.trim_ascii_start().strip_prefix(b"\"")
        {
            return up_to(text, b"\"");
        }
    }
    None
}

fn between<'a>(body: &'a [u8], open: &[u8], close: &[u8]) -> Option<&'a str> {
    up_to(&body[find(body, open)?.end..], close)
}

fn up_to<'a>(text: &'a [u8], close: &[u8]) -> Option<&'a str> {
    let end = find(text, close)?.start;
    bare_code(std::str::from_utf8(&text[..end]).ok()?)
}

fn find(text: &[u8], what: &[u8]) -> Option<Range<usize>> {
    let start = text.windows(what.len()).position(|w| w == what)?;
    Some(start..start + what.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S3: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidAccessKeyId</Code>\
        <Message>The AWS Access Key Id you provided does not exist in our records.</Message></Error>";
    const STS: &[u8] = b"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
        <Code>SignatureDoesNotMatch</Code><Message>no match</Message></Error></ErrorResponse>";

    #[test]
    fn the_code_is_found_in_every_protocol() {
        let json = br#" {"message":"a \"__type\":\"Lie\" in words","__type":"com.amazonaws.x#AccessDeniedException"}"#;
        let rest = br#"{"code" : "ExpiredTokenException"}"#;
        for (header, body, code) in [
            (None, S3, "InvalidAccessKeyId"),
            (None, STS, "SignatureDoesNotMatch"),
            (None, &json[..], "AccessDeniedException"),
            (None, &rest[..], "ExpiredTokenException"),
            (
                Some("UnrecognizedClientException:http://x/"),
                b"",
                "UnrecognizedClientException",
            ),
            (
                Some("InvalidClientTokenId;Sender"),
                S3,
                "InvalidClientTokenId",
            ),
            (Some(" "), S3, "InvalidAccessKeyId"),
        ] {
            assert_eq!(error_code(header, body), Some(code));
        }
    }

    #[test]
    fn what_is_not_a_code_is_not_taken_for_one() {
        for body in [
            &b""[..],
            b"Forbidden",
            b"<html><body>Forbidden</body></html>",
            b"<Error><Code>",
            b"<Error><Code></Code></Error>",
            b"<Error><Code>no code at all</Code></Error>",
            br#"{"code":403,"message":"\"code\":\"Lie\""}"#,
            br#"{"values":["code","x"]}"#,
            b"\xff\xfe{",
        ] {
            assert_eq!(error_code(None, body), None, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn each_code_of_a_rejection_has_its_kind() {
        for (code, kind) in [
            ("InvalidAccessKeyId", AuthErrorKind::UnknownKey),
            ("InvalidClientTokenId", AuthErrorKind::UnknownKey),
            ("UnrecognizedClientException", AuthErrorKind::UnknownKey),
            ("SignatureDoesNotMatch", AuthErrorKind::WrongSignature),
            ("InvalidSignatureException", AuthErrorKind::WrongSignature),
            ("ExpiredToken", AuthErrorKind::InvalidToken),
            ("AccessDenied", AuthErrorKind::Denied),
        ] {
            let error = AuthError::of_code(code).expect(code);
            assert_eq!((error.code(), error.kind()), (code, kind));
        }
        for other in ["NoSuchKey", "ThrottlingException", "invalidaccesskeyid", ""] {
            assert_eq!(AuthError::of_code(other), None);
        }
    }

    #[test]
    fn a_bare_403_is_ambiguous() {
        let bare = AuthError::of_response(403, None, b"").expect("a 403 is a rejection");
        assert!(bare.is_ambiguous());
        let known = AuthError::of_response(403, None, S3).expect("the key is unknown");
        assert!(!known.is_ambiguous());
        for (status, body) in [(404, &b""[..]), (200, S3), (503, S3), (400, b"")] {
            assert_eq!(AuthError::of_response(status, None, body), None);
        }
    }

    #[test]
    fn clock_skew_is_not_an_auth_error() {
        let message = "Signature expired: 20200101T000000Z is now earlier than 20200101T001000Z";
        let body = format!(r#"{{"__type":"InvalidSignatureException","message":"{message}"}}"#);
        assert_eq!(AuthError::of_response(400, None, body.as_bytes()), None);
        assert!(is_clock_skew("InvalidSignatureException", message));
        assert!(is_clock_skew("RequestTimeTooSkewed", ""));
        assert!(!is_clock_skew(
            "InvalidSignatureException",
            "does not match"
        ));
        assert!(!is_clock_skew("ValidationError", message));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            status: u16,
            header in proptest::option::of(".*"),
            start in prop::sample::select(vec!["", "<Code>", "{\"__type\"", "{\"code\":\"", " \u{feff}<Error><Code>A#"]),
            tail: Vec<u8>,
        ) {
            let body = [start.as_bytes(), &tail].concat();
            if let Some(code) = error_code(header.as_deref(), &body) {
                prop_assert!(!code.is_empty() && code.len() <= LONGEST_CODE);
            }
            let _ = AuthError::of_response(status, header.as_deref(), &body);
        }

        #[test]
        fn a_code_between_other_fields_is_found(code in "[A-Z][A-Za-z.]{0,60}", before in "[^\"\\\\]*", blank in "[ \n\t]{0,3}") {
            let body = format!("{{{blank}\"message\"{blank}:\"{before}\",\"__type\"{blank}:{blank}\"ns#{code}\"}}");
            prop_assert_eq!(error_code(None, body.as_bytes()), Some(code.as_str()));
        }
    }
}
