//! The parts of a key, taken from a secret one by one: what each may be, and which fault of it is an error when.

use std::time::SystemTime;

use zeroize::Zeroizing;

use super::character_fault::character_fault;
use super::document::Document;
use super::expiration::parse_time;
use super::key_field::KeyField;
use super::section::Value;
use crate::error::Error;

/// What stands beside the key. A fault in it is no fault of a secret whose reader does not use it.
pub(super) type Beside = Result<Option<String>, Error>;

/// Takes a part without which there is no key.
pub(super) fn required(
    document: &mut Document<'_>,
    field: KeyField,
) -> Result<Zeroizing<String>, Error> {
    credential(document, field)?.ok_or_else(|| document.missing(field))
}

/// Takes a field that requests are signed with: any fault in it is an error.
pub(super) fn credential(
    document: &mut Document<'_>,
    field: KeyField,
) -> Result<Option<Zeroizing<String>>, Error> {
    let Some((name, value)) = document.part(field)? else {
        return Ok(None);
    };
    let fault = match value {
        // An empty session token is a common way to write "no session".
        Value::Text(text) if text.is_empty() && is_session(field) => return Ok(None),
        Value::Text(text) if text.is_empty() => "is empty".to_owned(),
        Value::Text(text) => match character_fault(&text) {
            None => return Ok(Some(text)),
            Some(fault) => fault,
        },
        Value::Other(json_type) => not_a_string(json_type),
    };
    Err(document.invalid(field, &name, &fault))
}

fn is_session(field: KeyField) -> bool {
    matches!(field, KeyField::SessionToken | KeyField::Token)
}

/// Takes the time at which session credentials end.
pub(super) fn expiration(document: &mut Document<'_>) -> Result<Option<SystemTime>, Error> {
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
pub(super) fn place(
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
pub(super) fn description(document: &mut Document<'_>, field: KeyField) -> Beside {
    Ok(document.beside(field)?.and_then(|(_, value)| match value {
        Value::Text(mut text) if !text.is_empty() => Some(std::mem::take(&mut *text)),
        _ => None,
    }))
}

/// Takes the user's name. It has no `/`: what is before one is its path, or an ARN.
pub(super) fn username(document: &mut Document<'_>) -> Beside {
    let full = description(document, KeyField::Username)?;
    let name = full.as_deref().and_then(|full| full.rsplit('/').next());
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

fn not_a_string(json_type: &str) -> String {
    format!("is {json_type}; it must be a string")
}
