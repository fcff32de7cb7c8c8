//! Finds the key in a secret: which format the text has, which section holds the key, and what to say if none does.

use super::character_fault::code_point;
use super::fields::Fields;
use super::key_field::KeyField;
use super::section::{Section, Value, plain_name};
use super::{EXAMPLE, csv, json, lines};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, VersionId};

/// How many names an error lists.
const NAMES: usize = 12;

/// The profile that is taken where several hold a key.
const DEFAULT_PROFILE: &str = "default";

/// A secret whose key has been located.
pub(super) struct Document<'f> {
    version: VersionId,
    fields: &'f Fields,
    /// The section that holds the key, then those around it from the inside out.
    sections: Vec<Section>,
    /// Where the key is; empty at the top.
    path: String,
    /// Where else parts of a key were seen.
    seen: Vec<String>,
    /// Whether it is a JSON object with the key at its top.
    #[cfg(feature = "rotation")]
    pub(super) is_plain_object: bool,
}

impl<'f> Document<'f> {
    /// Reads the secret and locates the key in it, or the part of it that is there.
    pub(super) fn locate(secret: &Secret, fields: &'f Fields) -> Result<Self, Error> {
        let version = secret.version();
        let text = secret.expose_str()?;
        let top = read(text, fields).map_err(|fault| malformed(version, &fault))?;
        let way = choose(&top).map_err(|fault| malformed(version, &fault))?;
        let path = top.path(&way);
        let seen = places(&top, |way, section| way != path && section.has_part());
        #[cfg(feature = "rotation")]
        let is_plain_object = way.is_empty() && text.trim_start().starts_with('{');
        let mut sections = vec![top];
        for number in way {
            let inner = sections[0].inner.swap_remove(number);
            sections.insert(0, inner);
        }
        Ok(Self {
            version: version.clone(),
            fields,
            sections,
            path,
            seen,
            #[cfg(feature = "rotation")]
            is_plain_object,
        })
    }

    /// Takes the name and the value of a field that is part of the key: it stands where the key is.
    pub(super) fn part(&mut self, field: KeyField) -> Result<Option<(String, Value)>, Error> {
        let found = self.sections[0].take(field);
        self.only(field, found)
    }

    /// Takes the name and the value of a field that stands beside the key, or around it.
    pub(super) fn beside(&mut self, field: KeyField) -> Result<Option<(String, Value)>, Error> {
        for section in 0..self.sections.len() {
            let found = self.sections[section].take(field);
            if !found.is_empty() {
                return self.only(field, found);
            }
        }
        Ok(None)
    }

    /// Returns the one value of a field that may have several spellings.
    fn only(
        &self,
        field: KeyField,
        found: Vec<(String, Value)>,
    ) -> Result<Option<(String, Value)>, Error> {
        let mut only: Option<(String, Value)> = None;
        for (name, value) in found {
            match &only {
                Some((first, other)) if *other != value => {
                    return Err(self.malformed(&format!(
                        "fields {} and {} both hold the {}, with different values; remove one, or name the right one \
                         with `{}`",
                        self.name(first),
                        self.name(&name),
                        field.description(),
                        field.setter(),
                    )));
                }
                Some(_) => {}
                None => only = Some((name, value)),
            }
        }
        Ok(only)
    }

    /// Returns the error for a part of the key that is missing: which names it may have, and which names there are.
    pub(super) fn missing(&self, field: KeyField) -> Error {
        let (what, setter) = (field.description(), field.setter());
        let inside = match self.path.as_str() {
            "" => String::new(),
            path => format!(" inside `{path}`"),
        };
        let missing = match self.fields.custom_name(field) {
            Some(name) => format!(
                "field `{name}` is missing{inside}; set it, or name another field for the {what} with `{setter}`"
            ),
            None => {
                let (first, others) = field.spellings();
                format!(
                    "field `{first}` (or `{}`) is missing{inside}; set it, or name another field for the {what} with \
                     `{setter}`",
                    others.join("`, `")
                )
            }
        };
        let names = &self.sections[0].names;
        let present = match names.len() {
            0 => "the object has no fields".to_owned(),
            n => {
                let names = names.iter().take(NAMES);
                let names: Vec<_> = names.map(|name| quoted(&plain_name(name))).collect();
                let more = if n > NAMES { ", …" } else { "" };
                format!("present are {}{more}", names.join(", "))
            }
        };
        let seen = match self.seen.as_slice() {
            [] => String::new(),
            seen => format!("; parts of a key are {}", list(seen)),
        };
        self.malformed(&format!("{missing}; {present}{seen}"))
    }

