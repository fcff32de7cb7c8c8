//! A call of Vault's HTTP API, and how it can fail.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use super::rejection::Rejection;
use crate::error::Error;
use crate::util::percent_encoding::push_encoded;

/// A call. `Debug` shows neither token nor body.
#[derive(Clone)]
pub(super) struct Call {
    /// What it does, for errors: "minting a key".
    pub(super) what: Cow<'static, str>,
    pub(super) method: &'static str,
    /// Below `/v1/`, percent-encoded.
    pub(super) path: String,
    pub(super) token: Option<Arc<Zeroizing<String>>>,
    pub(super) body: Option<Arc<Zeroizing<Vec<u8>>>>,
    is_repeatable: bool,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Vault rejected it.
    Rejected(Rejection),
    /// There was no answer, or none of Vault.
    NoAnswer { error: Error, was_sent: bool },
}

impl Call {
    pub(super) fn get(what: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            method: "GET",
            path: path.into(),
            token: None,
            body: None,
            is_repeatable: true,
        }
    }

    pub(super) fn post(
        what: impl Into<Cow<'static, str>>,
        path: impl Into<String>,
        body: &Value,
    ) -> Self {
        let body = Zeroizing::new(body.to_string().into_bytes());
        Self {
            method: "POST",
            body: Some(Arc::new(body)),
            ..Self::get(what, path)
        }
    }

    /// An attempt that was not answered may have had its effect: it is not repeated.
    pub(super) fn once(mut self) -> Self {
        self.is_repeatable = false;
        self
    }

    pub(super) fn with_token(mut self, token: &Arc<Zeroizing<String>>) -> Self {
        self.token = Some(Arc::clone(token));
        self
    }

    /// Returns the error for a failure of this call.
    pub(super) fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Rejected(rejection) => rejection.error(&self.what, &self.path),
            Failure::NoAnswer { error, .. } => error,
        }
    }

    /// Returns whether the call may be sent again after this failure: nothing that it did would be lost.
    pub(super) fn may_repeat(&self, failure: &Failure) -> bool {
        match failure {
            Failure::Rejected(rejection) => {
                rejection.is_refused_at_once() || (self.is_repeatable && rejection.status >= 500)
            }
            Failure::NoAnswer { error, was_sent } => {
                error.is_retryable() && (self.is_repeatable || !was_sent)
            }
        }
    }
}

impl Failure {
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Rejected(rejection) if rejection.is_forbidden())
    }

    pub(super) fn is_lease_gone(&self) -> bool {
        matches!(self, Self::Rejected(rejection) if rejection.is_lease_gone())
    }
}

/// Percent-encodes a path that people write: a mount, the name of a role, the path of a secret.
pub(super) fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    push_encoded(&mut encoded, path.trim_matches('/'), b"/");
    encoded
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_and_slashes_stay() {
        for (path, encoded) in [
            ("/prod/app/", "prod/app"),
            ("team a/ä?b#c%", "team%20a/%C3%A4%3Fb%23c%25"),
            ("up.role-1_~", "up.role-1_~"),
        ] {
            assert_eq!(encode_path(path), encoded);
        }
    }

    #[test]
    fn neither_token_nor_body_is_shown() {
        let body = serde_json::json!({"secret_id": "hidden"});
        let token = Arc::new(Zeroizing::new("hidden".to_owned()));
        let call = Call::post("the login", "auth/approle/login", &body).with_token(&token);
        assert!(!format!("{call:?}").contains("hidden"));
    }
}
