//! One call of one step: where its version is, and what to say when that is not where it should be.

use super::clock::ActionDeadline;
use super::request::StepRequest;
use super::store::{CURRENT, PENDING, SecretDescription};
use crate::error::{Error, ErrorKind};

/// One call of one step.
pub(super) struct Run<'a> {
    pub(super) request: &'a StepRequest,
    /// The secret, as it was at the beginning.
    pub(super) view: &'a SecretDescription,
    pub(super) lap: &'a ActionDeadline,
}

/// Where the version that a token names is.
pub(super) enum TokenStage {
    Current,
    Pending,
    /// It has neither label.
    Elsewhere,
    /// It has no label, or does not exist.
    Nowhere,
}

impl Run<'_> {
    pub(super) fn place(&self) -> TokenStage {
        let token = &self.request.token;
        match () {
            () if self.view.has(token, CURRENT) => TokenStage::Current,
            () if self.view.has(token, PENDING) => TokenStage::Pending,
            () if self.view.labels.contains_key(token.as_str()) => TokenStage::Elsewhere,
            () => TokenStage::Nowhere,
        }
    }

    /// What seeds this call's jitter, under the rotation's seed.
    pub(super) fn seed(&self, rotation: u64) -> u64 {
        // FNV-1a: any spread will do.
        let spread = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.request.token.as_str().bytes().fold(rotation, spread)
    }

    pub(super) fn nothing_else_is_pending(&self) -> Result<(), Error> {
        match self.view.under_way() {
            None => Ok(()),
            Some(other) => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "secret `{}` is being rotated: version {other} is pending. Let that rotation finish, or take the \
                     label AWSPENDING from it",
                    self.view.name
                ),
            )),
        }
    }

    pub(super) fn not_staged(&self) -> Error {
        let StepRequest { step, token, .. } = self.request;
        let pending = match self.view.under_way() {
            Some(other) => format!("{other} is"),
            None => "no version is".to_owned(),
        };
        Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{step}: version {token} of secret `{}` is not staged for rotation: it has neither AWSPENDING nor \
                 AWSCURRENT, and {pending} pending. Rotate the secret by Secrets Manager (`aws secretsmanager \
                 rotate-secret`)",
                self.view.name
            ),
        )
    }

    pub(super) fn not_created(&self) -> Error {
        let StepRequest { step, token, .. } = self.request;
        Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{step}: version {token} of secret `{}` holds nothing yet: createSecret has to come before",
                self.view.name
            ),
        )
    }

    pub(super) fn moved_by_another(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "secret `{}`: somebody else moved AWSCURRENT at the same time: try again",
                self.view.name
            ),
        )
    }
}
