//! An access key, as a secret holds it.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::document::Document;
use super::fields::Fields;
use super::key_field::KeyField;
use super::parts::{Beside, credential, description, expiration, place, required, username};
use super::place::{endpoint_fault, region_fault};
use crate::error::Error;
#[cfg(feature = "rotation")]
use crate::error::ErrorKind;
use crate::secret::Secret;

/// An access key, and what its secret says beside it. Secret access key and session token are zeroized on drop.
///
/// ```
/// use credswap::{Secret, aws::{AccessKey, Fields}};
/// let secret = Secret::new(r#"{"accesskey": "AKIAIOSFODNN7EXAMPLE", "secretkey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#, "v1");
/// let key = AccessKey::parse(&secret, &Fields::default())?;
/// assert_eq!(format!("{key:?}"), "AccessKey(…MPLE)");
/// # Ok::<_, credswap::Error>(())
/// ```
pub struct AccessKey {
    id: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
    expires: Option<SystemTime>,
    username: Beside,
    region: Beside,
    endpoint_url: Beside,
    bucket: Beside,
    master_arn: Beside,
    #[cfg(feature = "rotation")]
    is_plain_object: bool,
}

/// How the ids of temporary keys begin.
const TEMPORARY: &str = "ASIA";

impl AccessKey {
    /// Parses a secret. `fields` says which field holds what.
    ///
    /// It may be
    /// - a JSON object. The key may be in an object within it, such as `AccessKey` in IAM's answer, or `data`, if there is one
    ///   such object and no key at the top;
    /// - an AWS credentials file with one profile, or with the profile `default`;
    /// - lines of `NAME=value`, as in an `.env` file, with or without `export`;
    /// - the CSV file that the IAM console offers.
    ///
    /// A UTF-8 byte order mark at the start is skipped. Key and token are taken as they are: white space around or in them, such
    /// as the line break that `echo` adds, is an error and is not trimmed, as is any other character that is not printable
    /// ASCII. A key id may have any shape.
    ///
    /// Session credentials expire at their `Expiration`: a time in RFC 3339, or seconds or milliseconds since 1970.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): which field is missing, empty, ambiguous or not a string,
    /// which character does not belong in it, or where the JSON is malformed; never with a value.
    pub fn parse(secret: &Secret, fields: &Fields) -> Result<Self, Error> {
        let mut document = Document::locate(secret, fields)?;
        let id = std::mem::take(&mut *required(&mut document, KeyField::AccessKeyId)?);
        let secret = required(&mut document, KeyField::SecretAccessKey)?;
        let token = match credential(&mut document, KeyField::SessionToken)? {
            // As containers and instances are answered. Other keys have no session, and other readers have tokens.
            None if id.starts_with(TEMPORARY) => credential(&mut document, KeyField::Token)?,
            token => token,
        };
        let expires = match token {
            Some(_) => expiration(&mut document)?,
            // A long-term key does not expire: the field is meant for another reader.
            None => None,
        };
        Ok(Self {
            id,
            secret,
            token,
            expires,
            username: username(&mut document),
            region: place(&mut document, KeyField::Region, region_fault),
            endpoint_url: place(&mut document, KeyField::EndpointUrl, endpoint_fault),
            bucket: description(&mut document, KeyField::Bucket),
            master_arn: description(&mut document, KeyField::MasterArn),
            #[cfg(feature = "rotation")]
            is_plain_object: document.is_plain_object,
        })
    }

    /// Returns the access key id. It is not secret, but prefer [`AccessKey::id_suffix`] in logs.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the last four characters of the access key id: enough to distinguish keys in logs.
    pub fn id_suffix(&self) -> &str {
        id_suffix(&self.id)
    }

    /// Returns the key as the SDK's credentials. They expire at `expires` or at the secret's own `Expiration`, whichever is
    /// sooner.
    pub fn to_credentials(&self, expires: Option<SystemTime>) -> Credentials {
        Credentials::new(
            self.id.as_str(),
            self.secret.as_str(),
            self.token.as_ref().map(|token| token.to_string()),
            expires.into_iter().chain(self.expires).min(),
            "credswap",
        )
    }

    /// Returns the name of the IAM user that owns the key, if the secret has it: without its path, and of a user's ARN the
    /// name alone.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if two fields name different ones. So it is with the functions
    /// below: a fault of a field is an error where that field is used, and only there.
    pub fn username(&self) -> Result<Option<&str>, Error> {
        used(&self.username)
    }

    /// Returns the region to use the key in, if the secret has one.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if it is empty or not the name of a region.
    pub fn region(&self) -> Result<Option<&str>, Error> {
        used(&self.region)
    }

    /// Returns the endpoint to use the key at, if the secret has one: a URL with the scheme `http` or `https`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if it is anything else, or has a password or a query in it.
    pub fn endpoint_url(&self) -> Result<Option<&str>, Error> {
        used(&self.endpoint_url)
    }

    /// Returns the bucket to use the key for, if the secret has one.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if two fields name different ones.
    pub fn bucket(&self) -> Result<Option<&str>, Error> {
        used(&self.bucket)
    }

    /// Returns the ARN of the secret whose key may rotate this one, if the secret has it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if two fields name different ones.
    pub fn master_arn(&self) -> Result<Option<&str>, Error> {
        used(&self.master_arn)
    }

    /// Fails unless the secret is a JSON object with the key at its top: rotation replaces the key there.
    #[cfg(feature = "rotation")]
    pub(crate) fn check_replaceable(&self) -> Result<(), Error> {
        match self.is_plain_object {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "the key is not at the top of a JSON object, where a rotation could replace it; {}, with the user's name \
                     beside it",
                    super::EXAMPLE
                ),
            )),
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey(…{})", self.id_suffix())
    }
}

/// Returns the last four characters; none of an id so short that four would disclose too much of it.
pub(crate) fn id_suffix(id: &str) -> &str {
    match id.char_indices().rev().nth(3) {
        Some((start, _)) if start >= 4 => &id[start..],
        _ => "",
    }
}

fn used(field: &Beside) -> Result<Option<&str>, Error> {
    match field {
        Ok(value) => Ok(value.as_deref()),
        Err(error) => Err(error.clone()),
    }
}

#[cfg(all(test, feature = "rotation"))]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_at_the_top_of_an_object_can_be_replaced() {
        for (text, expected) in [
            (r#"{"accesskey": "A", "secretkey": "B"}"#, true),
            (
                "\u{feff} {\"accesskey\": \"A\", \"secretkey\": \"B\"}",
                true,
            ),
            (r#"{"data": {"accesskey": "A", "secretkey": "B"}}"#, false),
            (r#"[{"accesskey": "A", "secretkey": "B"}]"#, false),
            (r#""{\"accesskey\": \"A\", \"secretkey\": \"B\"}""#, false),
            ("accesskey=A\nsecretkey=B", false),
            ("accesskey,secretkey\nA,B", false),
        ] {
            let key = AccessKey::parse(&Secret::new(text, "v1"), &Fields::default());
            let key = key.expect("read");
            assert_eq!(key.check_replaceable().is_ok(), expected, "{text}");
        }
    }
}
