//! The version that an event names. It is a hint: a value that cannot be a version does not make the event malformed.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::secret::VersionId;

/// The longest version that is passed on. Secrets Manager allows 32 to 64 characters.
const MAX_LENGTH: usize = 64;

/// Deserializes a version; `None` for a value that cannot be one.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    field: D,
) -> Result<Option<VersionId>, D::Error> {
    field.deserialize_any(VersionVisitor)
}

struct VersionVisitor;

impl<'de> Visitor<'de> for VersionVisitor {
    type Value = Option<VersionId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let is_version = (1..=MAX_LENGTH).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        Ok(is_version.then(|| name.into()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_version_is_passed_on() {
        let longest = "v".repeat(MAX_LENGTH);
        for (value, expected) in [
            (r#""8f2b""#.to_owned(), Some("8f2b")),
            (format!("{longest:?}"), Some(longest.as_str())),
            (format!("\"{longest}v\""), None),
            (r#""""#.to_owned(), None),
            (r#""two words""#.to_owned(), None),
            (r#""line\nbreak""#.to_owned(), None),
            (r#""ä""#.to_owned(), None),
            (r#""\u001b[31m""#.to_owned(), None),
            ("7".to_owned(), None),
            ("-7".to_owned(), None),
            ("7.5".to_owned(), None),
            ("true".to_owned(), None),
            ("null".to_owned(), None),
            ("[[1]]".to_owned(), None),
            (r#"{"a":{"b":1}}"#.to_owned(), None),
        ] {
            let mut json = serde_json::Deserializer::from_str(&value);
            let version = deserialize(&mut json).expect("any JSON value");
            assert_eq!(version, expected.map(VersionId::from), "{value}");
        }
    }
}
