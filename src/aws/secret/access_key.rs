//! An access key, as a secret holds it.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::fields::{Fields, KeyField};
use super::json::{Object, Value};
use crate::error::Error;
use crate::secret::Secret;

/// An access key, and what its secret says beside it. Secret access key and session token are zeroized on drop.
///
/// ```
/// use credswap::{Secret, aws::{AccessKey, Fields}};
/// let secret = Secret::new(r#"{"accesskey": "AKIAIOSFODNN7EXAMPLE", "secretkey": "…"}"#, "v1");
/// let key = AccessKey::parse(&secret, &Fields::default())?;
/// assert_eq!(format!("{key:?}"), "AccessKey(…MPLE)");
/// # Ok::<_, credswap::Error>(())
/// ```
pub struct AccessKey {
    id: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
    username: Option<String>,
    region: Option<String>,
    endpoint_url: Option<String>,
    bucket: Option<String>,
    master_arn: Option<String>,
}

impl AccessKey {
    /// Parses a secret in JSON. `fields` says which field holds what.
    ///
    /// Key and token are taken as they are: white space around or in them, such as the line break that `echo` adds, is
    /// an error and is not trimmed. A key id may have any shape.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): which field is missing, empty, ambiguous or not a string,
    /// or where the JSON is malformed; never with a value.
    pub fn parse(secret: &Secret, fields: &Fields) -> Result<Self, Error> {
        let mut object = Object::parse(secret, fields)?;
        Ok(Self {
            id: std::mem::take(&mut *required(&mut object, KeyField::AccessKeyId)?),
            secret: required(&mut object, KeyField::SecretAccessKey)?,
            token: credential(&mut object, KeyField::SessionToken)?,
            username: description(&mut object, KeyField::Username)?,
            region: description(&mut object, KeyField::Region)?,
            endpoint_url: description(&mut object, KeyField::EndpointUrl)?,
            bucket: description(&mut object, KeyField::Bucket)?,
            master_arn: description(&mut object, KeyField::MasterArn)?,
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

    /// Returns the key as the SDK's credentials.
    pub fn to_credentials(&self, expires: Option<SystemTime>) -> Credentials {
        Credentials::new(
            self.id.as_str(),
            self.secret.as_str(),
            self.token.as_ref().map(|token| token.to_string()),
            expires,
            "credswap",
        )
    }

    /// Returns the name of the IAM user that owns the key, if the secret has it.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the region to use the key in, if the secret has one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the endpoint to use the key at, if the secret has one. It is not validated.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    /// Returns the bucket to use the key for, if the secret has one.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// Returns the ARN of the secret whose key may rotate this one, if the secret has it.
    pub fn master_arn(&self) -> Option<&str> {
        self.master_arn.as_deref()
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

fn required(object: &mut Object<'_>, field: KeyField) -> Result<Zeroizing<String>, Error> {
    credential(object, field)?.ok_or_else(|| object.missing(field))
}

/// Takes a field that requests are signed with: any fault in it is an error.
fn credential(
    object: &mut Object<'_>,
    field: KeyField,
) -> Result<Option<Zeroizing<String>>, Error> {
    let Some((name, value)) = object.take(field)? else {
        return Ok(None);
    };
    let text = match value {
        Value::Text(text) if !text.is_empty() => text,
        // An empty session token is a common way to write "no session".
        Value::Text(_) if field == KeyField::SessionToken => return Ok(None),
        Value::Text(_) => return Err(object.invalid(field, &name, "is empty")),
        Value::Other(json_type) => {
            let fault = format!("is {json_type}; it must be a string");
            return Err(object.invalid(field, &name, &fault));
        }
    };
    let forbidden = |c: char| c.is_whitespace() || c.is_control();
    let fault = match () {
        () if text.ends_with('\n') => {
            "ends with a line break; store it without one (`printf` instead of `echo`)"
        }
        () if text.ends_with(forbidden) => "ends with white space; store it without",
        () if text.starts_with(forbidden) => "starts with white space; store it without",
        () if text.contains(forbidden) => "contains white space or a control character",
        () => return Ok(Some(text)),
    };
    Err(object.invalid(field, &name, fault))
}

/// Takes a field that only describes the key: a value that is not a string, or empty, is meant for another reader.
fn description(object: &mut Object<'_>, field: KeyField) -> Result<Option<String>, Error> {
    Ok(object.take(field)?.and_then(|(_, value)| match value {
        Value::Text(mut text) if !text.is_empty() => Some(std::mem::take(&mut *text)),
        _ => None,
    }))
}
