//! The sources whose fetch only reads: KV version 2, and static roles, whose passwords and keys Vault rotates.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::answer::Answer;
use super::call::Call;
use super::session::Session;
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, SecretId};
use crate::source::{FetchRequest, Source};
use crate::util::clock::Clock;

/// A secret that is stored in Vault, and read: KV version 2, static credentials of AWS, static roles of a database. See
/// [`Vault`](super::Vault) and the [module's docs](super).
#[must_use = "it is a source: give it to a refreshable"]
pub struct StoredSecret {
    secret_id: SecretId,
    read: Call,
    kind: Kind,
    session: Session,
    clock: Clock,
}

/// How the answer is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    KeyValue,
    AwsStatic,
    DatabaseStatic,
}

impl StoredSecret {
    pub(super) fn new(path: &str, read: Call, kind: Kind, session: Session, clock: Clock) -> Self {
        Self {
            secret_id: path.into(),
            read,
            kind,
            session,
            clock,
        }
    }
}

impl Source for StoredSecret {
    fn secret_id(&self) -> Option<&SecretId> {
        Some(&self.secret_id)
    }

    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        let (answer, _) = self.session.send(self.read.clone()).await?;
        read(self.kind, answer, self.clock.now()).map_err(|fault| {
            Error::new(
                ErrorKind::Malformed,
                format!("`{}` {fault}", self.secret_id),
            )
        })
    }

    async fn shutdown(&self) {
        self.session.end().await;
    }
}

/// Reads the answer; the error says what is wrong with it.
fn read(kind: Kind, mut answer: Answer, now: SystemTime) -> Result<Secret, &'static str> {
    match kind {
        Kind::KeyValue => {
            let (data, metadata) = (answer.data.take("data"), answer.data.take("metadata"));
            let metadata = metadata.ok_or("has no metadata; the mount must be KV version 2")?;
            let data = data
                .ok_or("has no current version: it was deleted; undelete it, or write a new one")?;
            let version = metadata
                .number("version")
                .ok_or("has no version in its metadata")?;
            let secret = Secret::new(data.to_json(), version.to_string());
            Ok(match metadata.text("created_time").and_then(time) {
                Some(created) => secret.with_created(created),
                None => secret,
            })
        }
        Kind::AwsStatic => {
            let id = answer.data.text("access_key").ok_or("has no access key")?;
            let secret = Secret::new(answer.data.to_json(), id);
            // When Vault rotates next: the key works on until the rotation after that.
            let next = answer.data.text("expiration").and_then(time);
            Ok(expiring(secret, next, now))
        }
        Kind::DatabaseStatic => {
            let rotated = answer
                .data
                .text("last_vault_rotation")
                .ok_or("has no time of its last rotation")?;
            let secret = Secret::new(answer.data.to_json(), rotated);
            let secret = match time(rotated) {
                Some(created) => secret.with_created(created),
                None => secret,
            };
            let left = answer.data.number("ttl").map(Duration::from_secs);
            Ok(expiring(secret, left.map(|left| now + left), now))
        }
    }
}

/// A time that has passed is no time to refresh before.
fn expiring(secret: Secret, at: Option<SystemTime>, now: SystemTime) -> Secret {
    match at {
        Some(at) if at > now => secret.with_expires(at),
        _ => secret,
    }
}

fn time(text: &str) -> Option<SystemTime> {
    let time = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
    time.try_into().ok()
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("secret_id", &self.secret_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