    /// Returns the error for a field whose value has a fault.
    pub(super) fn invalid(&self, field: KeyField, name: &str, fault: &str) -> Error {
        let (name, what) = (self.name(name), field.description());
        self.malformed(&format!("field {name} ({what}) {fault}"))
    }

    fn malformed(&self, fault: &str) -> Error {
        malformed(&self.version, fault)
    }

    /// Returns a field's name for an error, with the way to it.
    fn name(&self, name: &str) -> String {
        let name = plain_name(name);
        match self.path.as_str() {
            "" => quoted(&name),
            path => quoted(&format!("{path}.{name}")),
        }
    }
}

fn malformed(version: &VersionId, fault: &str) -> Error {
    let text = format!("secret version {version}: {fault}");
    Error::new(ErrorKind::Malformed, text)
}

fn quoted(name: &str) -> String {
    match name.starts_with('(') {
        true => name.to_owned(),
        false => format!("`{name}`"),
    }
}

/// Reads the text in the format that it has.
fn read(text: &str, fields: &Fields) -> Result<Section, String> {
    match text.trim_start().chars().next() {
        None => return Err(format!("it is empty; {EXAMPLE}")),
        Some('{') => return json::read(text, fields),
        Some('<') => return Err(format!("it is XML or HTML; {EXAMPLE}")),
        _ if csv::is_csv(text, fields) => return csv::read(text, fields),
        Some('"') => return json::read(text, fields),
        // An array, or the name of a profile.
        Some('[') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            return json::read(text, fields);
        }
        Some(_) => {}
    }
    let top = lines::read(text, fields);
    let mut has_part = top.has_part();
    top.walk(&mut |_, section| has_part |= section.has_part());
    // No name is quoted otherwise: what looks like one may be a piece of a secret.
    if has_part {
        return Ok(top);
    }
    let first = text.trim_start().chars().next();
    Err(match first.filter(|c| !c.is_ascii_graphic()) {
        Some(c) => format!(
            "it starts with the character {}, which does not belong there; remove it",
            code_point(c)
        ),
        None => format!(
            "it is neither a JSON object nor lines of `name = value` with an access key; {EXAMPLE}"
        ),
    })
}

/// Returns the way to the section that holds the key: the top, if it has a part of one, or else the only one that has a
/// key, or a part of one.
fn choose(top: &Section) -> Result<Vec<usize>, String> {
    if top.has_part() {
        return Ok(Vec::new());
    }
    let (mut keys, mut parts, mut default) = (Vec::new(), Vec::new(), None);
    top.walk(&mut |way, section| {
        if section.has_key() {
            keys.push(way.to_vec());
            if section.name == DEFAULT_PROFILE {
                default = default.take().or_else(|| Some(way.to_vec()));
            }
        } else if section.has_part() {
            parts.push(way.to_vec());
        }
    });
    match (keys.len(), parts.len()) {
        (1, _) => Ok(keys.remove(0)),
        (0, 1) => Ok(parts.remove(0)),
        (0, _) => Ok(Vec::new()),
        _ => default.ok_or_else(|| {
            let places = places(top, |_, section| section.has_key());
            format!(
                "more than one place holds a key: it is {}; leave one, or call the right profile `{DEFAULT_PROFILE}`",
                list(&places)
            )
        }),
    }
}

/// Returns the paths of the sections within `top` that `is_wanted`, each once.
fn places(top: &Section, is_wanted: impl Fn(&str, &Section) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    top.walk(&mut |way, section| {
        let path = top.path(way);
        if is_wanted(&path, section) && !places.contains(&path) {
            places.push(path);
        }
    });
    places
}

fn list(places: &[String]) -> String {
    let shown: Vec<_> = places
        .iter()
        .take(NAMES)
        .map(|place| format!("inside `{place}`"))
        .collect();
    let more = if places.len() > NAMES { ", …" } else { "" };
    shown.join(", ") + more
}
