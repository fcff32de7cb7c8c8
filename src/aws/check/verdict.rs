//! From a failed call to a verdict on the key that signed it.

use std::future::Future;
use std::time::Duration;

use aws_credential_types::Credentials;

use crate::aws::access_key::tail;
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::call_error::CallError;

/// How long a check may take by default.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

pub(super) async fn bounded(
    limit: Duration,
    what: &str,
    check: impl Future<Output = Verdict>,
) -> Verdict {
    tokio::time::timeout(limit, check)
        .await
        .unwrap_or_else(|_| {
            Verdict::Unknown(Error::new(
                ErrorKind::Timeout,
                format!("{what} took longer than {limit:?}"),
            ))
        })
}

pub(super) fn verdict_on(credentials: &Credentials, what: &str, failure: CallError) -> Verdict {
    let refusal = match failure {
        CallError::Service(refusal) => refusal,
        CallError::NoResponse(error) => return Verdict::Unknown(error),
    };
    let key = format!("access key …{}", tail(credentials.access_key_id()));
    match refusal.auth_error().map(|error| error.kind()) {
        Some(AuthErrorKind::UnknownKey) => Verdict::NotYet(refusal.error(
            ErrorKind::NotPropagated,
            format!("AWS does not know {key}: it is too new, or was deleted or deactivated"),
        )),
        Some(AuthErrorKind::WrongSignature) => Verdict::Bad(refusal.error(
            ErrorKind::Rejected,
            format!("{key} is known, but the secret access key does not belong to it: correct the secret"),
        )),
        Some(AuthErrorKind::DeadToken) => Verdict::Bad(refusal.error(
            ErrorKind::Rejected,
            format!("the session token of {key} has expired or is not valid: correct the secret"),
        )),
        Some(AuthErrorKind::Denied) => Verdict::Forbidden(refusal.error(
            ErrorKind::Forbidden,
            format!("{key} is genuine, but {what} is not permitted to it"),
        )),
        None if refusal.code == "IncompleteSignature" => Verdict::Bad(refusal.error(
            ErrorKind::Rejected,
            format!("{key} is no access key id that AWS understands: correct the secret"),
        )),
        None => Verdict::Unknown(refusal.error(
            ErrorKind::Config,
            format!("{what} got an answer that says nothing about the key: are endpoint and region right?"),
        )),
    }
}
