//! The parts of an access key, what stands beside it, and how their names are spelled.

/// A part of an access key, or what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyField {
    AccessKeyId,
    SecretAccessKey,
    SessionToken,
    /// A session token, if the key is temporary; otherwise any other token.
    Token,
    Expiration,
    Username,
    Region,
    EndpointUrl,
    Bucket,
    MasterArn,
}

impl KeyField {
    pub(super) const ALL: [Self; 10] = [
        Self::AccessKeyId,
        Self::SecretAccessKey,
        Self::SessionToken,
        Self::Token,
        Self::Expiration,
        Self::Username,
        Self::Region,
        Self::EndpointUrl,
        Self::Bucket,
        Self::MasterArn,
    ];

    /// Returns the preferred spelling, and the others: small letters and underscores.
    pub(super) fn spellings(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::AccessKeyId => (
                "access_key_id",
                &["access_key", "aws_access_key_id", "aws_access_key"],
            ),
            Self::SecretAccessKey => (
                "secret_access_key",
                &[
                    "secret_key",
                    "access_secret_key",
                    "access_key_secret",
                    "aws_secret_access_key",
                    "aws_secret_key",
                ],
            ),
            Self::SessionToken => (
                "session_token",
                &["security_token", "aws_session_token", "aws_security_token"],
            ),
            Self::Token => ("token", &[]),
            Self::Expiration => (
                "expiration",
                &[
                    "aws_credential_expiration",
                    "aws_session_expiration",
                    "x_security_token_expires",
                    "expires_at",
                    "expires",
                    "expiry",
                ],
            ),
            Self::Username => ("username", &["iam_username"]),
            Self::Region => ("region", &["aws_region", "aws_default_region"]),
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
            Self::SessionToken | Self::Token => "session token",
            Self::Expiration => "expiration",
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
            Self::SessionToken | Self::Token => "Fields::session_token",
            Self::Expiration => "Fields::expiration",
            Self::Username => "Fields::username",
            Self::Region => "Fields::region",
            Self::EndpointUrl => "Fields::endpoint_url",
            Self::Bucket => "Fields::bucket",
            Self::MasterArn => "Fields::master_arn",
        }
    }

    /// Returns the field that one of whose spellings `name` is: neither case nor punctuation matters.
    pub(super) fn spelled(name: &str) -> Option<Self> {
        let name: String = name
            .chars()
            .filter(|c| c.is_alphanumeric())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let is_name = |spelling: &str| {
            let letters = spelling.bytes().filter(|&byte| byte != b'_');
            letters.eq(name.bytes())
        };
        Self::ALL.into_iter().find(|field| {
            let (first, others) = field.spellings();
            is_name(first) || others.iter().any(|other| is_name(other))
        })
    }
}
