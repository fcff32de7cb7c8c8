//! From a failed call to a verdict about the key that signed it.

use std::future::Future;
use std::time::Duration;

use aws_credential_types::Credentials;

use crate::aws::secret::id_suffix;
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::call_error::CallError;
use crate::sdk::service_error::ServiceError;

/// How long a check may take by default.
pub(in crate::aws) const TIMEOUT: Duration = Duration::from_secs(10);

/// Limits a check. `what` names it in the error.
pub(in crate::aws) async fn limit(
    timeout: Duration,
    what: &str,
    check: impl Future<Output = Verdict>,
) -> Verdict {
    tokio::time::timeout(timeout, check)
        .await
        .unwrap_or_else(|_| {
            Verdict::Unknown(Error::new(
                ErrorKind::Timeout,
                format!("{what} took longer than {timeout:?}"),
            ))
        })
}

/// Returns what a failed call says about the key. `what` names the call in the error.
pub(in crate::aws) fn verdict_of(
    credentials: &Credentials,
    what: &str,
    error: CallError,
) -> Verdict {
    let rejection = match error {
        CallError::Service(rejection) => rejection,
        CallError::NoResponse(error) => return Verdict::Unknown(error),
    };
    let key = format!("access key …{}", id_suffix(credentials.access_key_id()));
    let error = rejection.auth_error();
    let proves_key = error.is_some_and(AuthError::proves_key);
    match error.map(AuthError::kind) {
        Some(AuthErrorKind::UnknownKey) => Verdict::NotYet(rejection.error(
            ErrorKind::NotPropagated,
            format!("the service does not know {key}: it is too new, or it was deleted or deactivated"),
        )),
        Some(AuthErrorKind::WrongSignature) => Verdict::Bad(rejection.error(
            ErrorKind::Rejected,
            format!("{key} exists, but the secret access key does not belong to it; correct the secret"),
        )),
        Some(AuthErrorKind::InvalidToken) => Verdict::Bad(rejection.error(
            ErrorKind::Rejected,
            format!("the session token of {key} has expired or is invalid; correct the secret"),
        )),
        Some(AuthErrorKind::Denied) if proves_key => forbidden(credentials, what, &rejection),
        Some(AuthErrorKind::Denied) => Verdict::NotYet(rejection.error(
            ErrorKind::NotPropagated,
            format!(
                "{what} was denied, and the answer does not tell why: the service does not know {key} (yet), or the key has no \
                 permission; grant it, or use another check"
            ),
        )),
        None if rejection.code == "IncompleteSignature" || rejection.says("ccess key") => {
            Verdict::Bad(rejection.error(
                ErrorKind::Rejected,
                format!("the service does not accept the access key id of {key}; correct the secret"),
            ))
        }
        None => Verdict::Unknown(rejection.error(
            ErrorKind::Config,
            format!("{what} received an answer that says nothing about the key; check endpoint and region"),
        )),
    }
}

/// Returns the verdict on a genuine key that was denied the call.
pub(super) fn forbidden(credentials: &Credentials, what: &str, denial: &ServiceError) -> Verdict {
    let key = id_suffix(credentials.access_key_id());
    Verdict::Forbidden(denial.error(
        ErrorKind::Forbidden,
        format!("access key …{key} is genuine, but has no permission for {what}"),
    ))
}
