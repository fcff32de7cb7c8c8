//! The errors with which services reject a key, and what they say about it.
//!
//! One rejection has many codes: S3 sends `InvalidAccessKeyId` where STS sends `InvalidClientTokenId` and Secrets Manager
//! `UnrecognizedClientException`; and one code has many meanings, which only the message tells apart. Some S3-compatible stores
//! deny whatever they do not know. A denial is therefore no proof that the key is genuine, unless its message is one that only
//! an authenticated request can get.

/// A rejection whose cause is, or may be, the key that signed the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AuthError {
    code: &'static str,
    kind: AuthErrorKind,
    proves_key: bool,
}

/// What an [`AuthError`] says about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum AuthErrorKind {
    /// The service does not know the access key id: deleted, deactivated, or so new that it is not known yet.
    UnknownKey,
    /// The key id is known and the signature is wrong: the secret access key is not the one that belongs to it, or this
    /// request was changed after it was signed.
    WrongSignature,
    /// The session token has expired, or does not belong to this key.
    InvalidToken,
    /// Denied, either because of the key or because of the request: a missing permission, or a `HEAD` that was answered with
    /// a bare 403.
    Denied,
}

impl AuthError {
    /// Returns the auth error in a service's answer; `None` if it is another error. Code and message are empty if it has none.
    ///
    /// A signature that is rejected because of its *time* or its *scope* (region, service) is not an auth error: another key
    /// does not help.
    pub(crate) fn of(status: u16, code: &str, message: &str) -> Option<Self> {
        if is_clock_skew(code, message) || !(400..500).contains(&status) {
            return None;
        }
        let known = CODES.iter().find(|(known, _)| *known == code);
        let Some(&(code, kind)) = known else {
            // Whatever a 401 is called: the request was not authenticated.
            return match (status, code) {
                (401 | 403, "") => Some(Self::denied("none")),
                (401, _) => Some(Self::denied("other")),
                _ => None,
            };
        };
        let kind = match (kind, code, status) {
            (_, "AuthFailure", _) => return Some(Self::of_ec2(message)),
            // Cloudflare R2's answer to a key that it does not know. With another status it is a missing permission.
            (_, "Unauthorized", 401) => AuthErrorKind::UnknownKey,
            (AuthErrorKind::Denied, ..) => return Some(Self::of_denial(code, message)),
            (AuthErrorKind::WrongSignature, ..) if message.contains(WRONG_SCOPE) => return None,
            (kind, ..) => kind,
        };
        Some(Self {
            code,
            kind,
            proves_key: false,
        })
    }

    /// Returns the service's code; `none` for a response that has only its status, `other` for an unknown one.
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

    /// Returns whether it proves that the key is genuine: it is a denial that only an authenticated request can get.
    #[cfg(any(test, feature = "aws", feature = "sts", feature = "s3"))]
    pub(crate) fn proves_key(self) -> bool {
        self.proves_key
    }

    /// EC2 answers `AuthFailure` for dead keys, and for whatever else it does not permit.
    fn of_ec2(message: &str) -> Self {
        let code = "AuthFailure";
        if message.contains("not able to validate the provided access credentials") {
            return Self {
                code,
                kind: AuthErrorKind::UnknownKey,
                proves_key: false,
            };
        }
        Self {
            proves_key: !message.is_empty(),
            ..Self::denied(code)
        }
    }

    /// Some stores deny a request whose key they do not know, and say so in the message alone.
    fn of_denial(code: &'static str, message: &str) -> Self {
        let says = |texts: &[&str]| {
            let message = message.to_ascii_lowercase();
            texts.iter().any(|text| message.contains(text))
        };
        let proves_key = code == "UnauthorizedOperation" || says(&AUTHENTICATED);
        let kind = match () {
            () if proves_key => AuthErrorKind::Denied,
            () if says(&UNKNOWN_KEY) => AuthErrorKind::UnknownKey,
            () if says(&WRONG_SIGNATURE) => AuthErrorKind::WrongSignature,
            () => AuthErrorKind::Denied,
        };
        Self {
            code,
            kind,
            proves_key,
        }
    }

    fn denied(code: &'static str) -> Self {
        Self {
            code,
            kind: AuthErrorKind::Denied,
            proves_key: false,
        }
    }
}

/// Returns whether the service rejected the request's *time*: this machine's clock, or the service's, is wrong.
///
/// Query and JSON services have no code of their own for it: they call the signature wrong, and the message has the reason.
pub(crate) fn is_clock_skew(code: &str, message: &str) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => true,
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "InvalidSignature" => {
            CLOCK_TEXTS.iter().any(|text| message.contains(text))
        }
        _ => false,
    }
}

const CODES: &[(&str, AuthErrorKind)] = &[
    ("InvalidAccessKeyId", AuthErrorKind::UnknownKey), // S3
    ("InvalidSecurity", AuthErrorKind::UnknownKey),    // S3
    ("InvalidClientTokenId", AuthErrorKind::UnknownKey), // IAM, STS, other query services
    ("UnrecognizedClientException", AuthErrorKind::UnknownKey), // Secrets Manager, other JSON services
    ("UnrecognizedClient", AuthErrorKind::UnknownKey),
    ("AuthFailure", AuthErrorKind::UnknownKey), // EC2
    ("SignatureDoesNotMatch", AuthErrorKind::WrongSignature), // S3, query services
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
    ("NotAuthorized", AuthErrorKind::Denied),         // query services
    ("Unauthorized", AuthErrorKind::Denied),          // R2
    ("Forbidden", AuthErrorKind::Denied),
];

/// "Signature expired: 20200101T000000Z is now earlier than …", "Signature not yet current: …".
const CLOCK_TEXTS: [&str; 2] = ["Signature expired", "Signature not yet current"];
/// "Credential should be scoped to a valid region", "… to correct service: 's3'".
const WRONG_SCOPE: &str = "Credential should be scoped";

/// What an authenticated request is told: AWS names the user, Garage its key.
const AUTHENTICATED: [&str; 3] = [
    "is not authorized to perform",
    "is not able to perform",
    "not allowed for this key",
];
/// Garage, versitygw and others, below `AccessDenied` or `Forbidden`.
const UNKNOWN_KEY: [&str; 4] = [
    "no such key",
    "no such access key",
    "unknown access key",
    "invalid access key",
];
const WRONG_SIGNATURE: [&str; 3] = [
    "invalid signature",
    "signature mismatch",
    "signature does not match",
];

#[cfg(test)]
mod tests;
