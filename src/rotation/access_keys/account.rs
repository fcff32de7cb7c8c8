//! Whose keys are rotated, and who may call IAM for them.
//!
//! The secret determines both: it names the user, and if it names a master secret (`masterarn`), the key in that one calls
//! IAM; otherwise the process itself does, by its role.

use super::iam::{Caller, IamUser};
use crate::aws::{AccessKey, Fields};
use crate::error::{Error, ErrorKind};
use crate::rotation::store::{Content, Store, VersionSelector};

/// What a version of the secret says about its key.
pub(super) struct Account {
    pub(super) user: IamUser,
    /// The id of the key in that version.
    pub(super) key_id: String,
}

impl Account {
    /// Reads whose key the content is, and the master secret if it names one.
    pub(super) async fn of(
        content: &Content,
        fields: &Fields,
        store: &dyn Store,
    ) -> Result<Self, Error> {
        let key = AccessKey::parse(content.secret(), fields)?;
        key.check_replaceable()?;
        let name = key.username()?.ok_or_else(|| {
            malformed(
                "the secret has no user name, so it is not known whose key to rotate: add the field `username`, or name \
                 another field with `aws::Fields`",
            )
        })?;
        if key.to_credentials(None).session_token().is_some() {
            return Err(malformed(
                "the secret's key has a session token: temporary credentials expire and cannot be rotated; store a \
                 long-term key",
            ));
        }
        let caller = match key.master_arn()? {
            Some(master) => caller_of(master, store).await?,
            None => Caller::Own,
        };
        Ok(Self {
            user: IamUser {
                name: name.to_owned(),
                caller,
            },
            key_id: key.id().to_owned(),
        })
    }
}

async fn caller_of(secret_id: &str, store: &dyn Store) -> Result<Caller, Error> {
    let content = store
        .read(secret_id, VersionSelector::CURRENT)
        .await
        .map_err(|error| unusable(secret_id, error.kind(), error))?
        .ok_or_else(|| {
            let empty = Error::new(ErrorKind::NotFound, "it has no current version");
            unusable(secret_id, ErrorKind::NotFound, empty)
        })?;
    let key = AccessKey::parse(content.secret(), &Fields::default())
        .map_err(|error| unusable(secret_id, ErrorKind::Malformed, error))?;
    Ok(Caller::Master {
        secret_id: secret_id.to_owned(),
        credentials: key.to_credentials(None),
    })
}

fn unusable(secret_id: &str, kind: ErrorKind, source: Error) -> Error {
    let fault = match kind {
        ErrorKind::Malformed => "holds no access key",
        ErrorKind::NotFound => "does not exist",
        _ => "cannot be read",
    };
    let message = format!(
        "the master secret `{secret_id}`, which the rotated secret names and whose key is to call IAM, {fault}"
    );
    Error::new(kind, message).with_source(source)
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
