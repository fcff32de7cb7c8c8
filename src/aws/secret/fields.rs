//! Which field of a secret holds which part of an access key.
//!
//! Secrets spell the same key `accesskey`, `access_key`, `accessKeyId`, `Access key ID`, `AWS_ACCESS_KEY_ID`, … Only letters
//! and digits make a difference, and not their case, so that a few spellings cover them all; any other name can be set.

use std::borrow::Cow;

pub(super) use super::key_field::KeyField;

/// The names of the fields.
///
/// Each part is found by the spellings below, or, once a name is set for it, only by that name, character for character.
///
/// | part | spellings, in upper or lower case, with or without `_`, `-`, `.` and blanks |
/// |---|---|
/// | access key id | `access_key_id`, `access_key`, `aws_access_key_id`, `aws_access_key` |
/// | secret access key | `secret_access_key`, `secret_key`, `access_secret_key`, `access_key_secret`, `aws_secret_access_key`, `aws_secret_key` |
/// | session token | `session_token`, `security_token`, `aws_session_token`, `aws_security_token`; of a key `ASIA…` also `token` |
/// | when the session ends | `expiration`, `aws_credential_expiration`, `aws_session_expiration`, `x_security_token_expires`, `expires_at`, `expires`, `expiry` |
/// | user name | `username`, `iam_username` |
/// | region | `region`, `aws_region`, `aws_default_region` |
/// | endpoint URL | `endpoint_url`, `endpoint`, `aws_endpoint_url` |
/// | bucket | `bucket`, `bucket_name` |
/// | ARN of the master secret | `master_arn`, `master_secret_arn` |
///
/// Two spellings of one part with different values are an error where that part is used.
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

    /// Sets the name of the field that tells when session credentials end. Optional in the secret.
    #[must_use]
    pub fn expiration(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.custom(KeyField::Expiration, name)
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
        let field = KeyField::spelled(name)?;
        self.custom_name(field).is_none().then_some(field)
    }
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
            ("accessKeyID", "accessSecretKey"),
            ("Access key ID", "Secret access key"),
            ("AccessKeyId", "AccessKeySecret"),
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
        for other in ["password", "key", "secret", "access_keys", ""] {
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
