//! Whose keys are rotated, and who may call IAM for them.
//!
//! The secret determines both: it names the user, and if it names a master secret (`masterarn`), the key in that one calls
//! IAM; otherwise the process itself does, by its role.

use fastrand::Rng;

use super::iam::{Caller, IamUser, KeyInfo};
use super::keys::AccessKeys;
use crate::aws::{AccessKey, Fields, id_suffix};
use crate::error::{Error, ErrorKind};
use crate::rotation::context::SecretContext;
use crate::rotation::store::{Content, VersionSelector};
use crate::util::deadline::deadline_in;

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
        context: &SecretContext<'_>,
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
            Some(master) => caller_of(master, fields, context).await?,
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

    /// Lists the user's keys: the first call of IAM. While IAM does not know the master's key because that is new, the call
    /// is repeated for half of the time in which the step may write; the writes need the rest.
    pub(super) async fn list_keys(
        &self,
        keys: &AccessKeys,
        context: &SecretContext<'_>,
    ) -> Result<Vec<KeyInfo>, Error> {
        let policy = context.policy();
        let give_up_at = deadline_in(policy.action_deadline / 2);
        // Nobody else waits for this key, so there is nothing to spread by chance.
        let mut rng = Rng::with_seed(0);
        let mut delays = policy.test_backoff.delays(&mut rng);
        loop {
            match keys.iam.keys(&self.user).await {
                Err(error) if error.kind() == ErrorKind::NotPropagated => {
                    let delay = delays.next();
                    if deadline_in(delay) > give_up_at {
                        return Err(error);
                    }
                    tokio::time::sleep(delay).await;
                    // The process may have been suspended, and the master rotated meanwhile.
                    context.check_deadline()?;
                }
                result => return result,
            }
        }
    }

    /// Returns the error for a key that belongs to another user than the secret says.
    pub(super) fn owner_is(&self, owner: &str) -> Error {
        let (key, user) = (id_suffix(&self.key_id), &self.user.name);
        Error::new(
            ErrorKind::Malformed,
            format!(
                "the secret's key …{key} belongs to IAM user `{owner}`, not to `{user}` as the secret says: correct the secret"
            ),
        )
    }
}

async fn caller_of(
    secret_id: &str,
    fields: &Fields,
    context: &SecretContext<'_>,
) -> Result<Caller, Error> {
    let content = context
        .store()
        .read(secret_id, VersionSelector::CURRENT)
        .await
        .map_err(|error| unusable(secret_id, error.kind(), error))?
        .ok_or_else(|| {
            let empty = Error::new(ErrorKind::NotFound, "it has no current version");
            unusable(secret_id, ErrorKind::NotFound, empty)
        })?;
    // Its fields may have the names that were set for the rotated secret, or common ones.
    let key = AccessKey::parse(content.secret(), fields)
        .or_else(|error| AccessKey::parse(content.secret(), &Fields::default()).map_err(|_| error))
        .map_err(|error| unusable(secret_id, ErrorKind::Malformed, error))?;
    Ok(Caller::Master {
        secret_id: secret_id.to_owned(),
        credentials: key.to_credentials(None),
        is_new: context.is_new(&content),
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
