//! IAM access keys as a kind of secret.
//!
//! Who may call IAM is said by the secret: if it names a master secret (`masterarn`), the key in that one does; otherwise
//! the process itself, by its role.

use std::time::SystemTime;

use aws_credential_types::Credentials;

use super::clock::{self, Clock};
use super::decide::Goal;
use super::iam::{Caller, CreateOutcome, Iam, KeyInfo};
use super::kind::{SecretKind, StepContext};
use super::policy::Policy;
use super::report::{KeyAction, RetireReport};
use super::store::{CURRENT, Content, SecretDescription, Store, VersionSelector};
use super::tags::{CREATING, CreateIntent};
use super::usage::UsageSource;
use crate::aws::{AccessKey, Check, Fields, id_suffix, with_key};
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};

/// Rotates the access key of an IAM user.
///
/// The secret is JSON with the key and its user's name, in any spelling that [`Fields`] knows; every other
/// field stays as it is. IAM allows two keys per user, so the user's second key must be the rotation's to make
/// and to remove: a key that the secret does not know is never touched, and stands in the way.
#[derive(Clone)]
pub struct AccessKeys<S, I, C, H> {
    pub(super) store: S,
    pub(super) iam: I,
    check: C,
    pub(super) holders: H,
    pub(super) fields: Fields,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
}

/// Whose keys, and who may touch them.
pub(super) struct User {
    pub(super) name: String,
    pub(super) caller: Caller,
    /// The current key's id.
    pub(super) current: String,
}

impl<S: Store, I: Iam, C: Check, H: UsageSource> AccessKeys<S, I, C, H> {
    /// `check` proves a new key, `holders` say when an old one may go.
    pub fn new(store: S, iam: I, check: C, holders: H) -> Self {
        Self {
            store,
            iam,
            check,
            holders,
            fields: Fields::default(),
            policy: Policy::default(),
            clock: clock::system(),
        }
    }

    /// The names of the secret's fields.
    #[must_use]
    pub fn fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    /// The policy; give the same to the [`Rotation`](super::Rotation).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the wall clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = std::sync::Arc::new(clock);
        self
    }

    /// Whose keys the current version says they are.
    pub(super) async fn user(&self, current: &Content) -> Result<User, Error> {
        let key = AccessKey::parse(current.secret(), &self.fields)?;
        let name = key.username().ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "the secret has no user name, so whose key is to be rotated is not known: add the field `username`, or \
                 name it with `aws::Fields`",
            )
        })?;
        if key.to_credentials(None).session_token().is_some() {
            return Err(Error::new(
                ErrorKind::Malformed,
                "the secret's key has a session token: temporary credentials expire and cannot be rotated",
            ));
        }
        let caller = match key.master_arn() {
            Some(master) => self.master(master).await?,
            None => Caller::Own,
        };
        Ok(User {
            name: name.to_owned(),
            caller,
            current: key.id().to_owned(),
        })
    }

    async fn master(&self, secret_id: &str) -> Result<Caller, Error> {
        let explained = |kind, source: Error| {
            Error::new(
                kind,
                format!(
                    "the master secret `{secret_id}`, which the rotated secret names and whose key is to call IAM, {}",
                    match kind {
                        ErrorKind::Malformed => "holds no access key",
                        ErrorKind::NotFound => "does not exist",
                        _ => "cannot be read",
                    }
                ),
            )
            .with_source(source)
        };
        let content = self
            .store
            .read(secret_id, VersionSelector::Label(CURRENT))
            .await
            .map_err(|error| explained(error.kind(), error))?
            .ok_or_else(|| {
                explained(
                    ErrorKind::NotFound,
                    Error::new(ErrorKind::NotFound, "it has no current version"),
                )
            })?;
        let key = AccessKey::parse(content.secret(), &Fields::default())
            .map_err(|error| explained(ErrorKind::Malformed, error))?;
        Ok(Caller::Master {
            secret_id: secret_id.to_owned(),
            credentials: key.to_credentials(None),
        })
    }

    /// The current key must be this user's, or the name in the secret is wrong and another user's keys are looked at.
    async fn owner_is(&self, user: &User) -> Result<(), Error> {
        let id = &user.current;
        match self.iam.last_used(&user.caller, id).await? {
            Some(used) if used.user != user.name => Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "the secret says that its key …{} is of the IAM user `{}`, and IAM says that it is of `{}`: correct \
                     the secret",
                    id_suffix(id),
                    user.name,
                    used.user
                ),
            )),
            Some(_) => Ok(()),
            None => {
                tracing::warn!(user = %user.name, key = %id_suffix(id), "the current key does not exist; a new one is made");
                Ok(())
            }
        }
    }

    /// Removes what may go. There is room afterwards, or an error that says what is in the way.
    async fn make_room(
        &self,
        view: &SecretDescription,
        user: &User,
        keys: &[KeyInfo],
    ) -> Result<(), Error> {
        let ground = self.ground(view, user).await?;
        let mut in_the_way = Vec::new();
        for key in keys {
            if let Some(report) = self.settle(&ground, key, Goal::MakeRoom).await?
                && report.did != KeyAction::Deleted
            {
                in_the_way.push(report);
            }
        }
        let more_than_current = in_the_way
            .iter()
            .any(|report| report.why.must_be_waited_for());
        if in_the_way.len() < KEYS_PER_USER && !more_than_current {
            return Ok(());
        }
        let list: Vec<_> = in_the_way
            .iter()
            .map(|report| format!("…{} ({})", report.id_suffix(), report.why))
            .collect();
        // What nobody gives free by himself needs a person.
        let kind = match in_the_way.iter().all(|report| report.why.may_pass()) {
            true => ErrorKind::InUse,
            false => ErrorKind::Config,
        };
        Err(Error::new(
            kind,
            format!(
                "there is no room for a new key of the IAM user `{}`: IAM allows {KEYS_PER_USER}, and none of these may be \
                 removed: {}",
                user.name,
                list.join("; ")
            ),
        ))
    }
}

