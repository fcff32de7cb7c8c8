//! An access key, as a secret holds it.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::fields::{Fields, Part};
use super::json::{Object, Value, shown};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// An access key and what a secret says about it beside. Its secret parts are wiped when it is dropped.
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
    /// Reads a key from a secret in JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], and which field is missing, empty, doubled or no text, or where the JSON ends to be
    /// JSON; never with a value. Key and token are taken as they are: white space around or in them, such as
    /// the line break that `echo` adds, is an error and is not cut off. A key id may have any shape.
    pub fn parse(secret: &Secret, fields: &Fields) -> Result<Self, Error> {
        let mut object = Object::read(secret, fields)?;
        Ok(Self {
            id: std::mem::take(&mut *required(&mut object, Part::Id)?),
            secret: required(&mut object, Part::SecretKey)?,
            token: credential(&mut object, Part::Token)?,
            username: description(&mut object, Part::Username)?,
            region: description(&mut object, Part::Region)?,
            endpoint_url: description(&mut object, Part::Endpoint)?,
            bucket: description(&mut object, Part::Bucket)?,
            master_arn: description(&mut object, Part::MasterArn)?,
        })
    }

    /// The access key id. Not secret, but prefer [`AccessKey::id_suffix`] in logs.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The last four characters of the access key id: enough to tell keys apart.
    pub fn id_suffix(&self) -> &str {
        tail(&self.id)
    }

    /// The key as the SDK takes it.
    pub fn to_credentials(&self, expires: Option<SystemTime>) -> Credentials {
        Credentials::new(
            self.id.as_str(),
            self.secret.as_str(),
            self.token.as_ref().map(|token| token.to_string()),
            expires,
            "credswap",
        )
    }

    /// The IAM user that the key is of, if the secret says so.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The region to use the key in, if the secret says so.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The endpoint to use the key at, if the secret says so. Not checked.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    /// The bucket to use the key for, if the secret says so.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// The secret whose key may rotate this one, if the secret says so.
    pub fn master_arn(&self) -> Option<&str> {
        self.master_arn.as_deref()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey(…{})", self.id_suffix())
    }
}

/// The last four characters; none of an id so short that four would tell too much of it.
pub(crate) fn tail(id: &str) -> &str {
    match id.char_indices().rev().nth(3) {
        Some((start, _)) if start >= 4 => &id[start..],
        _ => "",
    }
}

fn required(object: &mut Object<'_>, part: Part) -> Result<Zeroizing<String>, Error> {
    credential(object, part)?.ok_or_else(|| object.missing(part))
}

/// A part that is signed with: wrong in any way is an error.
fn credential(object: &mut Object<'_>, part: Part) -> Result<Option<Zeroizing<String>>, Error> {
    let Some((name, value)) = object.take(part)? else {
        return Ok(None);
    };
    let text = match value {
        Value::Text(text) if !text.is_empty() => text,
        // Some write "no session" so.
        Value::Text(_) if part == Part::Token => return Ok(None),
        Value::Text(_) => return Err(wrong(part, &name, "is empty")),
        Value::Other(what) => {
            return Err(wrong(
                part,
                &name,
                &format!("is {what}, and must be a text"),
            ));
        }
    };
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let fault = match () {
        () if text.ends_with('\n') => {
            "ends with a line break: store it without (`printf`, not `echo`)"
        }
        () if text.ends_with(odd) => "ends with white space: store it without",
        () if text.starts_with(odd) => "begins with white space: store it without",
        () if text.contains(odd) => "has white space or a control character in it",
        () => return Ok(Some(text)),
    };
    Err(wrong(part, &name, fault))
}

/// A part that only describes: what is no text, or empty, is for somebody else.
fn description(object: &mut Object<'_>, part: Part) -> Result<Option<String>, Error> {
    Ok(object.take(part)?.and_then(|(_, value)| match value {
        Value::Text(mut text) if !text.is_empty() => Some(std::mem::take(&mut *text)),
        _ => None,
    }))
}

fn wrong(part: Part, name: &str, fault: &str) -> Error {
    let (name, part) = (shown(name), part.as_str());
    Error::new(
        ErrorKind::Malformed,
        format!("the secret's field {name} ({part}) {fault}"),
    )
}
