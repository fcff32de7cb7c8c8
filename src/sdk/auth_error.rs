//! What AWS answers when it does not accept a key, in all of its protocols.
//!
//! One refusal has many names: S3 says `InvalidAccessKeyId` where STS says `InvalidClientTokenId` and Secrets Manager
//! `UnrecognizedClientException`. [`AuthError`] is the list of those names and what they mean; [`error_code`] finds
//! the name in a raw response.

use std::ops::Range;

/// A refusal that has to do with who signed the request, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AuthError {
    code: &'static str,
    meaning: AuthErrorKind,
}

/// What an [`AuthError`] says about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum AuthErrorKind {
    /// The service does not know the access key id: deleted, deactivated, or so new that it is not known yet.
    UnknownKey,
    /// The key id is known and the signature is wrong: the secret access key is not the one that belongs to it.
    WrongSignature,
    /// The session token has expired or is no token of this key's.
    DeadToken,
    /// Denied, and nobody says whether for the key or for what was asked: a missing permission, or a `HEAD` that
    /// was answered with a bare 403.
    Denied,
}

impl AuthError {
    /// The auth error of that name; `None` if it is another error.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        CODES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|&(code, meaning)| Self { code, meaning })
    }

    /// The auth error in a raw response: its status, its header `x-amzn-errortype` and its body.
    ///
    /// A signature that is refused for its *time* is no auth error: another key would not help against a wrong clock.
    pub(crate) fn of_response(status: u16, error_type: Option<&str>, body: &[u8]) -> Option<Self> {
        if !(400..500).contains(&status) {
            return None;
        }
        let Some(code) = error_code(error_type, body) else {
            return matches!(status, 401 | 403).then_some(Self::BARE);
        };
        let error = Self::of_code(code)?;
        let of_the_clock = error.meaning == AuthErrorKind::WrongSignature
            && CLOCK_TEXTS
                .iter()
                .any(|text| find(bounded(body), text.as_bytes()).is_some());
        (!of_the_clock).then_some(error)
    }

    /// The service's name for it; `none` for a response that says nothing but 403.
    pub(crate) fn code(self) -> &'static str {
        self.code
    }

    /// What it says about the key.
    pub(crate) fn kind(self) -> AuthErrorKind {
        self.meaning
    }

    /// Whether the cause may be the request as well as the key.
    pub(crate) fn is_ambiguous(self) -> bool {
        self.meaning == AuthErrorKind::Denied
    }

    const BARE: Self = Self {
        code: "none",
        meaning: AuthErrorKind::Denied,
    };
}

/// Whether the service refused the request's *time*: this machine's clock, or the service's, is wrong.
///
/// Query and JSON services have no code of their own for it: they say that the signature is wrong, and why in words.
pub(crate) fn is_clock_skew(code: &str, message: &str) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => true,
        _ => {
            AuthError::of_code(code).is_some_and(|e| e.meaning == AuthErrorKind::WrongSignature)
                && CLOCK_TEXTS.iter().any(|text| message.contains(text))
        }
    }
}

/// The error code in a raw error response of any AWS protocol: from the header `x-amzn-errortype`, from XML's `<Code>`
/// or from JSON's `__type` or `code`; without its namespace. `None` if there is none, or if it does not look like one.
///
/// Only the first 64 KiB of the body are looked at.
pub(crate) fn error_code<'a>(error_type: Option<&'a str>, body: &'a [u8]) -> Option<&'a str> {
    if let Some(code) = error_type.and_then(bare) {
        return Some(code);
    }
    let body = bounded(body).trim_ascii_start();
    // Some byte order marks have been seen in the wild; neither '<' nor '{' can be part of one.
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
    ("ExpiredToken", AuthErrorKind::DeadToken),
    ("ExpiredTokenException", AuthErrorKind::DeadToken),
    ("InvalidToken", AuthErrorKind::DeadToken), // S3
    ("TokenRefreshRequired", AuthErrorKind::DeadToken), // S3
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

fn bounded(body: &[u8]) -> &[u8] {
    &body[..body.len().min(LONGEST_BODY)]
}

/// `com.amazonaws.kms#Code`, `Code:http://…` and `Code;Sender` are all `Code`.
fn bare(code: &str) -> Option<&str> {
    let code = code.split([':', ';', ',']).next().unwrap_or(code);
    let code = code.rsplit('#').next().unwrap_or(code).trim();
    let like_a_code = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(like_a_code))
        .then_some(code)
}

/// The text of `key`. A quote inside a JSON string has a backslash before it, so `key` with both of its quotes is only
/// found as a string of its own, and with a colon after it only as a key.
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
    bare(std::str::from_utf8(&text[..end]).ok()?)
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
    fn what_is_no_code_is_not_taken_for_one() {
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
    fn a_refusal_means_the_same_under_all_its_names() {
        for (code, meaning) in [
            ("InvalidAccessKeyId", AuthErrorKind::UnknownKey),
            ("InvalidClientTokenId", AuthErrorKind::UnknownKey),
            ("UnrecognizedClientException", AuthErrorKind::UnknownKey),
            ("SignatureDoesNotMatch", AuthErrorKind::WrongSignature),
            ("InvalidSignatureException", AuthErrorKind::WrongSignature),
            ("ExpiredToken", AuthErrorKind::DeadToken),
            ("AccessDenied", AuthErrorKind::Denied),
        ] {
            let error = AuthError::of_code(code).expect(code);
            assert_eq!((error.code(), error.kind()), (code, meaning));
        }
        for other in ["NoSuchKey", "ThrottlingException", "invalidaccesskeyid", ""] {
            assert_eq!(AuthError::of_code(other), None);
        }
    }

    #[test]
    fn a_bare_403_may_be_the_key_and_may_be_the_request() {
        let bare = AuthError::of_response(403, None, b"").expect("a 403 is a refusal");
        assert!(bare.is_ambiguous());
        let known = AuthError::of_response(403, None, S3).expect("the key is unknown");
        assert!(!known.is_ambiguous());
        for (status, body) in [(404, &b""[..]), (200, S3), (503, S3), (400, b"")] {
            assert_eq!(AuthError::of_response(status, None, body), None);
        }
    }

    #[test]
    fn a_wrong_clock_is_not_blamed_on_the_key() {
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
        fn garbage_never_panics(
            status: u16,
            header in proptest::option::of(".*"),
            start in prop::sample::select(vec!["", "<Code>", "{\"__type\"", "{\"code\":\"", " \u{feff}<Error><Code>A#"]),
            garbage: Vec<u8>,
        ) {
            let body = [start.as_bytes(), &garbage].concat();
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
