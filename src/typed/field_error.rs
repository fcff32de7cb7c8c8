//! What is wrong with which field, without its value.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// The longest part of a name that is shown.
const LONGEST_NAME: usize = 64;

/// What is wrong with which field. It has no value of the secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldError {
    /// The names on the way to the field, innermost first. Empty for the whole secret.
    path: Vec<String>,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Missing(&'static str),
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    Twice(&'static str),
    Type {
        found: &'static str,
        expected: String,
    },
    Value {
        expected: String,
    },
    Variant(&'static [&'static str]),
    Length {
        found: usize,
        expected: String,
    },
    /// A type's own implementation refused it. Its message may quote the value.
    Invalid,
}

impl FieldError {
    /// The error of a field inside of `name`.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path.push(shown(name));
        self
    }

    fn place(&self) -> String {
        match self.path.is_empty() {
            true => "the secret".to_owned(),
            false => {
                let path: Vec<_> = self.path.iter().rev().map(String::as_str).collect();
                format!("field `{}`", path.join("."))
            }
        }
    }

    /// Returns the name of a field beside the one at fault, with its path.
    fn inner(&self, name: &str) -> String {
        let outer = self.path.iter().rev().map(String::as_str);
        outer.chain([name]).collect::<Vec<_>>().join(".")
    }
}

impl From<Kind> for FieldError {
    fn from(kind: Kind) -> Self {
        Self {
            path: Vec::new(),
            kind,
        }
    }
}

impl Error for FieldError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Kind::Invalid.into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Kind::Type {
            found: type_of(&found),
            expected: expected.to_string(),
        }
        .into()
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Kind::Value { expected }.into()
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Kind::Length { found, expected }.into()
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Kind::Variant(known).into()
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let name = shown(name);
        Kind::Unknown { name, known }.into()
    }

    fn missing_field(name: &'static str) -> Self {
        Kind::Missing(name).into()
    }

    fn duplicate_field(name: &'static str) -> Self {
        Kind::Twice(name).into()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Missing(name) => write!(f, "field `{}` is missing", self.inner(name)),
            Kind::Unknown { name, known } => {
                write!(
                    f,
                    "field `{}` is unknown; {}",
                    self.inner(name),
                    Known(known)
                )
            }
            Kind::Twice(name) => write!(f, "field `{}` is there twice", self.inner(name)),
            Kind::Type { found, expected } => {
                write!(f, "{} is {found}; expected {expected}", self.place())
            }
            Kind::Value { expected } => {
                write!(f, "{} is out of range; expected {expected}", self.place())
            }
            Kind::Variant(known) => write!(f, "{} is unknown; {}", self.place(), Known(known)),
            Kind::Length { found, expected } => {
                write!(
                    f,
                    "{} has {found} elements; expected {expected}",
                    self.place()
                )
            }
            Kind::Invalid => write!(f, "{} is not valid", self.place()),
        }
    }
}

impl std::error::Error for FieldError {}

struct Known(&'static [&'static str]);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("expected none"),
            known => write!(f, "expected one of `{}`", known.join("`, `")),
        }
    }
}

fn type_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "of another type",
    }
}

/// Returns a field's name as it may be logged: names come from the secret, and may hold anything.
fn shown(name: &str) -> String {
    let start: String = name.chars().take(LONGEST_NAME).collect();
    start.escape_debug().to_string()
}