impl<S: Store, I: Iam, C: Check, H: UsageSource> SecretKind for AccessKeys<S, I, C, H> {
    async fn create(&self, task: &StepContext<'_>, current: &Content) -> Result<Content, Error> {
        // Before the keys are listed: what is not on the list is younger.
        let at = (self.clock)();
        let view = task.view();
        let user = self.user(current).await?;
        let keys = self.iam.keys(&user.caller, &user.name).await?;
        if !keys.iter().any(|key| key.id == user.current) {
            self.owner_is(&user).await?;
        }
        if keys.iter().any(|key| key.id != user.current) {
            self.make_room(view, &user, &keys).await?;
        }
        let intent = CreateIntent {
            at,
            token: task.token().clone(),
            before: keys.into_iter().map(|key| key.id).collect(),
        };
        self.store
            .tag(&view.arn, CREATING, &intent.to_tag())
            .await?;
        task.in_time()?;
        let CreateOutcome::Key(key) = self.iam.create(&user.caller, &user.name).await? else {
            return Err(Error::new(
                ErrorKind::InUse,
                format!(
                    "somebody else made a key of the IAM user `{}` at the same time, and there is no room for another: \
                     if it was this rotation's other run, the next one will find it",
                    user.name
                ),
            ));
        };
        let text = current.secret().expose_str()?;
        let text = with_key(text, &self.fields, &key.id, &key.secret)
            .ok_or_else(|| Error::new(ErrorKind::Malformed, "the secret is no JSON object"))?;
        Ok(current.renewed(text.as_bytes(), task.token()))
    }

    async fn discard(&self, _: &StepContext<'_>, made: &Content) -> Result<(), Error> {
        let user = self.user(made).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self
                .iam
                .delete(&user.caller, &user.name, &user.current)
                .await
            {
                Err(error) if error.is_retryable() && tries < TRIES => {}
                answered => return answered,
            }
        }
    }

    fn examine(&self, current: &Content, pending: &Content) -> Result<(), Error> {
        let pending = AccessKey::parse(pending.secret(), &self.fields)?;
        let current = AccessKey::parse(current.secret(), &self.fields)?;
        if pending.id() == current.id() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the pending version holds the current key: it was not rotated. Remove its label AWSPENDING and rotate \
                 again",
            ));
        }
        if pending.username() != current.username() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the pending version is of another IAM user than the current one",
            ));
        }
        Ok(())
    }

    async fn test(&self, pending: &Content) -> Verdict {
        match AccessKey::parse(pending.secret(), &self.fields) {
            Ok(key) => {
                let credentials: Credentials = key.to_credentials(None);
                self.check.check(&credentials).await
            }
            Err(error) => Verdict::Bad(error),
        }
    }

    async fn retire(&self, view: &SecretDescription) -> Result<RetireReport, Error> {
        self.retire_all(view).await
    }
}

/// IAM's quota.
const KEYS_PER_USER: usize = 2;
const TRIES: usize = 3;
