//! Where the version of a step's token is, and what to answer when that is not where it should be.

use crate::error::{Error, ErrorKind};
use crate::rotation::context::StepContext;
use crate::rotation::request::StepRequest;
use crate::rotation::store::{CURRENT, PENDING, PREVIOUS};

/// Where the version that a token names is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenStage {
    /// It is `AWSCURRENT`.
    Current,
    /// It is `AWSPENDING`, and not current.
    Pending,
    /// It is `AWSPENDING` and `AWSPREVIOUS`: it was current, and was replaced.
    Replaced,
    /// It has other labels only.
    OtherLabel,
    /// It has no label, or does not exist.
    NoLabel,
}

impl TokenStage {
    /// Returns where the version of the step's token was when the secret was read.
    pub(super) fn of(context: &StepContext<'_>) -> Self {
        let (secret, token) = (context.secret(), context.token());
        if secret.has(token, CURRENT) {
            Self::Current
        } else if secret.has(token, PENDING) && secret.has(token, PREVIOUS) {
            Self::Replaced
        } else if secret.has(token, PENDING) {
            Self::Pending
        } else if secret.labels.contains_key(token.as_str()) {
            Self::OtherLabel
        } else {
            Self::NoLabel
        }
    }
}

/// Fails if another rotation of the secret is in progress.
pub(super) fn no_other_rotation(context: &StepContext<'_>) -> Result<(), Error> {
    let secret = context.secret();
    match secret.in_progress() {
        None => Ok(()),
        Some(other) => Err(invalid(format!(
            "secret `{}` is being rotated: version {other} is pending; let that rotation finish, or remove the label \
             AWSPENDING from it",
            secret.name
        ))),
    }
}

/// The version has neither label: the rotation was cancelled, or Secrets Manager never began it.
pub(super) fn not_staged(context: &StepContext<'_>) -> Error {
    let StepRequest { step, token, .. } = context.request();
    let secret = context.secret();
    let pending = match secret.in_progress() {
        Some(other) => format!("{other} is"),
        None => "no version is".to_owned(),
    };
    invalid(format!(
        "{step}: version {token} of secret `{}` is not staged for rotation: it has neither AWSPENDING nor AWSCURRENT, and \
         {pending} pending; start the rotation with `aws secretsmanager rotate-secret`",
        secret.name
    ))
}

/// The version was current before: to make it current again would undo what a person has done.
pub(super) fn replaced(context: &StepContext<'_>) -> Error {
    let StepRequest { step, token, .. } = context.request();
    let name = &context.secret().name;
    invalid(format!(
        "{step}: version {token} of secret `{name}` was current before and was rolled back or replaced, so its rotation is \
         not continued: retireSecret removes the label AWSPENDING that it still has, or do it now with `aws secretsmanager \
         update-secret-version-stage --secret-id {name} --version-stage AWSPENDING --remove-from-version-id {token}`; then \
         rotate again"
    ))
}

/// The version is pending, and empty.
pub(super) fn not_created(context: &StepContext<'_>) -> Error {
    let StepRequest { step, token, .. } = context.request();
    invalid(format!(
        "{step}: version {token} of secret `{}` is still empty: call createSecret first",
        context.secret().name
    ))
}

/// Somebody else moved the label.
pub(super) fn current_moved(context: &StepContext<'_>) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "secret `{}`: AWSCURRENT was moved by somebody else at the same time: try again",
            context.secret().name
        ),
    )
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
