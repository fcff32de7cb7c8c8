//! An access key, as a secret holds it.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::character_fault::character_fault;
use super::document::Document;
use super::expiration::parse_time;
use super::fields::Fields;
use super::key_field::KeyField;
use super::place::{endpoint_fault, region_fault};
use super::section::Value;
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

/// What stands beside the key. A fault in it is no fault of a secret whose reader does not use it.
type Beside = Result<Option<String>, Error>;

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
        let token = credential(&mut document, KeyField::SessionToken)?;
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

fn required(document: &mut Document<'_>, field: KeyField) -> Result<Zeroizing<String>, Error> {
    credential(document, field)?.ok_or_else(|| document.missing(field))
}

/// Takes a field that requests are signed with: any fault in it is an error.
fn credential(
    document: &mut Document<'_>,
    field: KeyField,
) -> Result<Option<Zeroizing<String>>, Error> {
    let Some((name, value)) = document.part(field)? else {
        return Ok(None);
    };
    let fault = match value {
        // An empty session token is a common way to write "no session".
        Value::Text(text) if text.is_empty() && field == KeyField::SessionToken => return Ok(None),
        Value::Text(text) if text.is_empty() => "is empty".to_owned(),
        Value::Text(text) => match character_fault(&text) {
            None => return Ok(Some(text)),
            Some(fault) => fault,
        },
        Value::Other(json_type) => not_a_string(json_type),
    };
    Err(document.invalid(field, &name, &fault))
}

/// Takes the time at which session credentials end.
fn expiration(document: &mut Document<'_>) -> Result<Option<SystemTime>, Error> {
    let field = KeyField::Expiration;
    let Some((name, value)) = document.part(field)? else {
        return Ok(None);
    };
    match value {
        Value::Text(text) if text.is_empty() => Ok(None),
        Value::Text(text) if parse_time(&text).is_some() => Ok(parse_time(&text)),
        _ => {
            let fault = "is not a time; write it as 2030-01-01T00:00:00Z, or as seconds since 1970";
            Err(document.invalid(field, &name, fault))
        }
    }
}

/// Takes a field that says where the key is used.
fn place(
    document: &mut Document<'_>,
    field: KeyField,
    fault_of: impl Fn(&str) -> Option<String>,
) -> Beside {
    let Some((name, value)) = document.beside(field)? else {
        return Ok(None);
    };
    let fault = match value {
        Value::Text(mut text) => match fault_of(&text) {
            None => return Ok(Some(std::mem::take(&mut *text))),
            Some(fault) => fault,
        },
        Value::Other(json_type) => not_a_string(json_type),
    };
    Err(document.invalid(field, &name, &fault))
}

/// Takes a field that only describes the key: a value that is not a string, or empty, is meant for another reader.
fn description(document: &mut Document<'_>, field: KeyField) -> Beside {
    Ok(document.beside(field)?.and_then(|(_, value)| match value {
        Value::Text(mut text) if !text.is_empty() => Some(std::mem::take(&mut *text)),
        _ => None,
    }))
}

/// Takes the user's name. It has no `/`: what is before one is its path, or an ARN.
fn username(document: &mut Document<'_>) -> Beside {
    let full = description(document, KeyField::Username)?;
    let name = full.as_deref().and_then(|full| full.rsplit('/').next());
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

fn not_a_string(json_type: &str) -> String {
    format!("is {json_type}; it must be a string")
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
