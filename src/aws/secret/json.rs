//! Reads a secret in JSON.
//!
//! Objects within it are sections, also in an array, and in a string that is JSON itself: tools put what they were answered into
//! a secret as a whole. No error of serde_json leaves this file: they quote their input.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::character_fault::code_point;
use super::fields::Fields;
use super::key_field::KeyField;
use super::section::{Section, Value};

/// How deep an object may be in others.
const DEEPEST: usize = 16;

/// Reads the object in `text`.
///
/// # Errors
/// What is wrong with the text, without quoting it.
pub(super) fn read(text: &str, fields: &Fields) -> Result<Section, String> {
    match parse(text, fields, 0) {
        Ok(Read::Sections(mut sections)) if sections.len() == 1 && sections[0].name.is_empty() => {
            Ok(sections.remove(0))
        }
        Ok(Read::Sections(sections)) if !sections.is_empty() => {
            let mut top = Section::default();
            top.inner = sections;
            Ok(top)
        }
        Ok(_) => Err(format!("the JSON is not an object; {}", super::EXAMPLE)),
        Err(error) => Err(match error.classify() {
            Category::Eof => "malformed JSON: it ends early".to_owned(),
            _ => {
                let (line, column) = (error.line(), error.column());
                let hint = odd_character(text, line, column);
                format!("malformed JSON at line {line}, column {column}{hint}")
            }
        }),
    }
}

fn parse(text: &str, fields: &Fields, depth: usize) -> Result<Read, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Reader {
        fields,
        field: None,
        depth,
    }
    .deserialize(&mut json)?;
    json.end()?;
    Ok(read)
}

/// Names the character at which JSON stops being well-formed, if it looks like another one or like none.
fn odd_character(text: &str, line: usize, column: usize) -> String {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    // The column counts bytes, and is that of the character or of the one before it.
    let at_column = |column: usize| {
        let mut places = line.char_indices();
        places.find(|&(start, c)| (start..start + c.len_utf8()).contains(&column))
    };
    let candidates = [column.checked_sub(1).and_then(at_column), at_column(column)];
    for (_, c) in candidates.into_iter().flatten() {
        if c == '\'' {
            return ": names and values need double quotes (`\"`)".to_owned();
        }
        if !c.is_ascii_graphic() && c != ' ' && c != '\t' {
            return format!(": the character {} does not belong there", code_point(c));
        }
    }
    String::new()
}

/// What a JSON value is, as far as it matters.
enum Read {
    /// A null counts as missing: Vault writes one for a key without a session.
    Null,
    Value(Value),
    /// An object; or the objects in an array, named by their places, or in a string.
    Sections(Vec<Section>),
}

/// Reads a value of any type. Only strings that hold `field` are copied, each into memory that is zeroized.
#[derive(Clone, Copy)]
struct Reader<'f> {
    fields: &'f Fields,
    /// What the value holds, if it is part of a key.
    field: Option<KeyField>,
    depth: usize,
}

impl Reader<'_> {
    fn inside(self, field: Option<KeyField>) -> Self {
        Self {
            field,
            depth: self.depth + 1,
            ..self
        }
    }

    /// A number is of use where it is a time.
    fn number<N: fmt::Display>(self, number: N) -> Read {
        Read::Value(match self.field {
            Some(KeyField::Expiration) => Value::text(&number.to_string()),
            _ => Value::Other("a number"),
        })
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Read, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut section = Section::default();
        while let Some(name) = map.next_key::<String>()? {
            let field = self.fields.field_of(&name);
            match (map.next_value_seed(self.inside(field))?, field) {
                (Read::Null, _) | (Read::Value(_), None) => {}
                (Read::Value(value), Some(field)) => section.add(field, &name, value),
                (Read::Sections(sections), field) => {
                    if let Some(field) = field {
                        section.add(field, &name, Value::Other("an object"));
                    }
                    for inner in sections {
                        section.nest(format!("{name}{}", inner.name), inner);
                    }
                }
            }
            section.names.push(name);
        }
        if self.depth > DEEPEST {
            return Ok(Read::Value(Value::Other("an object")));
        }
        Ok(Read::Sections(vec![section]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Read, A::Error> {
        let mut sections = Vec::new();
        let mut place = 0_usize;
        while let Some(read) = seq.next_element_seed(self.inside(None))? {
            if let Read::Sections(inner) = read {
                for mut section in inner {
                    section.name = format!("[{place}]{}", section.name);
                    sections.push(section);
                }
            }
            place += 1;
        }
        Ok(match sections.is_empty() {
            true => Read::Value(Value::Other("an array")),
            false => Read::Sections(sections),
        })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Read, E> {
        if self.field.is_some() {
            return Ok(Read::Value(Value::text(text)));
        }
        let is_object = text.trim_start().starts_with('{') && self.depth < DEEPEST;
        match is_object.then(|| parse(text, self.fields, self.depth + 1)) {
            Some(Ok(read)) => Ok(read),
            _ => Ok(Read::Value(Value::Other("a string"))),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Read, E> {
        Ok(Read::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Read, E> {
        Ok(Read::Value(Value::Other("a boolean")))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Read, E> {
        Ok(self.number(number))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Read, E> {
        Ok(self.number(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Read, E> {
        Ok(self.number(number))
    }
}
