//! Reads the fields of a secret's JSON, and copies none that is not part of an access key.
//!
//! No error of serde_json leaves this file: they quote their input.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::fields::{Fields, KeyField};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, VersionId};

/// The fields of an access key that a secret has.
pub(super) struct Object<'f> {
    version: VersionId,
    fields: &'f Fields,
    found: Vec<(KeyField, String, Value)>,
    /// The names of all fields, also of those that are not part of a key.
    names: Vec<String>,
}

/// The value of a field.
#[derive(PartialEq)]
pub(super) enum Value {
    Text(Zeroizing<String>),
    /// A value of another JSON type, and which.
    Other(&'static str),
}

impl<'f> Object<'f> {
    pub(super) fn parse(secret: &Secret, fields: &'f Fields) -> Result<Self, Error> {
        let text = secret.expose_str()?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut object = Self {
            version: secret.version().clone(),
            fields,
            found: Vec::new(),
            names: Vec::new(),
        };
        let parsed = json.deserialize_any(&mut object).and_then(|()| json.end());
        match parsed {
            Ok(()) => Ok(object),
            Err(error) => Err(object.malformed(match error.classify() {
                // Values of every type are accepted, so only the outermost one can have the wrong type.
                Category::Data => {
                    "the JSON is not an object; store the key as {\"access_key_id\": \"…\", \
                     \"secret_access_key\": \"…\"}"
                        .to_owned()
                }
                Category::Eof => "malformed JSON: it ends early".to_owned(),
                Category::Syntax | Category::Io => format!(
                    "malformed JSON at line {}, column {}",
                    error.line(),
                    error.column()
                ),
            })),
        }
    }

    /// Takes the name and the value of the field that holds `field`.
    pub(super) fn take(&mut self, field: KeyField) -> Result<Option<(String, Value)>, Error> {
        let (ours, others) = std::mem::take(&mut self.found)
            .into_iter()
            .partition::<Vec<_>, _>(|(found, ..)| *found == field);
        self.found = others;
        let mut taken: Option<(String, Value)> = None;
        for (_, name, value) in ours {
            match &taken {
                Some((first, other)) if *other != value => {
                    return Err(self.malformed(format!(
                        "fields {} and {} both hold the {}, with different values; remove one, or name the right one \
                         with `{}`",
                        display_name(first),
                        display_name(&name),
                        field.description(),
                        field.setter(),
                    )));
                }
                Some(_) => {}
                None => taken = Some((name, value)),
            }
        }
        Ok(taken)
    }

    /// Returns the error for a field that is missing: which names it may have, and which names there are.
    pub(super) fn missing(&self, field: KeyField) -> Error {
        let (what, setter) = (field.description(), field.setter());
        let missing = match self.fields.custom_name(field) {
            Some(name) => format!(
                "field `{name}` is missing; set it, or name another field for the {what} with `{setter}`"
            ),
            None => {
                let (first, others) = field.spellings();
                format!(
                    "field `{first}` (or `{}`) is missing; set it, or name another field for the {what} with `{setter}`",
                    others.join("`, `")
                )
            }
        };
        let present = match self.names.len() {
            0 => "the object has no fields".to_owned(),
            n => {
                let names = self.names.iter().take(NAMES);
                let names: Vec<_> = names.map(|name| display_name(name)).collect();
                let more = if n > NAMES { ", …" } else { "" };
                format!("present are {}{more}", names.join(", "))
            }
        };
        self.malformed(format!("{missing}; {present}"))
    }

    /// Returns the error for a field whose value has a fault.
    pub(super) fn invalid(&self, field: KeyField, name: &str, fault: &str) -> Error {
        let (name, what) = (display_name(name), field.description());
        self.malformed(format!("field {name} ({what}) {fault}"))
    }

    fn malformed(&self, fault: String) -> Error {
        let text = format!("secret version {}: {fault}", self.version);
        Error::new(ErrorKind::Malformed, text)
    }
}

/// Returns a field's name for an error. Long names are not quoted: a key may be stored where its name belongs.
fn display_name(name: &str) -> String {
    let length = name.chars().count();
    if length > LONGEST_NAME || name.chars().any(char::is_control) {
        return format!("(a name of {length} characters)");
    }
    format!("`{name}`")
}

/// The longest known spelling has 21 characters, a secret access key 40.
const LONGEST_NAME: usize = 32;
/// How many names an error lists.
const NAMES: usize = 12;

impl<'de> Visitor<'de> for &mut Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.fields.field_of(&name) {
                Some(field) => {
                    // A null counts as missing: Vault writes one for a key without a session.
                    if let Some(value) = map.next_value_seed(TakeValue)? {
                        self.found.push((field, name.clone(), value));
                    }
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            self.names.push(name);
        }
        Ok(())
    }
}

/// Takes a value of any type; only strings are copied, each into memory that is zeroized.
struct TakeValue;

impl<'de> DeserializeSeed<'de> for TakeValue {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TakeValue {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Value::Text(Zeroizing::new(text.to_owned()))))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(Value::Other("a boolean")))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Some(Value::Other("a number")))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Some(Value::Other("a number")))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Some(Value::Other("a number")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Value::Other("an array")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Value::Other("an object")))
    }
}
