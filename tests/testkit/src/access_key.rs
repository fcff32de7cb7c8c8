//! Users and access keys, as data.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use serde_json::json;

use crate::calls::Service;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The unique id, `AIDA…`.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// When it was created.
    pub created: SystemTime,
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Accepted.
    Active,
    /// Rejected; it can be activated again.
    Inactive,
}

impl KeyStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Inactive]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// An access key with its secret, which only its creation returns.
#[derive(Clone)]
pub struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) user: String,
}

impl AccessKey {
    /// Returns the access key id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the secret access key.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns credentials for an SDK configuration.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.id, &self.secret, None, None, "credswap-testkit")
    }

    /// Returns the content of a secret with this key: `accessKeyId`, `secretAccessKey`, `username`.
    pub fn to_json(&self) -> String {
        json!({"accessKeyId": self.id, "secretAccessKey": self.secret, "username": self.user})
            .to_string()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = self
            .id
            .get(self.id.len().saturating_sub(4)..)
            .unwrap_or_default();
        f.debug_struct("AccessKey")
            .field("id", &format_args!("…{suffix}"))
            .finish_non_exhaustive()
    }
}

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The access key id.
    pub id: String,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// When it was created.
    pub created: SystemTime,
    /// When a request signed with it was last accepted, and by which service.
    pub last_used: Option<(SystemTime, Service)>,
}

/// Generates a new key.
pub(crate) fn generate(user: &str) -> AccessKey {
    let secret = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    AccessKey {
        id: format!("AKIA{}", random(16)),
        secret: secret[..40].to_owned(),
        user: user.to_owned(),
    }
}

/// Generates random characters for an id.
pub(crate) fn random(length: usize) -> String {
    let mut text = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    text.truncate(length);
    text
}
