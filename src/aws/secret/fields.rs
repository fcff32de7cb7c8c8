//! Which field of a secret's JSON holds which part of an access key.
//!
//! Secrets spell the same key `accesskey`, `access_key`, `accessKeyId`, `AccessKeyId`, `AWS_ACCESS_KEY_ID`, … Upper and
//! lower case, `_`, `-` and `.` make no difference here, so that a few spellings cover them all; any other name can be set.

use std::borrow::Cow;

/// The names of the fields.
///
/// Each part is found by the spellings below, or, once a name is set for it, only by that name, character for character.
///
/// | part | spellings, in upper or lower case, with or without `_`, `-` and `.` |
/// |---|---|
/// | access key id | `access_key_id`, `access_key`, `aws_access_key_id`, `aws_access_key` |
/// | secret access key | `secret_access_key`, `secret_key`, `aws_secret_access_key`, `aws_secret_key` |
/// | session token | `session_token`, `security_token`, `aws_session_token`, `aws_security_token` |
/// | user name | `username`, `iam_username` |
/// | region | `region`, `aws_region` |
/// | endpoint URL | `endpoint_url`, `endpoint`, `aws_endpoint_url` |
/// | bucket | `bucket`, `bucket_name` |
/// | ARN of the master secret | `master_arn`, `master_secret_arn` |
///
/// Two spellings of one part with different values are an error.
///
/// ```
/// let fields = credswap::aws::Fields::default()
///     .access_key_id("minio-user")
///     .secret_access_key("minio-password");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Fields {
    custom: [Option<Cow<'static, str>>; KeyField::ALL.len()],
}

impl Fields {
    /// Sets the name of the field that holds the access key id.
    #[must_use]
    pub fn access_key_id(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::AccessKeyId, name)
    }

    /// Sets the name of the field that holds the secret access key.
    #[must_use]
    pub fn secret_access_key(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::SecretAccessKey, name)
    }

    /// Sets the name of the field that holds the session token. Optional in the secret.
    #[must_use]
    pub fn session_token(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::SessionToken, name)
    }

    /// Sets the name of the field that holds the IAM user's name. Optional in the secret.
    #[must_use]
    pub fn username(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::Username, name)
    }

    /// Sets the name of the field that holds the region. Optional in the secret.
    #[must_use]
    pub fn region(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::Region, name)
    }

    /// Sets the name of the field that holds the endpoint URL. Optional in the secret.
    #[must_use]
    pub fn endpoint_url(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::EndpointUrl, name)
    }

    /// Sets the name of the field that holds the bucket's name. Optional in the secret.
    #[must_use]
    pub fn bucket(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::Bucket, name)
    }

    /// Sets the name of the field that holds the master secret's ARN. Optional in the secret.
    #[must_use]
    pub fn master_arn(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::MasterArn, name)
    }

    fn custom(mut self, field: KeyField, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom[field as usize] = Some(name.into());
        self
    }

    /// Returns the name that was set for `field`, if one was.
    pub(super) fn custom_name(&self, field: KeyField) -> Option<&str> {
        self.custom[field as usize].as_deref()
    }

    /// Returns what the field with this name holds, if it is part of a key.
    pub(super) fn field_of(&self, name: &str) -> Option<KeyField> {
        if let Some(field) = KeyField::ALL
            .into_iter()
            .find(|&field| self.custom_name(field) == Some(name))
        {
            return Some(field);
        }
        let name = normalize(name);
        let field = KeyField::ALL.into_iter().find(|field| {
            let (first, others) = field.spellings();
            normalize(first) == name || others.iter().any(|other| normalize(other) == name)
        })?;
        self.custom_name(field).is_none().then_some(field)
    }
}

/// A part of an access key, or what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyField {
    AccessKeyId,
    SecretAccessKey,
    SessionToken,
    Username,
    Region,
    EndpointUrl,
    Bucket,
    MasterArn,
}

impl KeyField {
    pub(super) const ALL: [Self; 8] = [
        Self::AccessKeyId,
        Self::SecretAccessKey,
        Self::SessionToken,
        Self::Username,
        Self::Region,
        Self::EndpointUrl,
        Self::Bucket,
        Self::MasterArn,
    ];

    /// Returns the preferred spelling, and the others.
    pub(super) fn spellings(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::AccessKeyId => (
                "access_key_id",
                &["access_key", "aws_access_key_id", "aws_access_key"],
            ),
            Self::SecretAccessKey => (
                "secret_access_key",
                &["secret_key", "aws_secret_access_key", "aws_secret_key"],
            ),
            Self::SessionToken => (
                "session_token",
                &["security_token", "aws_session_token", "aws_security_token"],
            ),
            Self::Username => ("username", &["iam_username"]),
            Self::Region => ("region", &["aws_region"]),
            Self::EndpointUrl => ("endpoint_url", &["endpoint", "aws_endpoint_url"]),
            Self::Bucket => ("bucket", &["bucket_name"]),
            Self::MasterArn => ("master_arn", &["master_secret_arn"]),
        }
    }

    /// Returns what the field holds, for errors.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::AccessKeyId => "access key id",
            Self::SecretAccessKey => "secret access key",
            Self::SessionToken => "session token",
            Self::Username => "user name",
            Self::Region => "region",
            Self::EndpointUrl => "endpoint URL",
            Self::Bucket => "bucket",
            Self::MasterArn => "ARN of the master secret",
        }
    }

    /// Returns the function that sets another name, for errors.
    pub(super) fn setter(self) -> &'static str {
        match self {
            Self::AccessKeyId => "Fields::access_key_id",
            Self::SecretAccessKey => "Fields::secret_access_key",
            Self::SessionToken => "Fields::session_token",
            Self::Username => "Fields::username",
            Self::Region => "Fields::region",
            Self::EndpointUrl => "Fields::endpoint_url",
            Self::Bucket => "Fields::bucket",
            Self::MasterArn => "Fields::master_arn",
        }
    }
}

/// Returns `name` in lower case without separators.
fn normalize(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_spelling_is_known() {
        let fields = Fields::default();
        for (id, secret) in [
            ("accesskey", "secretkey"),
            ("access_key", "secret_key"),
            ("access-key", "secret-key"),
            ("accessKeyId", "secretAccessKey"),
            ("AccessKeyId", "SecretAccessKey"),
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("aws_access_key_id", "aws_secret_access_key"),
            ("aws.accessKeyId", "aws.secretKey"),
        ] {
            assert_eq!(fields.field_of(id), Some(KeyField::AccessKeyId), "{id}");
            assert_eq!(
                fields.field_of(secret),
                Some(KeyField::SecretAccessKey),
                "{secret}"
            );
        }
        for token in [
            "SessionToken",
            "AWS_SESSION_TOKEN",
            "aws_session_token",
            "security_token",
        ] {
            assert_eq!(
                fields.field_of(token),
                Some(KeyField::SessionToken),
                "{token}"
            );
        }
        assert_eq!(fields.field_of("masterarn"), Some(KeyField::MasterArn));
        for other in ["password", "key", "secret", "token", "access_keys", ""] {
            assert_eq!(fields.field_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_is_set_is_exact_and_the_only_one() {
        let fields = Fields::default()
            .access_key_id("key")
            .secret_access_key("username");
        assert_eq!(fields.field_of("key"), Some(KeyField::AccessKeyId));
        assert_eq!(fields.field_of("Key"), None);
        assert_eq!(fields.field_of("access_key"), None);
        assert_eq!(fields.field_of("username"), Some(KeyField::SecretAccessKey));
        assert_eq!(fields.field_of("region"), Some(KeyField::Region));
    }
}
