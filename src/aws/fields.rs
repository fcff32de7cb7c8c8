//! Which field of a secret's JSON is which part of an access key.
//!
//! The same key is spelled `accesskey`, `access_key`, `accessKeyId`, `AccessKeyId`, `AWS_ACCESS_KEY_ID`, … by those
//! who write secrets. Upper and lower case, `_`, `-` and `.` make no difference here, so that a handful of words covers
//! them all; and any field can be named by hand.

use std::borrow::Cow;

/// The names of the fields.
///
/// Each part is found by the spellings below, or only by the name that is given here, letter for letter.
///
/// | part | spellings, in any case, with or without `_`, `-` and `.` |
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
    named: [Option<Cow<'static, str>>; Part::ALL.len()],
}

impl Fields {
    /// The field of the access key id.
    #[must_use]
    pub fn access_key_id(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Id, name)
    }

    /// The field of the secret access key.
    #[must_use]
    pub fn secret_access_key(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::SecretKey, name)
    }

    /// The field of the session token. It need not be there.
    #[must_use]
    pub fn session_token(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Token, name)
    }

    /// The field of the IAM user's name. It need not be there.
    #[must_use]
    pub fn username(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Username, name)
    }

    /// The field of the region. It need not be there.
    #[must_use]
    pub fn region(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Region, name)
    }

    /// The field of the endpoint URL. It need not be there.
    #[must_use]
    pub fn endpoint_url(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Endpoint, name)
    }

    /// The field of the bucket's name. It need not be there.
    #[must_use]
    pub fn bucket(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::Bucket, name)
    }

    /// The field of the master secret's ARN. It need not be there.
    #[must_use]
    pub fn master_arn(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.named(Part::MasterArn, name)
    }

    fn named(mut self, part: Part, name: impl Into<Cow<'static, str>>) -> Self {
        self.named[part as usize] = Some(name.into());
        self
    }

    /// The name given by hand, if one was.
    pub(super) fn name_of(&self, part: Part) -> Option<&str> {
        self.named[part as usize].as_deref()
    }

    /// The part that a field of this name holds.
    pub(super) fn part_of(&self, field: &str) -> Option<Part> {
        if let Some(part) = Part::ALL
            .into_iter()
            .find(|&part| self.name_of(part) == Some(field))
        {
            return Some(part);
        }
        let plain = plain(field);
        let part = Part::ALL
            .into_iter()
            .find(|part| part.spellings().iter().any(|s| self::plain(s) == plain))?;
        self.name_of(part).is_none().then_some(part)
    }
}

/// A part of an access key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Id,
    SecretKey,
    Token,
    Username,
    Region,
    Endpoint,
    Bucket,
    MasterArn,
}

impl Part {
    pub(super) const ALL: [Self; 8] = [
        Self::Id,
        Self::SecretKey,
        Self::Token,
        Self::Username,
        Self::Region,
        Self::Endpoint,
        Self::Bucket,
        Self::MasterArn,
    ];

    pub(super) fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Id => &[
                "access_key_id",
                "access_key",
                "aws_access_key_id",
                "aws_access_key",
            ],
            Self::SecretKey => &[
                "secret_access_key",
                "secret_key",
                "aws_secret_access_key",
                "aws_secret_key",
            ],
            Self::Token => &[
                "session_token",
                "security_token",
                "aws_session_token",
                "aws_security_token",
            ],
            Self::Username => &["username", "iam_username"],
            Self::Region => &["region", "aws_region"],
            Self::Endpoint => &["endpoint_url", "endpoint", "aws_endpoint_url"],
            Self::Bucket => &["bucket", "bucket_name"],
            Self::MasterArn => &["master_arn", "master_secret_arn"],
        }
    }

    /// The part in words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Id => "access key id",
            Self::SecretKey => "secret access key",
            Self::Token => "session token",
            Self::Username => "user name",
            Self::Region => "region",
            Self::Endpoint => "endpoint URL",
            Self::Bucket => "bucket",
            Self::MasterArn => "ARN of the master secret",
        }
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_in_the_wild_is_known() {
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
            assert_eq!(fields.part_of(id), Some(Part::Id), "{id}");
            assert_eq!(fields.part_of(secret), Some(Part::SecretKey), "{secret}");
        }
        for token in [
            "SessionToken",
            "AWS_SESSION_TOKEN",
            "aws_session_token",
            "security_token",
        ] {
            assert_eq!(fields.part_of(token), Some(Part::Token), "{token}");
        }
        assert_eq!(fields.part_of("masterarn"), Some(Part::MasterArn));
        for other in ["password", "key", "secret", "token", "access_keys", ""] {
            assert_eq!(fields.part_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_given_by_hand_is_the_only_one_and_exact() {
        let fields = Fields::default()
            .access_key_id("key")
            .secret_access_key("username");
        assert_eq!(fields.part_of("key"), Some(Part::Id));
        assert_eq!(fields.part_of("Key"), None);
        assert_eq!(fields.part_of("access_key"), None);
        assert_eq!(fields.part_of("username"), Some(Part::SecretKey));
        assert_eq!(fields.part_of("region"), Some(Part::Region));
    }
}
