//! Reads the fields of a secret's JSON, and copies none that nobody asked for.
//!
//! No error of serde_json's leaves this file: they quote what they were reading.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::fields::{Fields, Part};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// The fields that were there.
pub(super) struct Object<'f> {
    fields: &'f Fields,
    found: Vec<(Part, String, Value)>,
    /// The names of all, also of the ones that are not ours.
    names: Vec<String>,
}

/// What a field of ours holds.
#[derive(PartialEq)]
pub(super) enum Value {
    Text(Zeroizing<String>),
    /// It is something else, and what.
    Other(&'static str),
}

impl<'f> Object<'f> {
    pub(super) fn read(secret: &Secret, fields: &'f Fields) -> Result<Self, Error> {
        let version = secret.version();
        let text = secret.expose_str()?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut object = Self {
            fields,
            found: Vec::new(),
            names: Vec::new(),
        };
        json.deserialize_any(&mut object)
            .and_then(|()| json.end())
            .map_err(|error| {
                let message = match error.classify() {
                    // Values of any type are taken, so the only wrong type is that of the whole.
                    Category::Data => format!(
                        "secret version {version} is JSON, but no object: it must look like \
                         {{\"access_key_id\": \"…\", \"secret_access_key\": \"…\"}}"
                    ),
                    Category::Eof => {
                        format!("secret version {version} is no JSON: it ends in the middle")
                    }
                    Category::Syntax | Category::Io => format!(
                        "secret version {version} is no JSON: see line {}, column {}",
                        error.line(),
                        error.column()
                    ),
                };
                Error::new(ErrorKind::Malformed, message)
            })?;
        Ok(object)
    }

    /// The name and the value of the field that holds this part.
    pub(super) fn take(&mut self, part: Part) -> Result<Option<(String, Value)>, Error> {
        let (ours, others) = std::mem::take(&mut self.found)
            .into_iter()
            .partition::<Vec<_>, _>(|(p, ..)| *p == part);
        self.found = others;
        let mut taken: Option<(String, Value)> = None;
        for (_, name, value) in ours {
            match &taken {
                Some((first, other)) if *other != value => {
                    return Err(Error::new(
                        ErrorKind::Malformed,
                        format!(
                            "the secret's fields {} and {} both are the {}, with different values: remove one, or \
                             name the right one with `aws::Fields`",
                            shown(first),
                            shown(&name),
                            part.as_str(),
                        ),
                    ));
                }
                Some(_) => {}
                None => taken = Some((name, value)),
            }
        }
        Ok(taken)
    }

    /// Says that a part is not there, and what is.
    pub(super) fn missing(&self, part: Part) -> Error {
        let known = match self.fields.name_of(part) {
            Some(name) => format!("`{name}`, as named by `aws::Fields`"),
            None => {
                let spellings = part.spellings().join("`, `");
                format!("`{spellings}`, or any name given to `aws::Fields`")
            }
        };
        let there = match self.names.len() {
            0 => "there is no field at all".to_owned(),
            n => {
                let names: Vec<_> = self.names.iter().take(NAMES).map(|n| shown(n)).collect();
                let more = if n > NAMES { ", …" } else { "" };
                format!("the fields there are {}{more}", names.join(", "))
            }
        };
        Error::new(
            ErrorKind::Malformed,
            format!(
                "the secret has no field for the {}; known names are {known}; {there}",
                part.as_str()
            ),
        )
    }
}

/// A field's name as errors show it. Long ones are not: somebody may have put a key where its name belongs.
pub(super) fn shown(name: &str) -> String {
    let length = name.chars().count();
    if length > LONGEST_NAME || name.chars().any(char::is_control) {
        return format!("(a name of {length} characters)");
    }
    format!("`{name}`")
}

/// The longest known spelling has 21 characters, a secret access key 40.
const LONGEST_NAME: usize = 32;
const NAMES: usize = 12;

impl<'de> Visitor<'de> for &mut Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.fields.part_of(&name) {
                Some(part) => {
                    // A null is as good as nothing: Vault says so for a key without a session.
                    if let Some(value) = map.next_value_seed(Take)? {
                        self.found.push((part, name.clone(), value));
                    }
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            self.names.push(name);
        }
        Ok(())
    }
}

/// Takes a value of any type; only texts are copied, each into memory that is wiped.
struct Take;

impl<'de> DeserializeSeed<'de> for Take {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Take {
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
        Ok(Some(Value::Other("true or false")))
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
        Ok(Some(Value::Other("a list")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Value::Other("an object")))
    }
}
