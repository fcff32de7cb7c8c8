//! JSON as it comes from a stranger: every field, also those that are there twice, and JSON inside of strings.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep JSON inside of strings is read.
const STRINGS: u8 = 3;

/// A JSON value, as far as an event can be in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// The fields, in order. A name may be there twice.
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    /// A number, a boolean or null.
    Other,
}

impl Json {
    /// Parses a document, with or without a byte order mark. `None` if it is not JSON, or too deep.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        serde_json::from_slice(text).ok()
    }

    /// Calls `visit` with the fields of each object, from the outside in; where it returns `false`, not with those further
    /// inside.
    pub(super) fn for_each_object(&self, visit: &mut impl FnMut(&[(String, Json)]) -> bool) {
        self.visit(visit, STRINGS);
    }

    fn visit(&self, visit: &mut impl FnMut(&[(String, Json)]) -> bool, strings: u8) {
        match self {
            Self::Object(fields) => {
                if visit(fields) {
                    for (_, value) in fields {
                        value.visit(visit, strings);
                    }
                }
            }
            Self::Array(values) => {
                for value in values {
                    value.visit(visit, strings);
                }
            }
            Self::Text(text) if strings > 0 && text.trim_start().starts_with(['{', '[', '"']) => {
                if let Some(inner) = Self::parse(text.as_bytes()) {
                    inner.visit(visit, strings - 1);
                }
            }
            Self::Text(_) | Self::Other => {}
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &str) -> Vec<String> {
        let mut names = Vec::new();
        Json::parse(document.as_bytes())
            .expect("JSON")
            .for_each_object(&mut |fields| {
                names.extend(fields.iter().map(|(name, _)| name.clone()));
                !fields.iter().any(|(name, _)| name == "stop")
            });
        names
    }

    #[test]
    fn every_object_is_visited_unless_an_outer_one_is_enough() {
        for (document, expected) in [
            (r#"{"a":1,"a":2}"#, &["a", "a"][..]),
            (r#"[{"a":{"b":1.5}},[{"c":true}],null]"#, &["a", "b", "c"]),
            (r#"{"stop":{"a":1}}"#, &["stop"]),
            (r#"{"text":" {\"a\":-1}"}"#, &["text", "a"]),
            (r#""\"{\\\"a\\\":1}\"""#, &["a"]),
            (r#"{"text":"{no JSON"}"#, &["text"]),
            ("7", &[]),
        ] {
            assert_eq!(names(document), expected, "{document}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Json::parse(deep.as_bytes()), None);
        let mut strings = r#"{"a":1}"#.to_owned();
        for _ in 0..=STRINGS {
            strings = serde_json::to_string(&strings).expect("JSON");
        }
        assert!(names(&strings).is_empty());
    }
}
