//! What Vault's error answers mean, and what to change.
//!
//! The status alone does not tell: 400 stands for a role that does not exist, a lease that is gone, a wrong SecretID, and for
//! a plugin that cannot reach its own service at the moment.

use std::fmt;

use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) status: u16,
    message: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<String>,
}

impl Rejection {
    /// Reads the answer of this status.
    pub(super) fn new(status: u16, body: &[u8]) -> Self {
        let errors = serde_json::from_slice::<Body>(body).map(|body| body.errors);
        let all = errors.unwrap_or_default().join("; ");
        // Go's server says so in plain text. Other texts that are not Vault's are not quoted.
        let all = match body.starts_with(PLAINTEXT.as_bytes()) {
            true => PLAINTEXT.to_owned(),
            false => all,
        };
        // A wrong signature is answered with what should have been signed, and the session token is part of that.
        let is_quotable = !all.contains("SignatureDoesNotMatch");
        let lines = all
            .split('\n')
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let message: String = lines.collect::<Vec<_>>().join(" ");
        Self {
            status,
            message: match is_quotable {
                true => message.chars().take(LONGEST_MESSAGE).collect(),
                false => "SignatureDoesNotMatch".to_owned(),
            },
        }
    }

    /// Returns whether the token is not accepted, or may not do this.
    pub(super) fn is_forbidden(&self) -> bool {
        self.status == 403
    }

    /// Returns whether Vault does not know the lease: it has ended, or was revoked.
    pub(super) fn is_lease_gone(&self) -> bool {
        matches!(self.status, 400 | 404) && self.says(&["lease not found", "invalid lease"])
    }

    /// Returns whether Vault refused before it did anything.
    pub(super) fn is_refused_at_once(&self) -> bool {
        matches!(self.status, 307 | 412 | 429 | 472 | 473 | 503)
    }

    /// Returns the error. `what` names the call and what it is about; `path` is what it was sent to.
    pub(super) fn error(&self, what: &str, path: &str) -> Error {
        let (kind, text) = self.meaning(what, path);
        let answer = match self.message.as_str() {
            "" => format!("Vault answered {}", self.status),
            message => format!("Vault answered {}: {message}", self.status),
        };
        Error::new(kind, text).with_source(VaultMessage(answer))
    }

    fn meaning(&self, what: &str, path: &str) -> (ErrorKind, String) {
        let is_login = path.starts_with("auth/") && path.ends_with("/login");
        match self.status {
            400 if self.says(&[PLAINTEXT]) => (
                ErrorKind::Config,
                format!(
                    "{what} reached a listener that wants TLS; write the address with https://"
                ),
            ),
            307 | 472 | 473 => (
                ErrorKind::Unavailable,
                format!(
                    "{what} reached a standby node; use the address of the cluster or its active node"
                ),
            ),
            429 => (
                ErrorKind::Unavailable,
                format!("{what} was rate limited; raise the quota if this lasts"),
            ),
            503 if self.says(&["sealed"]) => (
                ErrorKind::Unavailable,
                format!("{what} failed because Vault is sealed; unseal it"),
            ),
            412 | 500.. => (
                ErrorKind::Unavailable,
                format!("{what} failed inside Vault"),
            ),
            404 => (
                ErrorKind::NotFound,
                format!(
                    "{what} found nothing at `{path}`; check the mount, the name and the namespace"
                ),
            ),
            403 if is_login => (
                ErrorKind::Unauthenticated,
                format!("{what} was denied; check the role, its bindings and the namespace"),
            ),
            403 => (
                ErrorKind::PermissionDenied,
                format!("{what} was denied; the token's policy must allow `{path}`"),
            ),
            400 if self.is_lease_gone() => (
                ErrorKind::NotFound,
                format!("{what} failed because the lease has ended or was revoked"),
            ),
            _ if self.says(&MAY_PASS) => (
                ErrorKind::Unavailable,
                format!("{what} failed because Vault could not reach the service behind it"),
            ),
            _ if is_login => (
                ErrorKind::Unauthenticated,
                format!("{what} was rejected; check the role and its credential"),
            ),
            400 if self.says(&["unknown role", "not found", "unsupported path"]) => (
                ErrorKind::NotFound,
                format!("{what} found nothing at `{path}`; check the mount, the role and its type"),
            ),
            400 if self.says(&["AccessDenied", "is not authorized to perform"]) => (
                ErrorKind::PermissionDenied,
                format!(
                    "{what} was denied to Vault by AWS; extend the policy of the engine's root key"
                ),
            ),
            400 if self.says(&["InvalidClientTokenId", "SignatureDoesNotMatch"]) => (
                ErrorKind::Config,
                format!(
                    "{what} failed because AWS rejects the engine's root key; write config/root anew"
                ),
            ),
            status => (
                ErrorKind::Config,
                format!(
                    "{what} was rejected with status {status}; correct the role or the request"
                ),
            ),
        }
    }

    fn says(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.message.contains(text))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)
    }
}

impl std::error::Error for Rejection {}

/// The text of Vault's answer.
#[derive(Debug)]
struct VaultMessage(String);

impl fmt::Display for VaultMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for VaultMessage {}

/// What a listener with TLS answers to a client without: Go's `net/http`.
const PLAINTEXT: &str = "Client sent an HTTP request to an HTTPS server.";

const LONGEST_MESSAGE: usize = 300;

/// What the engines' errors contain when a service behind Vault does not answer. AWS's Go SDK writes `RequestError`.
const MAY_PASS: [&str; 14] = [
    "RequestError",
    "connection refused",
    "connection reset",
    "no such host",
    "i/o timeout",
    "deadline exceeded",
    "unexpected EOF",
    "Throttling",
    "Rate exceeded",
    "ServiceUnavailable",
    "InternalFailure",
    "ServiceFailure",
    "failed to connect",
    "bad connection",
];

#[cfg(test)]
mod tests;
